package protocol

import (
	"fmt"
	"maps"
	"slices"

	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Coverage is the set of offsets that batches have settled, by partition. The
// zero value is the coverage of a ledger without batches.
type Coverage struct {
	base       *Coverage // of partitions that are not in the map; nil if there is none
	partitions map[string]covered
	// unfinished holds the partitions that a plan named with an unknown end and
	// that have not been read to their end. They must be planned again, even if
	// the source no longer lists them. false overrides an entry of base.
	unfinished map[string]bool
}

// covered is the settled part of one partition, nearly always one interval. If it
// is empty, it has a mark where reading begins.
type covered struct {
	set   interval.Set
	ended bool // the partition has been read to its final end
}

// of returns what is settled of a partition, and whether the ledger has named
// the partition.
func (c *Coverage) of(partition string) (covered, bool) {
	if p, ok := c.partitions[partition]; ok || c.base == nil {
		return p, ok
	}
	return c.base.of(partition)
}

func (c *Coverage) set(partition string, p covered) {
	if c.partitions == nil {
		c.partitions = map[string]covered{}
	}
	c.partitions[partition] = p
}

// Knows reports whether the ledger has named a partition.
func (c *Coverage) Knows(partition string) bool {
	_, ok := c.of(partition)
	return ok
}

// Empty reports whether the ledger has named no partition yet.
func (c *Coverage) Empty() bool { return len(c.partitions) == 0 && (c.base == nil || c.base.Empty()) }

// Partitions returns the number of partitions that the ledger has named, given a
// coverage without a base.
func (c *Coverage) Partitions() int { return len(c.partitions) }

// Add adds a batch. An undecided one covers everything that it planned.
func (c *Coverage) Add(e *Entry) error {
	for _, s := range e.Plan.Starts {
		if err := c.start(s); err != nil {
			return err
		}
	}
	for _, r := range e.Plan.Ranges { // also for those that the commit does not reach
		if err := c.begin(r); err != nil {
			return err
		}
	}
	if e.Commit == nil {
		for _, r := range e.Plan.Ranges {
			if err := c.Settle(reserve(r)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range e.Commit.Accounts {
		if err := c.Settle(a); err != nil {
			return err
		}
	}
	return nil
}

// reserve returns an account of everything that a commit may settle of a range.
func reserve(r ledger.Range) ledger.Account {
	if r.To == ledger.UnknownEnd {
		return ledger.Account{Range: ledger.Range{Partition: r.Partition, From: r.From, To: r.From}, End: true}
	}
	return ledger.Account{Range: r}
}

// begin marks where a partition begins, if this is its first planned range, and
// notes the partition as unfinished if the range has an unknown end.
func (c *Coverage) begin(r ledger.Range) error {
	if p, _ := c.of(r.Partition); r.To == ledger.UnknownEnd && !p.ended {
		c.setUnfinished(r.Partition, true)
	}
	if c.Knows(r.Partition) {
		return nil
	}
	return c.start(ledger.Start{Partition: r.Partition, At: r.From})
}

func (c *Coverage) setUnfinished(partition string, unfinished bool) {
	if c.unfinished == nil {
		c.unfinished = map[string]bool{}
	}
	if c.unfinished[partition] = unfinished; !unfinished && c.base == nil {
		delete(c.unfinished, partition)
	}
}

// Unfinished returns the partitions that were planned with an unknown end and
// have not been read to their end. The caller must not change the map.
func (c *Coverage) Unfinished() map[string]bool {
	if c.base == nil {
		return c.unfinished
	}
	out := maps.Clone(c.base.Unfinished())
	for p, unfinished := range c.unfinished {
		if out == nil {
			out = map[string]bool{}
		}
		if out[p] = unfinished; !unfinished {
			delete(out, p)
		}
	}
	return out
}

// start settles the skipped offsets before a partition's start, or marks it.
func (c *Coverage) start(s ledger.Start) error {
	return c.Settle(ledger.Account{Range: ledger.Range{Partition: s.Partition, From: s.At - s.Skipped, To: s.At}})
}

// Settle adds the range of an account. Without a base it returns an error if one
// of the offsets is settled already. Above a base that is no error: a batch that
// was undecided when it was read may since have left offsets to a later one.
func (c *Coverage) Settle(a ledger.Account) error {
	p, _ := c.of(a.Partition)
	if c.base != nil {
		p.set = slices.Clone(p.set) // it may belong to the base
	} else {
		for range p.set.Overlaps(interval.Interval{From: a.From, To: a.To}) {
			return fmt.Errorf("stream: ledger is damaged: %v is committed twice", a.Range)
		}
	}
	if p.ended = p.ended || a.End; p.ended && c.Unfinished()[a.Partition] {
		c.setUnfinished(a.Partition, false)
	}
	p.set.Add(interval.Interval{From: a.From, To: a.To})
	c.set(a.Partition, p)
	return nil
}

// Free returns the parts of a range that are not settled, in ascending order.
func (c *Coverage) Free(r ledger.Range) (free []ledger.Range) {
	p, _ := c.of(r.Partition)
	if p.ended && r.To == ledger.UnknownEnd {
		return nil
	}
	for gap := range p.set.Gaps(interval.Interval{From: r.From, To: r.To}) {
		free = append(free, ledger.Range{Partition: r.Partition, From: gap.From, To: gap.To})
	}
	return free
}

// Waiting returns the number of offsets in a range that are not settled, or 0 if
// its end is unknown.
func (c *Coverage) Waiting(r ledger.Range) (n int64) {
	if r.To == ledger.UnknownEnd || r.To <= r.From {
		return 0
	}
	p, _ := c.of(r.Partition)
	for gap := range p.set.Gaps(interval.Interval{From: r.From, To: r.To}) {
		n += gap.Len()
	}
	return n
}

// Intervals returns the number of intervals that the settled offsets of a
// partition form.
func (c *Coverage) Intervals(partition string) int {
	p, _ := c.of(partition)
	return len(p.set)
}

// Lowest returns the lowest offset of a partition that is not settled, and
// whether the ledger has named the partition.
func (c *Coverage) Lowest(partition string) (int64, bool) {
	p, ok := c.of(partition)
	if !ok || len(p.set) == 0 {
		return 0, ok
	}
	return p.set[0].To, true
}

// LowestOfAll returns Lowest for each partition that the ledger has named.
func (c *Coverage) LowestOfAll() map[string]int64 {
	out := map[string]int64{}
	for x := c; x != nil; x = x.base {
		for p := range x.partitions {
			out[p], _ = c.Lowest(p)
		}
	}
	return out
}

// Last returns the end of the last settled interval of a partition, or 0 if there
// is none.
func (c *Coverage) Last(partition string) int64 {
	p, _ := c.of(partition)
	return p.set.End()
}

// Ended reports whether a partition has been read to its final end.
func (c *Coverage) Ended(partition string) bool {
	p, _ := c.of(partition)
	return p.ended
}

// Snapshot returns the snapshot through a batch, given the coverage, without a
// base, of all batches up to it.
func (c *Coverage) Snapshot(through int64) ledger.Snapshot {
	s := ledger.Snapshot{Through: through, Settled: make(map[string]ledger.Settled, len(c.partitions))}
	for name, p := range c.partitions {
		x := ledger.Settled{Ended: p.ended, Ranges: make([][2]int64, len(p.set))}
		for i, v := range p.set {
			x.Ranges[i] = [2]int64{v.From, v.To}
		}
		s.Settled[name] = x
	}
	s.Unfinished = slices.Sorted(maps.Keys(c.unfinished))
	return s
}

// FromSnapshot returns the coverage that a snapshot was made of.
func FromSnapshot(s *ledger.Snapshot) Coverage {
	c := Coverage{partitions: make(map[string]covered, len(s.Settled))}
	for name, x := range s.Settled {
		p := covered{ended: x.Ended, set: make(interval.Set, len(x.Ranges))}
		for i, v := range x.Ranges {
			p.set[i] = interval.Interval{From: v[0], To: v[1]}
		}
		c.partitions[name] = p
	}
	for _, name := range s.Unfinished {
		c.setUnfinished(name, true)
	}
	return c
}
