package stream

import (
	"fmt"
	"slices"
)

// The protocol is next, a pure function: from what a process knows of the
// ledger's records it tells the one thing to do. Whatever happened before, a
// crash, a lost answer, another process that was faster, is in the records or
// did not happen. learn adds an answer to what is known. Neither does I/O, so
// a test can drive them through every order of events.

// view is what a process knows of its ledger.
type view struct {
	// through is the last batch under the newest snapshot that is known.
	// Records of batches up to it are not to be relied on: some may have been
	// removed, and others may have landed after that.
	through int64
	// batch is the first batch that is not known to be done; claims is what
	// all batches before it settled. tail are the batches from it on that are
	// known to be planned.
	batch  int64
	claims claims
	tail   []entry

	top    knowledge // of the plan behind the tail
	looked bool      // for a newer snapshot, after all else that is known was read
	wanted *Plan     // ranges to claim, not put yet
}

// entry is a batch that is planned and not known to be done.
type entry struct {
	plan      *Plan
	commit    knowledge
	committed *Commit
	done      knowledge

	staged    *Commit // rows this process staged, while the batch is undecided
	published bool    // by this process
}

// knowledge is what is known of one record.
type knowledge int

const (
	unread knowledge = iota
	absent
	present
)

// verb is something to do.
type verb int

const (
	doRead     verb = iota // read a record
	doLook                 // look for a newer snapshot
	doChoose               // ask the source for ranges to claim
	doPut                  // put a record, and read what stands there
	doStage                // read, transform and stage the planned ranges
	doPublish              // publish the committed receipts
	doSnapshot             // put a snapshot of the claims
)

// action is what to do next, and to which batch.
type action struct {
	verb  verb
	batch int64
	kind  recordKind // of doRead and doPut
}

// answer is what came of an action that succeeded. An action that failed, or
// whose outcome nobody knows, has no answer: it is simply done again.
type answer struct {
	plan     *Plan   // the record read, or that stands after a put; or what was chosen
	commit   *Commit // likewise; or what was staged
	decided  *Commit // the record of another attempt that was found instead of staging
	done     *Done
	snapshot *snapshot // the newest, if it covers more than is known
}

// newView knows nothing yet.
func newView() view { return view{batch: 1} }

// number is the number of a batch in the tail.
func (v *view) number(i int) int64 { return v.batch + int64(i) }

// entry returns the batch of that number, if it is in the tail.
func (v *view) entry(batch int64) *entry {
	if i := batch - v.batch; i >= 0 && i < int64(len(v.tail)) {
		return &v.tail[i]
	}
	return nil
}

// next tells what to do. mine says whether to finish a batch that is not done:
// any answer is safe, for whoever else does so comes to the same end.
//
// First all is read, by numbers upward without a gap, so that nobody claims a
// number above one that he has not seen. Then follows a look for a newer
// snapshot: if there is none, nothing of what was read had been removed. Only
// then something is put or published.
func (v *view) next(period int64, mine func(batch int64, e *entry) bool) action {
	for i := range v.tail {
		switch e := &v.tail[i]; {
		case e.commit == unread:
			return action{doRead, v.number(i), kindCommit}
		case e.commit == present && e.done == unread:
			return action{doRead, v.number(i), kindDone}
		}
	}
	top := v.number(len(v.tail))
	switch {
	case v.top == unread:
		return action{doRead, top, kindPlan}
	case !v.looked:
		return action{verb: doLook, batch: v.batch}
	}
	for i := range v.tail {
		if e := &v.tail[i]; e.commit == present && e.done == absent && mine(v.number(i), e) {
			if e.published {
				return action{doPut, v.number(i), kindDone}
			}
			return action{verb: doPublish, batch: v.number(i)}
		}
	}
	for i := range v.tail {
		if e := &v.tail[i]; e.commit == absent && mine(v.number(i), e) {
			if e.staged != nil {
				return action{doPut, v.number(i), kindCommit}
			}
			return action{verb: doStage, batch: v.number(i)}
		}
	}
	switch {
	case v.batch-1-v.through >= period:
		return action{verb: doSnapshot, batch: v.batch}
	case v.wanted == nil:
		return action{verb: doChoose, batch: top}
	default:
		return action{doPut, top, kindPlan}
	}
}

