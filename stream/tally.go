package stream

import "fmt"

// tally keeps the accounts of one batch, and sees to it that the source leaves
// out nothing on the way and the transforms answer for rows that exist. It goes
// by range: a plan may name several of one partition.
type tally struct {
	planned []plannedRange
	index   map[string][]int // of a partition's ranges in planned
	list    []Account        // one a range, in the order of first mention
}

// plannedRange is a range and how far it has been read.
type plannedRange struct {
	Range
	next    int64
	account int // of it in the list; -1: none yet
}

func newTally(ranges []Range) *tally {
	t := &tally{index: make(map[string][]int, len(ranges))}
	for i, r := range ranges {
		t.planned = append(t.planned, plannedRange{r, r.From, -1})
		t.index[r.Partition] = append(t.index[r.Partition], i)
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

// add takes an account that must begin where its range's last one ended.
func (t *tally) add(a Account) error {
	p := t.rangeOf(a.Range)
	if p.Partition != a.Partition || a.From != p.next || a.To > p.To {
		return fmt.Errorf("stream: the source answered %v where %v was planned and read up to %d", a.Range, p.Range, p.next)
	}
	p.next = a.To
	if p.account < 0 {
		p.account = len(t.list)
		t.list = append(t.list, a)
		return nil
	}
	t.list[p.account].add(a)
	return nil
}

// rangeOf returns the planned range that goes on where r begins. If there is
// none it returns one that r may have been meant for, to complain about.
func (t *tally) rangeOf(r Range) *plannedRange {
	meant := &plannedRange{}
	for _, i := range t.index[r.Partition] {
		switch p := &t.planned[i]; {
		case p.next == r.From && (p.next < p.To || p.From == p.To):
			return p
		case meant.Partition == "" || p.From <= r.From && r.From < p.To:
			meant = p
		}
	}
	return meant
}

// complete returns an error if a range was not read to its end, though the
// source said that there is no more.
func (t *tally) complete() error {
	for _, p := range t.planned {
		if p.account < 0 || p.next < p.To && !t.list[p.account].End {
			return fmt.Errorf("stream: the source stopped before the end of %v", p.Range)
		}
	}
	return nil
}
