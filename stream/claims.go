package stream

import (
	"fmt"
	"maps"
	"slices"
)

// claims is what committed batches have settled of each partition. The zero
// value is the state of a ledger without a batch.
type claims struct {
	parts map[string]claim
	// begun are the partitions that a plan named to their open end and that
	// have not been read to it. They are owed, whatever the source lists later.
	begun map[string]bool
}

// claim is the settled part of one partition: disjoint ascending intervals,
// nearly always a single one.
type claim struct {
	done  []interval
	ended bool // nothing follows the last interval, ever
}

type interval struct{ from, to int64 }

// knows reports whether the ledger has named a partition.
func (c *claims) knows(partition string) bool {
	_, ok := c.parts[partition]
	return ok
}

// empty reports whether the ledger has named no partition yet.
func (c *claims) empty() bool { return len(c.parts) == 0 }

// begin settles what lies before a planned range, and remembers one without
// an end.
func (c *claims) begin(r Range) error {
	if r.To == Open && !c.parts[r.Partition].ended {
		if c.begun == nil {
			c.begun = map[string]bool{}
		}
		c.begun[r.Partition] = true
	}
	return c.start(Start{Partition: r.Partition, At: r.From})
}

// owed returns an extent for each partition that was begun and that is not
// among the extents: moved, deleted, or not asked for any more.
func (c *claims) owed(extents []Extent) []Extent {
	if len(c.begun) == 0 {
		return nil
	}
	missing := maps.Clone(c.begun)
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
// break the promise of the ledger, so that is an error.
func (c *claims) settle(a Account) error {
	if c.parts == nil {
		c.parts = map[string]claim{}
	}
	cl := c.parts[a.Partition]
	if cl.ended = cl.ended || a.End; cl.ended {
		delete(c.begun, a.Partition)
	}
	if a.From == a.To && len(cl.done) > 0 {
		c.parts[a.Partition] = cl
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
		if max(v.from, a.From) < min(v.to, a.To) {
			return fmt.Errorf("stream: ledger is damaged: %v is committed twice", a.Range)
		}
		from, to = min(from, v.from), max(to, v.to)
	}
	cl.done = slices.Replace(cl.done, i, j, interval{from, to})
	c.parts[a.Partition] = cl
	return nil
}

// free returns the lowest run of an extent that nobody has settled, and
// whether there is one.
func (c *claims) free(e Extent) (Range, bool) {
	r := e.Range
	cl, known := c.parts[r.Partition]
	if known && cl.ended && r.To == Open {
		return r, false
	}
	for _, v := range cl.done {
		if v.to <= r.From || v.from == v.to {
			continue
		}
		if v.from > r.From {
			r.To = min(r.To, v.from)
			break
		}
		r.From = v.to
	}
	return r, r.From < r.To
}

// next is the lowest offset that a partition has not settled, given that the
// ledger knows the partition.
func (c *claims) next(partition string) (int64, bool) {
	cl, ok := c.parts[partition]
	if !ok || len(cl.done) == 0 {
		return 0, ok
	}
	return cl.done[0].to, true
}

// settled is next of every partition that the ledger knows.
func (c *claims) settled() map[string]int64 {
	out := make(map[string]int64, len(c.parts))
	for p := range c.parts {
		out[p], _ = c.next(p)
	}
	return out
}

// last is the offset up to which something of a partition is settled.
func (c *claims) last(partition string) int64 {
	if done := c.parts[partition].done; len(done) > 0 {
		return done[len(done)-1].to
	}
	return 0
}

// waiting counts the offsets of extents that nobody has settled, without those
// of extents whose end is not known.
func (c *claims) waiting(extents []Extent) (n int64) {
	for _, e := range extents {
		if e.To == Open || e.To <= e.From {
			continue
		}
		n += e.Len()
		for _, v := range c.parts[e.Partition].done {
			n -= max(0, min(v.to, e.To)-max(v.from, e.From))
		}
	}
	return n
}
