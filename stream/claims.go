package stream

import (
	"fmt"
	"maps"
	"slices"
)

// claims is what batches have settled of each partition. The zero value is the
// state of a ledger without a batch.
type claims struct {
	base  *claims // what parts does not have stands there
	parts map[string]claim
	// begun are the partitions that a plan named to their open end and that
	// have not been read to it, false for those of base that have been since.
	// They are owed, whatever the source lists later.
	begun map[string]bool
}

// claim is the settled part of one partition: disjoint ascending intervals,
// nearly always a single one.
type claim struct {
	done  []interval
	ended bool // nothing follows the last interval, ever
}

type interval struct{ from, to int64 }

// claim returns what is settled of a partition, and whether the ledger has
// named it.
func (c *claims) claim(partition string) (claim, bool) {
	if cl, ok := c.parts[partition]; ok || c.base == nil {
		return cl, ok
	}
	return c.base.claim(partition)
}

// set changes what is settled of a partition.
func (c *claims) set(partition string, cl claim) {
	if c.parts == nil {
		c.parts = map[string]claim{}
	}
	c.parts[partition] = cl
}

// knows reports whether the ledger has named a partition.
func (c *claims) knows(partition string) bool {
	_, ok := c.claim(partition)
	return ok
}

// empty reports whether the ledger has named no partition yet.
func (c *claims) empty() bool { return len(c.parts) == 0 && (c.base == nil || c.base.empty()) }

// add folds a batch. One that is undecided holds all that it planned.
func (c *claims) add(e *entry) error {
	for _, s := range e.plan.Starts {
		if err := c.start(s); err != nil {
			return err
		}
	}
	for _, r := range e.plan.Ranges { // a plan names its partitions, also those its commit did not come to
		if err := c.begin(r); err != nil {
			return err
		}
	}
	if e.committed == nil {
		for _, r := range e.plan.Ranges {
			if err := c.settle(held(r)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range e.committed.Accounts {
		if err := c.settle(a); err != nil {
			return err
		}
	}
	return nil
}

// held is the account that an undecided range may come to.
func held(r Range) Account {
	if r.To == Open {
		return Account{Range: Range{r.Partition, r.From, r.From}, End: true}
	}
	return Account{Range: r}
}

// begin settles what lies before the first range that is planned of a
// partition, and remembers one without an end.
func (c *claims) begin(r Range) error {
	if cl, _ := c.claim(r.Partition); r.To == Open && !cl.ended {
		c.owe(r.Partition, true)
	}
	if c.knows(r.Partition) {
		return nil
	}
	return c.start(Start{Partition: r.Partition, At: r.From})
}

func (c *claims) owe(partition string, owed bool) {
	if c.begun == nil {
		c.begun = map[string]bool{}
	}
	if c.begun[partition] = owed; !owed && c.base == nil {
		delete(c.begun, partition)
	}
}

// owes reports whether a partition was begun and has not been read to its end.
func (c *claims) owes() map[string]bool {
	if c.base == nil {
		return c.begun
	}
	out := maps.Clone(c.base.owes())
	for p, owed := range c.begun {
		if out == nil {
			out = map[string]bool{}
		}
		if out[p] = owed; !owed {
			delete(out, p)
		}
	}
	return out
}

// owed returns an extent for each partition that was begun and that is not
// among the extents: moved, deleted, or not asked for any more.
func (c *claims) owed(extents []Extent) []Extent {
	missing := maps.Clone(c.owes())
	for _, e := range extents {
		delete(missing, e.Partition)
	}
	var out []Extent
	for _, p := range slices.Sorted(maps.Keys(missing)) {
		out = append(out, Extent{Range: Range{Partition: p, To: Open}})
	}
	return out
}

// start settles what lies before a partition's start.
func (c *claims) start(s Start) error {
	return c.settle(Account{Range: Range{Partition: s.Partition, From: s.At - s.Skipped, To: s.At}})
}

// settle adds a committed range. Two commits that hold the same offset would
// break the promise of the ledger, so that is an error. Above a base it is none:
// a batch that was undecided when it was read may have left something to one
// that was read later.
func (c *claims) settle(a Account) error {
	cl, _ := c.claim(a.Partition)
	if c.base != nil {
		cl.done = slices.Clone(cl.done) // it may be the base's
	}
	if cl.ended = cl.ended || a.End; cl.ended && c.owes()[a.Partition] {
		c.owe(a.Partition, false)
	}
	if a.From == a.To && len(cl.done) > 0 {
		c.set(a.Partition, cl)
		return nil
	}
	i, _ := slices.BinarySearchFunc(cl.done, a.From, func(v interval, from int64) int {
		if v.to < from {
			return -1
		}
		return 1
	}) // the first interval that ends at a.From or later
	from, to, j := a.From, a.To, i
	for ; j < len(cl.done) && cl.done[j].from <= to; j++ {
		v := cl.done[j]
		if c.base == nil && max(v.from, a.From) < min(v.to, a.To) {
			return fmt.Errorf("stream: ledger is damaged: %v is committed twice", a.Range)
		}
		from, to = min(from, v.from), max(to, v.to)
	}
	cl.done = slices.Replace(cl.done, i, j, interval{from, to})
	c.set(a.Partition, cl)
	return nil
}

// free returns the lowest run of an extent that nobody has settled, and
// whether there is one.
func (c *claims) free(e Extent) (Range, bool) {
	if runs := c.runs(e); len(runs) > 0 {
		return runs[0], true
	}
	return Range{}, false
}

// runs returns what of an extent nobody has settled, in ascending order.
func (c *claims) runs(e Extent) (out []Range) {
	cl, _ := c.claim(e.Partition)
	if cl.ended && e.To == Open {
		return nil
	}
	r := e.Range
	for _, v := range cl.done {
		if v.to <= r.From || v.from == v.to {
			continue
		}
		if v.from >= e.To {
			break
		}
		if v.from > r.From {
			out = append(out, Range{e.Partition, r.From, v.from})
		}
		r.From = v.to
	}
	if r.From < r.To {
		out = append(out, r)
	}
	return out
}

// intervals is how many pieces the settled part of a partition is in.
func (c *claims) intervals(partition string) int {
	cl, _ := c.claim(partition)
	return len(cl.done)
}

// next is the lowest offset that a partition has not settled, given that the
// ledger knows the partition.
func (c *claims) next(partition string) (int64, bool) {
	cl, ok := c.claim(partition)
	if !ok || len(cl.done) == 0 {
		return 0, ok
	}
	return cl.done[0].to, true
}

// settled is next of every partition that the ledger knows.
func (c *claims) settled() map[string]int64 {
	out := map[string]int64{}
	for x := c; x != nil; x = x.base {
		for p := range x.parts {
			out[p], _ = c.next(p)
		}
	}
	return out
}

// last is the offset up to which something of a partition is settled.
func (c *claims) last(partition string) int64 {
	if cl, _ := c.claim(partition); len(cl.done) > 0 {
		return cl.done[len(cl.done)-1].to
	}
	return 0
}

// ended reports whether a partition has been read to an end that is final.
func (c *claims) ended(partition string) bool {
	cl, _ := c.claim(partition)
	return cl.ended
}

// waiting counts the offsets of extents that nobody has settled, without those
// of extents whose end is not known.
func (c *claims) waiting(extents []Extent) (n int64) {
	for _, e := range extents {
		if e.To == Open || e.To <= e.From {
			continue
		}
		n += e.Len()
		cl, _ := c.claim(e.Partition)
		for _, v := range cl.done {
			n -= max(0, min(v.to, e.To)-max(v.from, e.From))
		}
	}
	return n
}
