package stream

import "fmt"

// tally keeps the accounts of one batch, and sees to it that the source leaves
// out nothing on the way and the transforms answer for rows that exist.
type tally struct {
	planned map[string]Range
	index   map[string]int // of a partition in list
	list    []Account      // in the order of first mention
}

func newTally(ranges []Range) *tally {
	t := &tally{planned: make(map[string]Range, len(ranges)), index: map[string]int{}}
	for _, r := range ranges {
		t.planned[r.Partition] = r
	}
	return t
}

// fate is what became of a message.
type fate uint8

const (
	dropped fate = iota
	written
	refused
)

// take adds a chunk and what was made of it to the accounts.
func (t *tally) take(c Chunk, r Result) error {
	fates, err := fatesOf(int(chunkRows(c)), r)
	if err != nil {
		return err
	}
	row := 0
	for _, a := range c.Accounts {
		if err := a.check(); err != nil {
			return err
		}
		if a.Read > int64(len(fates)-row) {
			return fmt.Errorf("stream: the source accounts for more than a chunk's %d messages", len(fates))
		}
		a.Written, a.Rejected, a.Dropped = 0, 0, 0
		for _, f := range fates[row : row+int(a.Read)] {
			switch f {
			case written:
				a.Written++
			case refused:
				a.Rejected++
			default:
				a.Dropped++
			}
		}
		row += int(a.Read)
		if err := t.add(a); err != nil {
			return err
		}
	}
	if row != len(fates) {
		return fmt.Errorf("stream: the source accounts for %d of a chunk's %d messages", row, len(fates))
	}
	return nil
}

// fatesOf tells for each message of a chunk what became of it. One that was
// rejected after some of its rows had passed counts as rejected.
func fatesOf(n int, r Result) ([]fate, error) {
	fates := make([]fate, n)
	for _, rows := range r.Rows {
		for i := range int(rows.Record.NumRows()) {
			from := i
			if rows.From != nil {
				from = int(rows.From[i])
			}
			if from < 0 || from >= n {
				return nil, fmt.Errorf("stream: a row of table %q comes from message %d of %d", rows.Table, from, n)
			}
			fates[from] = written
		}
	}
	for _, x := range r.Rejects {
		if x.Row < 0 || x.Row >= n {
			return nil, fmt.Errorf("stream: message %d of %d is rejected: %s", x.Row, n, x.Cause)
		}
		fates[x.Row] = refused
	}
	return fates, nil
}

// add takes an account that must begin where its partition's last one ended.
func (t *tally) add(a Account) error {
	planned, ok := t.planned[a.Partition]
	i, begun := t.index[a.Partition]
	from := planned.From
	if begun {
		from = t.list[i].To
	}
	if !ok || a.From != from || a.To > planned.To {
		return fmt.Errorf("stream: the source answered %v where %v was planned and read up to %d", a.Range, planned, from)
	}
	if !begun {
		t.index[a.Partition] = len(t.list)
		t.list = append(t.list, a)
		return nil
	}
	t.list[i].add(a)
	return nil
}

// complete returns an error if a range was not read to its end, though the
// source said that there is no more.
func (t *tally) complete() error {
	for partition, r := range t.planned {
		i, begun := t.index[partition]
		if !begun || (t.list[i].To < r.To && !t.list[i].End) {
			return fmt.Errorf("stream: the source stopped before the end of %v", r)
		}
	}
	return nil
}
