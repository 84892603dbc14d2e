package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// span is a half-open run of offsets.
type span struct{ from, to int64 }

// cover is a set of offsets: disjoint ascending spans that do not touch,
// nearly always a single one.
type cover []span

// add adds [from, to), and returns the part that was there already, if any.
func (c *cover) add(s span) (twice span) {
	if s.from >= s.to {
		return span{}
	}
	i, _ := slices.BinarySearchFunc(*c, s.from, func(v span, from int64) int {
		if v.to < from {
			return -1
		}
		return 1
	}) // the first that ends at s.from or later
	j, joined := i, s
	for ; j < len(*c) && (*c)[j].from <= s.to; j++ {
		v := (*c)[j]
		if o := meet(v, s); o.from < o.to && twice == (span{}) {
			twice = o
		}
		joined.from, joined.to = min(joined.from, v.from), max(joined.to, v.to)
	}
	*c = slices.Replace(*c, i, j, joined)
	return twice
}

// meet is what two spans share; it may be empty.
func meet(a, b span) span {
	o := span{max(a.from, b.from), min(a.to, b.to)}
	if o.from >= o.to {
		return span{}
	}
	return o
}

// free returns what of s is not in c.
func (c cover) free(s span) (out []span) {
	for _, v := range c {
		if v.to <= s.from {
			continue
		}
		if v.from >= s.to {
			break
		}
		if v.from > s.from {
			out = append(out, span{s.from, v.from})
		}
		s.from = v.to
	}
	if s.from < s.to {
		out = append(out, s)
	}
	return out
}

// within returns what of s is in c.
func (c cover) within(s span) (out []span) {
	for _, v := range c {
		if o := meet(v, s); o.from < o.to {
			out = append(out, o)
		}
	}
	return out
}

// last is where the set ends.
func (c cover) last() int64 {
	if len(c) == 0 {
		return 0
	}
	return c[len(c)-1].to
}

// partition is what the ledger says of one.
type partition struct {
	Partition
	known   bool  // it has a start
	settled cover // by commits, and by starts that skip
	planned cover // by plans that are not decided
}

// begin notes an offset that the partition begins at, at the latest.
func (p *partition) begin(at int64) {
	if !p.known || at < p.Start {
		p.Start, p.known = at, true
	}
}

// settle adds an account to the sums.
func (p *partition) settle(a stream.Account) (twice span) {
	p.Ended = p.Ended || a.End
	p.End = max(p.End, a.To)
	p.Read += a.Read
	p.Control += a.Control
	p.Aborted += a.Aborted
	p.Compacted += a.Compacted
	p.Lost += a.Lost
	p.Written += a.Written
	p.Rejected += a.Rejected
	p.Dropped += a.Dropped
	return p.settled.add(span{a.From, a.To})
}

// holes returns the offsets between the start and the end that are in no
// commit, and in no plan that is undecided.
func (p *partition) holes() (out []span) {
	for _, gap := range p.settled.free(span{p.Start, p.settled.last()}) {
		out = append(out, p.planned.free(gap)...)
	}
	return out
}

// String gives the offsets as first to last.
func (s span) String() string {
	if s.to == ledger.UnknownEnd {
		return fmt.Sprintf("%d and all that follow", s.from)
	}
	return fmt.Sprintf("%d to %d", s.from, s.to-1)
}

// book is what the ledger says of each partition.
type book map[string]*partition

// readBook makes a book of the ledger as it is now.
func readBook(ctx context.Context, l *ledger.Ledger) (book, error) {
	b := book{}
	for rec, err := range l.Batches(ctx) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return nil, err
		}
		if rec.Plan != nil {
			b.plan(rec)
		}
		if rec.Commit != nil {
			for _, acc := range rec.Commit.Accounts {
				b.partition(acc.Partition).settle(acc)
			}
		}
	}
	return b, nil
}

// plan takes the starts of partitions, and what is claimed and not decided.
func (b book) plan(rec ledger.Batch) {
	for _, s := range rec.Plan.Starts {
		p := b.partition(s.Partition)
		p.begin(s.At - s.Skipped)
		if s.Skipped > 0 {
			p.Skipped += s.Skipped
			p.End = max(p.End, s.At)
			p.settled.add(span{s.At - s.Skipped, s.At})
		}
	}
	for _, r := range rec.Plan.Ranges {
		p := b.partition(r.Partition)
		p.begin(r.From)
		if rec.Commit == nil {
			p.planned.add(span{r.From, r.To})
			if r.To != ledger.UnknownEnd {
				p.Undecided += r.Len()
			}
		}
	}
}

func (b book) partition(name string) *partition {
	p := b[name]
	if p == nil {
		p = &partition{Partition: Partition{Name: name, Waiting: -1, Gone: -1}}
		b[name] = p
	}
	return p
}

// next is the lowest offset that is not settled.
func (p *partition) next() int64 {
	for _, s := range p.settled {
		if s.from <= p.Start && p.Start < s.to {
			return s.to
		}
	}
	return p.Start
}
