// Package protocol is the protocol by which engines share a ledger. From what a
// process knows of the ledger's records, State.Next returns the one action to
// take next, and State.Learn adds its result. Whatever happened before, such as
// a crash, a lost reply, or another process that was faster, is in the records
// or did not happen. Neither method does I/O, so that tests can drive them
// through every order of events.
package protocol

import (
	"fmt"
	"slices"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// State is what a process knows of its ledger.
type State struct {
	// Through is the last batch that the newest known snapshot covers. Records
	// of batches up to it are void: some may have been removed, and others put
	// since.
	Through int64
	// First is the first batch that is not known to be done, and Settled is what
	// the batches before it have settled. Tail holds the batches from First on
	// that are known to be planned.
	First   int64
	Settled Coverage
	Tail    []Entry
	// Wanted is a plan that has not been put yet, or nil.
	Wanted *ledger.Plan
	// Looked reports whether the process has looked for a newer snapshot since it
	// last learned of a record.
	Looked bool

	nextPlan knowledge // of the plan after Tail
}

// Entry is a batch that is planned and not known to be done.
type Entry struct {
	Plan   *ledger.Plan
	Commit *ledger.Commit // nil if undecided

	Staged    *ledger.Commit // the commit to put for what this process has staged, or nil
	Published bool           // whether this process has published the batch

	commit, done knowledge // of the two records
}

// Undecided reports whether the batch is not known to have a commit.
func (e *Entry) Undecided() bool { return e.commit != present }

// knowledge is what is known of one record.
type knowledge int

const (
	unread knowledge = iota
	absent
	present
)

// Verb is a kind of action.
type Verb int

const (
	Read     Verb = iota // read a record
	Look                 // look for a newer snapshot
	Choose               // ask the source for ranges to claim
	Put                  // put a record, and read the one that exists then
	Stage                // read, transform and stage the planned ranges
	Publish              // publish the committed receipts
	Snapshot             // put a snapshot of Settled
)

// Record is a kind of record.
type Record string

const (
	Plan   Record = "plan"
	Commit Record = "commit"
	Done   Record = "done"
)

// Action is what to do next.
type Action struct {
	Verb   Verb
	Batch  int64
	Record Record // to Read or Put
}

// Result is the result of an action that succeeded. An action that failed, or
// whose outcome is unknown, has none and is repeated.
type Result struct {
	Plan     *ledger.Plan     // of Read and Put: the record, nil if there is none; of Choose: the plan to put
	Commit   *ledger.Commit   // of Read and Put: likewise; of Stage: the commit to put
	Decided  *ledger.Commit   // of Stage: the commit of another attempt that has decided the batch meanwhile
	Done     bool             // of Read and Put: whether the record exists
	Snapshot *ledger.Snapshot // of Look: the newest, if it covers more than Through
}

// New returns the state of a process that has read nothing yet.
func New() State { return State{First: 1} }

// Number returns the batch number of Tail[i].
func (s *State) Number(i int) int64 { return s.First + int64(i) }

// Entry returns the batch of a number, or nil if it is not in the tail.
func (s *State) Entry(batch int64) *Entry {
	if i := batch - s.First; i >= 0 && i < int64(len(s.Tail)) {
		return &s.Tail[i]
	}
	return nil
}

// Next returns the next action. A snapshot is due when period batches are done
// that the newest one does not cover. mayFinish reports whether this process is
// to finish a batch that is not done. Whatever it returns is safe, because all
// processes that finish a batch reach the same result.
//
// First, everything is read in the order of the numbers and without a gap, so
// that a process never claims a number above one that it has not seen. Then it
// looks for a newer snapshot: if there is none, nothing had been removed before
// it was read. Only then is anything put or published.
func (s *State) Next(period int64, mayFinish func(batch int64, e *Entry) bool) Action {
	for i := range s.Tail {
		switch e := &s.Tail[i]; {
		case e.commit == unread:
			return Action{Read, s.Number(i), Commit}
		case e.commit == present && e.done == unread:
			return Action{Read, s.Number(i), Done}
		}
	}
	next := s.Number(len(s.Tail))
	switch {
	case s.nextPlan == unread:
		return Action{Read, next, Plan}
	case !s.Looked:
		return Action{Verb: Look, Batch: s.First}
	}
	for i := range s.Tail {
		if e := &s.Tail[i]; e.commit == present && e.done == absent && mayFinish(s.Number(i), e) {
			if e.Published {
				return Action{Put, s.Number(i), Done}
			}
			return Action{Verb: Publish, Batch: s.Number(i)}
		}
	}
	for i := range s.Tail {
		if e := &s.Tail[i]; e.commit == absent && mayFinish(s.Number(i), e) {
			if e.Staged != nil {
				return Action{Put, s.Number(i), Commit}
			}
			return Action{Verb: Stage, Batch: s.Number(i)}
		}
	}
	switch {
	case s.First-1-s.Through >= period:
		return Action{Verb: Snapshot, Batch: s.First}
	case s.Wanted == nil:
		return Action{Verb: Choose, Batch: next}
	default:
		return Action{Put, next, Plan}
	}
}

// HasStaged reports whether this process has staged rows that are not known to
// be published.
func (s *State) HasStaged() bool {
	return slices.ContainsFunc(s.Tail, func(e Entry) bool { return e.Staged != nil && e.done != present })
}

// Refresh forgets what other processes may have changed since it was read.
func (s *State) Refresh() {
	for i := range s.Tail {
		if e := &s.Tail[i]; e.commit == absent && e.Staged == nil {
			e.commit = unread
		} else if e.commit == present && e.done == absent && !e.Published {
			e.done = unread
		}
	}
	s.nextPlan, s.Looked = unread, false
}

// Learn adds the result of an action that Next returned. An error means that
// the ledger's records contradict each other.
func (s *State) Learn(a Action, r Result) error {
	e := s.Entry(a.Batch)
	if a.Record != Plan && a.Verb != Choose && a.Verb != Look && a.Verb != Snapshot && e == nil {
		return fmt.Errorf("stream: result for batch %d, which is not in progress", a.Batch)
	}
	switch {
	case a.Verb == Look:
		s.Looked = true
		if r.Snapshot != nil {
			s.rebase(r.Snapshot)
		}
		return s.settle()
	case a.Verb == Snapshot:
		s.Through = a.Batch - 1
	case a.Verb == Choose:
		s.Wanted = r.Plan
	case a.Verb == Stage && r.Decided != nil:
		return s.decide(a.Batch, e, r.Decided)
	case a.Verb == Stage:
		e.Staged = r.Commit
	case a.Verb == Publish:
		e.Published = true
	case a.Record == Plan:
		return s.planned(a, r.Plan)
	case a.Record == Commit && r.Commit != nil:
		return s.decide(a.Batch, e, r.Commit)
	case a.Record == Commit:
		e.commit, s.Looked = absent, false
	case r.Done:
		e.done, s.Looked = present, false
	default:
		e.done, s.Looked = absent, false
	}
	return nil
}

// planned learns the plan after the tail, nil if there is none. After a put it
// may be another process's plan; the wanted ranges must then be chosen again.
func (s *State) planned(a Action, p *ledger.Plan) error {
	s.Looked, s.nextPlan = false, absent
	if p == nil {
		return nil
	}
	if p.Batch != a.Batch {
		return fmt.Errorf("stream: ledger is damaged: the record for the plan of batch %d holds that of batch %d", a.Batch, p.Batch)
	}
	s.Wanted, s.nextPlan = nil, unread
	s.Tail = append(s.Tail, Entry{Plan: p})
	return nil
}

// decide learns a batch's commit.
func (s *State) decide(batch int64, e *Entry, c *ledger.Commit) error {
	if c.Batch != batch {
		return fmt.Errorf("stream: ledger is damaged: the record for the commit of batch %d holds that of batch %d", batch, c.Batch)
	}
	e.commit, e.Commit, s.Looked = present, c, false
	return nil
}

// settle moves the done batches at the head of the tail into Settled. It must
// only be called after a look: until then, a commit that this process has put
// may be void.
func (s *State) settle() error {
	for len(s.Tail) > 0 && s.Tail[0].done == present {
		if err := s.Settled.Add(&s.Tail[0]); err != nil {
			return err
		}
		s.Tail = slices.Delete(s.Tail, 0, 1)
		s.First++
	}
	return nil
}

// rebase takes over a newer snapshot. The batches that it covers are done, and
// what is known of their records is void.
func (s *State) rebase(snapshot *ledger.Snapshot) {
	s.Through = snapshot.Through
	if snapshot.Through < s.First {
		return // the batches are known to be done
	}
	n := min(snapshot.Through+1-s.First, int64(len(s.Tail)))
	s.Tail = slices.Delete(s.Tail, 0, int(n))
	s.First, s.Settled = snapshot.Through+1, FromSnapshot(snapshot)
	s.nextPlan, s.Wanted = unread, nil
}

// Claimed returns what must not be claimed: what is settled, and what the batches
// of the tail cover or may still cover.
func (s *State) Claimed() (*Coverage, error) {
	c := Coverage{base: &s.Settled}
	for i := range s.Tail {
		if err := c.Add(&s.Tail[i]); err != nil {
			return nil, err
		}
	}
	return &c, nil
}
