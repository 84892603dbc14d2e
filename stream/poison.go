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
// first half of the batch, the one after it a quarter, and so on to a single
// message; once that has killed three processes it is rejected unread. The
// commit of an attempt that covered only the first part of its batch records the
// limit, and the next plan continues with the rest.

const (
	maxDeathsWhole = 2       // of a whole batch, before it is halved
	maxDeathsAlone = 3       // of a single message, before it is rejected
	maxOpenOffsets = 1 << 16 // the highest limit worth setting on a range with an unknown end
)

// ClassPoison is the Reject.Class of messages that killed the processes that read
// them.
const ClassPoison = "poison"

// attemptScope is what an attempt at a batch covers.
type attemptScope struct {
	batch  int64
	number int            // of the attempt; 1 is the planner's
	ranges []ledger.Range // to be read
	limit  int64          // offsets, if fewer than planned; else 0
	reject string         // if not empty, everything is rejected with this cause

	record     []byte // to begin the attempt with; nil if the plan does
	begun      bool
	heartbeats *heartbeats // nil if the engine is alone
}

// poisonState is the current attempt, and what the last one left out.
type poisonState struct {
	current *attemptScope  // nil if none is under way
	rest    []ledger.Range // what a limited attempt left out of its batch
	size    int64          // how many offsets of rest to cover at a time
}

// beginAttempt begins the next attempt at a batch and returns its scope, or nil
// if another process has begun it first.
func (e *engine) beginAttempt(ctx context.Context, p *ledger.Plan) (*attemptScope, error) {
	t := e.poison.current
	if t == nil || t.batch != p.Batch {
		e.endAttempt(ctx)
		var err error
		if t, err = e.newAttempt(ctx, p); err != nil {
			return nil, err
		}
		e.poison.current = t // a retry continues the same attempt
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
			e.peers[p.Batch] = &peerActivity{status: attempts.Status{Attempt: t.number}, progressAt: time.Now()}
			return nil, nil
		}
		if deaths, err = e.attempts.Deaths(ctx, t.batch, t.number); err != nil {
			return nil, err
		}
	}
	if t.number > 1 {
		e.takeOver(p.Batch)
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

// newAttempt returns the scope of the next attempt at a batch, before it begins.
func (e *engine) newAttempt(ctx context.Context, p *ledger.Plan) (*attemptScope, error) {
	t := &attemptScope{batch: p.Batch, number: 1}
	if e.isOwnPlan(p) {
		return t, nil
	}
	s := &e.peers[p.Batch].status
	if e.alone { // then pollPeers does not update it
		if _, err := e.attempts.Update(ctx, p.Batch, s); err != nil {
			return nil, err
		}
	}
	t.number = s.Attempt + 1
	var err error
	t.record, err = attempts.NewRecord(s.Stuck && !e.alone)
	return t, err
}

// endAttempt ends the current attempt, if any, and records that it failed
// without dying.
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

// dropAttempt ends the current attempt without a record.
func (e *engine) dropAttempt() {
	e.poison.current.heartbeats.stop()
	e.poison.current = nil
}

// cover chooses the ranges, given how many attempts have died.
func (t *attemptScope) cover(p *ledger.Plan, deaths int) {
	all, open := int64(0), false
	for _, r := range p.Ranges {
		all, open = all+estimatedLen(r), open || r.To == ledger.UnknownEnd
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

// estimatedLen returns the number of offsets in a range, 2 if its end is
// unknown: most such ranges are files of one message.
func estimatedLen(r ledger.Range) int64 {
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
		left -= min(estimatedLen(r), left)
		if n > 0 {
			first = append(first, ledger.Range{Partition: r.Partition, From: r.From, To: r.From + n})
		}
		if n < r.Len() {
			rest = append(rest, ledger.Range{Partition: r.Partition, From: r.From + n, To: r.To})
		}
	}
	return first, rest
}

// learn notes what a limited attempt left out of a batch, which may hold a
// message that kills. The next attempt covers as many offsets as this one did,
// or twice as many if this one already followed a limited one.
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

// planRest replaces the ranges of a plan with what the last attempt left out, if
// that is free.
func (s *poisonState) planRest(c *protocol.Coverage, p *ledger.Plan) {
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
