package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// partition is what the ledger says about one partition.
type partition struct {
	Partition
	sum     ledger.Account // of all commits
	started bool           // Start is known
	settled interval.Set   // by commits, and by starts that skip offsets
	planned interval.Set   // by plans that are not decided
	// overtaken is the offsets between the ranges of one plan. A plan has two
	// ranges of a partition if it takes a share of the backlog and of new data.
	overtaken interval.Set
}

// start notes that the partition starts at an offset or before.
func (p *partition) start(at int64) {
	if !p.started || at < p.Start {
		p.Start, p.started = at, true
	}
}

// settle adds an account, and returns offsets that were settled before.
func (p *partition) settle(a ledger.Account) (overlap interval.Interval) {
	p.Ended = p.Ended || a.End
	p.End = max(p.End, a.To)
	p.sum.Add(a)
	return add(&p.settled, a.From, a.To)
}

// add adds [from, to) to a set, unless it is empty.
func add(s *interval.Set, from, to int64) (overlap interval.Interval) {
	if from >= to {
		return interval.Interval{}
	}
	return s.Add(interval.Interval{From: from, To: to})
}

// holes returns the offsets between Start and the last settled one that are
// neither settled nor planned.
func (p *partition) holes() (out []interval.Interval) {
	for gap := range p.settled.Gaps(interval.Interval{From: p.Start, To: p.settled.End()}) {
		for hole := range p.planned.Gaps(gap) {
			out = append(out, hole)
		}
	}
	return out
}

// isBacklog reports whether plans prove that a hole is what remains of a backlog:
// that new data was read before it.
func (p *partition) isBacklog(hole interval.Interval) bool {
	for range p.overtaken.Gaps(hole) {
		return false
	}
	return true
}

// next returns the lowest offset from Start on that is not settled.
func (p *partition) next() int64 { return p.settled.After(p.Start) }

func offsetsOf(r ledger.Range) interval.Interval { return interval.Interval{From: r.From, To: r.To} }

// words gives offsets as first to last.
func words(i interval.Interval) string {
	if i.To == ledger.UnknownEnd {
		return fmt.Sprintf("%d and all that follow", i.From)
	}
	return fmt.Sprintf("%d to %d", i.From, i.To-1)
}

// partitions is what the ledger says about each partition, by name.
type partitions map[string]*partition

// readPartitions reads the ledger anew.
func readPartitions(ctx context.Context, l *ledger.Ledger, since *summary) (partitions, error) {
	ps, from := partitions{}, int64(1)
	if since != nil {
		ps, from = since.partitions(), since.Through+1
	}
	for rec, err := range l.Batches(ctx, from) {
		var damaged *ledger.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return nil, err
		}
		if rec.Plan != nil {
			ps.addPlan(rec)
		}
		if rec.Commit != nil {
			for _, acc := range rec.Commit.Accounts {
				ps.get(acc.Partition).settle(acc)
			}
		}
	}
	return ps, nil
}

// addPlan adds the starts of a plan, and its ranges if it is not decided.
func (ps partitions) addPlan(rec ledger.Batch) {
	for _, s := range rec.Plan.Starts {
		p := ps.get(s.Partition)
		p.start(s.At - s.Skipped)
		if s.Skipped > 0 {
			p.Skipped += s.Skipped
			p.End = max(p.End, s.At)
			add(&p.settled, s.At-s.Skipped, s.At)
		}
	}
	before := make(map[string]int64, len(rec.Plan.Ranges)) // where another range of the partition begins
	for _, r := range rec.Plan.Ranges {
		p := ps.get(r.Partition)
		p.start(r.From)
		if at, ok := before[r.Partition]; ok {
			add(&p.overtaken, min(at, r.From), max(at, r.From))
		}
		before[r.Partition] = r.From
		if rec.Commit == nil {
			add(&p.planned, r.From, r.To)
			if r.To != ledger.UnknownEnd {
				p.Undecided += r.Len()
			}
		}
	}
}

func (ps partitions) get(name string) *partition {
	p := ps[name]
	if p == nil {
		p = &partition{Partition: Partition{Name: name, Waiting: unknown, Gone: unknown}}
		ps[name] = p
	}
	return p
}
