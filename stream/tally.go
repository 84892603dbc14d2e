package stream

import "fmt"

// tally sums up the accounts of one batch. It checks that the source leaves
// nothing out, and that transforms refer to rows that exist.
type tally struct {
	ranges   []rangeProgress
	index    map[string][]int // of a partition's ranges
	accounts []Account        // one for each range that has one, in order of appearance
	fates    []fate           // of the messages of the last chunk
}

// rangeProgress is a planned range and how far it has been read.
type rangeProgress struct {
	Range
	next    int64
	account int // index in tally.accounts, −1 if there is none yet
}

func newTally(ranges []Range) *tally {
	t := &tally{index: make(map[string][]int, len(ranges))}
	for i, r := range ranges {
		t.ranges = append(t.ranges, rangeProgress{r, r.From, -1})
		t.index[r.Partition] = append(t.index[r.Partition], i)
	}
	return t
}

// fate is what became of a message.
type fate uint8

const (
	fateDropped fate = iota
	fateWritten
	fateRejected
)

// add adds a chunk and its result to the accounts.
func (t *tally) add(c Chunk, r Result) error {
	fates, err := fatesOf(int(chunkRows(c)), r)
	if err != nil {
		return err
	}
	t.fates = fates
	row := 0
	for _, a := range c.Accounts {
		if err := a.Check(); err != nil {
			return fmt.Errorf("stream: the source's %w", err)
		}
		if a.Read > int64(len(fates)-row) {
			return fmt.Errorf("stream: the source accounts for more than a chunk's %d messages", len(fates))
		}
		a.Written, a.Rejected, a.Dropped = 0, 0, 0
		for _, f := range fates[row : row+int(a.Read)] {
			switch f {
			case fateWritten:
				a.Written++
			case fateRejected:
				a.Rejected++
			default:
				a.Dropped++
			}
		}
		row += int(a.Read)
		if err := t.addAccount(a); err != nil {
			return err
		}
	}
	if row != len(fates) {
		return fmt.Errorf("stream: the source accounts for %d of a chunk's %d messages", row, len(fates))
	}
	return nil
}

// fatesOf returns the fate of each message of a chunk. A message rejected after
// some of its rows had passed counts as rejected.
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
			fates[from] = fateWritten
		}
	}
	for _, x := range r.Rejects {
		if x.Row < 0 || x.Row >= n {
			return nil, fmt.Errorf("stream: message %d of %d is rejected: %s", x.Row, n, x.Cause)
		}
		fates[x.Row] = fateRejected
	}
	return fates, nil
}

// byTable adds the messages that were written of the last chunk to n, by the table of
// their first rows.
func (t *tally) byTable(n map[string]int64, r Result) {
	if len(r.Rows) == 1 && r.Rows[0].From == nil && len(r.Rejects) == 0 {
		n[r.Rows[0].Table] += r.Rows[0].Record.NumRows()
		return
	}
	counted := make([]bool, len(t.fates))
	for _, rows := range r.Rows {
		for i := range int(rows.Record.NumRows()) {
			from := i
			if rows.From != nil {
				from = int(rows.From[i])
			}
			if !counted[from] && t.fates[from] == fateWritten {
				counted[from] = true
				n[rows.Table]++
			}
		}
	}
}

// addAccount adds an account, which must begin where the one before ended.
func (t *tally) addAccount(a Account) error {
	p := t.rangeOf(a.Range)
	if p.Partition != a.Partition || a.From != p.next || a.To > p.To {
		return fmt.Errorf("stream: the source returned %v, but %v was planned and read up to %d", a.Range, p.Range, p.next)
	}
	p.next = a.To
	if p.account < 0 {
		p.account = len(t.accounts)
		t.accounts = append(t.accounts, a)
		return nil
	}
	t.accounts[p.account].Add(a)
	return nil
}

// rangeOf returns the planned range that has been read up to where r begins. If
// there is none, it returns the one to name in the error.
func (t *tally) rangeOf(r Range) *rangeProgress {
	meant := &rangeProgress{}
	for _, i := range t.index[r.Partition] {
		switch p := &t.ranges[i]; {
		case p.next == r.From && (p.next < p.To || p.From == p.To):
			return p
		case meant.Partition == "" || p.From <= r.From && r.From < p.To:
			meant = p
		}
	}
	return meant
}

// complete returns an error if a range was not read to its end although the
// source has nothing left of it and has not reported it as unreadable.
func (t *tally) complete(unreadable map[string]*UnreadableError) error {
	for _, p := range t.ranges {
		if unreadable[p.Partition] != nil {
			continue
		}
		if p.account < 0 || p.next < p.To && !t.accounts[p.account].End {
			return fmt.Errorf("stream: the source stopped before the end of %v", p.Range)
		}
	}
	return nil
}