// holds reports whether rows are staged that are not published yet.
func (v *view) holds() bool {
	return slices.ContainsFunc(v.tail, func(e entry) bool { return e.staged != nil && e.done != present })
}

// refresh forgets what others may have changed meanwhile.
func (v *view) refresh() {
	for i := range v.tail {
		if e := &v.tail[i]; e.commit == absent && e.staged == nil {
			e.commit = unread
		} else if e.commit == present && e.done == absent && !e.published {
			e.done = unread
		}
	}
	v.top, v.looked = unread, false
}

// learn adds the answer to an action that next asked for. An error means that
// the records contradict each other.
func (v *view) learn(a action, got answer) error {
	e := v.entry(a.batch)
	if a.kind != kindPlan && a.verb != doChoose && a.verb != doLook && a.verb != doSnapshot && e == nil {
		return fmt.Errorf("stream: answer for batch %d, which is not in hand", a.batch)
	}
	switch {
	case a.verb == doLook:
		v.looked = true
		if got.snapshot != nil {
			v.rebase(got.snapshot)
		}
		return v.settle()
	case a.verb == doSnapshot:
		v.through = a.batch - 1
	case a.verb == doChoose:
		v.wanted = got.plan
	case a.verb == doStage && got.decided != nil:
		return v.decide(a.batch, e, got.decided)
	case a.verb == doStage:
		e.staged = got.commit
	case a.verb == doPublish:
		e.published = true
	case a.kind == kindPlan:
		return v.planned(a, got.plan)
	case a.kind == kindCommit && got.commit != nil:
		return v.decide(a.batch, e, got.commit)
	case a.kind == kindCommit:
		e.commit, v.looked = absent, false
	case got.done != nil:
		e.done, v.looked = present, false
	default:
		e.done, v.looked = absent, false
	}
	return nil
}

// planned learns of the plan behind the tail, nil if there is none. After a put
// the plan may be another process's, and its ranges then are not free.
func (v *view) planned(a action, p *Plan) error {
	v.looked, v.top = false, absent
	if p == nil {
		return nil
	}
	if p.Batch != a.batch {
		return Permanent(fmt.Errorf("stream: ledger is damaged: the plan of batch %d stands at %d", p.Batch, a.batch))
	}
	v.wanted, v.top = nil, unread
	v.tail = append(v.tail, entry{plan: p})
	return nil
}

// decide learns of a batch's commit.
func (v *view) decide(batch int64, e *entry, c *Commit) error {
	if c.Batch != batch {
		return Permanent(fmt.Errorf("stream: ledger is damaged: the commit of batch %d stands at %d", c.Batch, batch))
	}
	e.commit, e.committed, v.looked = present, c, false
	return nil
}

// settle moves the batches that are done from the head of the tail into the
// claims. It is called after a look only: a commit that this process has put may
// be void until then.
func (v *view) settle() error {
	for len(v.tail) > 0 && v.tail[0].done == present {
		if err := v.claims.add(&v.tail[0]); err != nil {
			return Permanent(err)
		}
		v.tail = slices.Delete(v.tail, 0, 1)
		v.batch++
	}
	return nil
}

// rebase takes up a newer snapshot. What it covers is done; records of it that
// are known, or were put by this process just now, are void.
func (v *view) rebase(s *snapshot) {
	v.through = s.Through
	if s.Through < v.batch {
		return // nothing new
	}
	n := min(s.Through+1-v.batch, int64(len(v.tail)))
	v.tail = slices.Delete(v.tail, 0, int(n))
	v.batch, v.claims = s.Through+1, s.claims()
	v.top, v.wanted = unread, nil
}

// claimed is what nobody may claim any more: what is settled, and what the
// batches of the tail cover or may come to cover.
func (v *view) claimed() (*claims, error) {
	c := claims{base: &v.claims}
	for i := range v.tail {
		if err := c.add(&v.tail[i]); err != nil {
			return nil, Permanent(err)
		}
	}
	return &c, nil
}
