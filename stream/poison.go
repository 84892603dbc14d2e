package stream

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/attempts"
	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// A message may kill every process that reads it, by taking all memory for
// example. After two attempts at a batch have died, the next one covers the
// first half of the batch, the one after it a quarter, until a message is
// alone; once it has killed three processes it is rejected unread. An attempt
// that covered only the first part of its batch says so in the commit, and the
// next plan takes up the rest.

const (
	maxDeathsWhole = 2       // of a whole batch, before it is halved
	maxDeathsAlone = 3       // of a single message, before it is rejected
	maxOpenOffsets = 1 << 16 // above this, a limit on a range with an unknown end has no purpose
)

// attemptScope is what an attempt at a batch covers.
type attemptScope struct {
	batch  int64
	number int            // 1 is the planner's
	ranges []ledger.Range // to be read
	limit  int64          // offsets, if fewer than planned; else 0
	reject string         // the cause for which to reject everything; "" to process it

	record     []byte // that begins it; nil if the plan does
	begun      bool
	heartbeats *heartbeats // nil if no other process watches
}

// poisonState is what an engine knows of attempts that were cut short.
type poisonState struct {
	current *attemptScope  // at the batch in hand, which is not decided yet
	rest    []ledger.Range // what an attempt that was cut short left out
	size    int64          // how many offsets to cover of it at a time
}

// beginAttempt returns what the next attempt at a batch is to cover, or nil if
// another process has begun one first.
func (e *engine) beginAttempt(ctx context.Context, p *ledger.Plan) (*attemptScope, error) {
	t := e.poison.current
	if t == nil || t.batch != p.Batch {
		e.endAttempt(ctx)
		var err error
		if t, err = e.newAttempt(ctx, p); err != nil {
			return nil, err
		}
		e.poison.current = t // retries are the same attempt
	}
	if t.begun {
		return t, nil
	}
	deaths := 0
	if t.record != nil {
		won, err := e.attempts.Begin(ctx, t.batch, t.number, t.record)
		if err != nil {
			return nil, err
		}
		if !won {
			e.poison.current = nil
			e.peers[p.Batch] = &peerActivity{Status: attempts.Status{Attempt: t.number}, progressAt: time.Now()}
			return nil, nil
		}
		if deaths, err = e.attempts.Deaths(ctx, t.batch, t.number); err != nil {
			return nil, err
		}
	}
	t.cover(p, deaths)
	if t.limit > 0 || t.reject != "" {
		e.log.Warn("processes died during this batch", "batch", p.Batch, "times", deaths, "offsets", t.limit, "rejected", t.reject != "")
	}
	if !e.alone {
		t.heartbeats = e.startHeartbeats(ctx, t.batch, t.number)
	}
	t.begun = true
	return t, nil
}

// newAttempt returns the next attempt at a batch, which has not begun.
func (e *engine) newAttempt(ctx context.Context, p *ledger.Plan) (*attemptScope, error) {
	t := &attemptScope{batch: p.Batch, number: 1}
	if e.isOwnPlan(p) {
		return t, nil
	}
	a := e.peers[p.Batch]
	if e.alone { // then peers are not polled
		if _, err := e.attempts.Update(ctx, p.Batch, &a.Status); err != nil {
			return nil, err
		}
	}
	t.number = a.Attempt + 1
	var err error
	t.record, err = attempts.NewRecord(a.Stuck && !e.alone)
	return t, err
}

// endAttempt records that the current attempt has not died, although it came to
// nothing.
func (e *engine) endAttempt(ctx context.Context) {
	t := e.poison.current
	if t == nil {
		return
	}
	e.dropAttempt()
	if err := e.attempts.End(ctx, t.batch, t.number); err != nil {
		e.log.Info("could not record the end of an attempt", "batch", t.batch, "err", err)
	}
}

// dropAttempt ends the current attempt, whose batch is decided.
func (e *engine) dropAttempt() {
	e.poison.current.heartbeats.stop()
	e.poison.current = nil
}

// cover chooses the ranges, given how many attempts have died.
func (t *attemptScope) cover(p *ledger.Plan, deaths int) {
	all, open := int64(0), false
	for _, r := range p.Ranges {
		all, open = all+weight(r), open || r.To == ledger.UnknownEnd
	}
	size, halvings := p.Limit, deaths
	if size == 0 {
		size, halvings = all, max(deaths-maxDeathsWhole+1, 0)
	}
	maxHalvings := max(bits.Len64(uint64(size))-1, 0) // then one offset is left
	t.limit = max(size>>min(halvings, maxHalvings), 1)
	if alone := halvings - maxHalvings; all > 0 && alone >= maxDeathsAlone {
		t.reject = fmt.Sprintf("killed the process that read it, %d times", alone)
	}
	if deaths < maxDeathsWhole && p.Limit == 0 || t.limit >= all && (!open || t.limit >= maxOpenOffsets) {
		t.limit = 0
	}
	t.ranges, _ = split(p.Ranges, t.limit)
}

// weight returns how many offsets a range counts for. One with an unknown end
// counts for two: most are files of one message.
func weight(r ledger.Range) int64 {
	if r.To == ledger.UnknownEnd {
		return 2
	}
	return r.Len()
}

// split cuts ranges after limit offsets; if limit is zero, they stay whole. Of
// each range with an unknown end at most limit offsets are taken.
func split(ranges []ledger.Range, limit int64) (first, rest []ledger.Range) {
	if limit <= 0 {
		return ranges, nil
	}
	left := limit
	for _, r := range ranges {
		n := min(r.Len(), left)
		if r.To == ledger.UnknownEnd && left > 0 {
			n = min(limit, ledger.UnknownEnd-r.From)
		}
		left -= min(weight(r), left)
		if n > 0 {
			first = append(first, ledger.Range{Partition: r.Partition, From: r.From, To: r.From + n})
		}
		if n < r.Len() {
			rest = append(rest, ledger.Range{Partition: r.Partition, From: r.From + n, To: r.To})
		}
	}
	return first, rest
}

// learn takes from a published batch whether the rest of its plan may hold a
// message that kills. As many offsets are then covered at a time as went well,
// and twice as many once that went well too.
func (s *poisonState) learn(x *protocol.Entry) {
	s.rest, s.size = nil, 0
	if n := x.Commit.Limit; n > 0 {
		_, s.rest = split(x.Plan.Ranges, n)
		s.size = n
		if n == x.Plan.Limit {
			s.size = 2 * n
		}
	}
}

// limit replaces the ranges of a plan by those that an attempt left out, as far
// as they are free.
func (s *poisonState) limit(c *protocol.Coverage, p *ledger.Plan) {
	var ranges []ledger.Range
	for _, r := range s.rest {
		if free := c.Free(r); len(free) > 0 && free[0].From == r.From {
			ranges = append(ranges, free[0])
		}
	}
	if ranges != nil {
		p.Ranges, p.Limit = ranges, s.size
	}
	s.rest, s.size = nil, 0
}
