package stream

import "fmt"

// The protocol is next, a pure function: from what a process knows of the
// ledger's records it tells the one thing to do. Whatever happened before, a
// crash, a lost answer, another process that was faster, is in the records or
// did not happen. learn adds an answer to what is known. Neither does I/O, so
// a test can drive them through every order of events.

// view is what a process knows of its ledger.
type view struct {
	// batch is the first batch that is not known to be done; claims is what
	// all batches before it settled.
	batch  int64
	claims claims

	plan, commit, done knowledge
	planned            *Plan
	committed          *Commit

	// What this process holds for the batch and has not put yet.
	wanted    *Plan   // ranges it would claim
	staged    *Commit // rows it staged, if the batch is still undecided
	published bool
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
	doRead    verb = iota // read a record
	doChoose              // ask the source for ranges to claim
	doPut                 // put a record, and read what stands there
	doStage               // read, transform and stage the planned ranges
	doPublish             // publish the committed receipts
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
	plan   *Plan   // the record read, or that stands after a put; or what was chosen
	commit *Commit // likewise; or what was staged
	done   *Done
}

// newView knows nothing yet.
func newView() view { return view{batch: 1} }

// next tells what to do. Records are read by their number, upward and without
// a gap, so that nobody claims a number above one that he has not seen.
func (v *view) next() action {
	do := func(verb verb, kind recordKind) action { return action{verb, v.batch, kind} }
	switch {
	case v.plan == unread:
		return do(doRead, kindPlan)
	case v.plan == absent && v.wanted == nil:
		return do(doChoose, "")
	case v.plan == absent:
		return do(doPut, kindPlan)
	case v.commit == unread:
		return do(doRead, kindCommit)
	case v.commit == absent && v.staged == nil:
		return do(doStage, "")
	case v.commit == absent:
		return do(doPut, kindCommit)
	case v.done == unread:
		return do(doRead, kindDone)
	case !v.published:
		return do(doPublish, "")
	default:
		return do(doPut, kindDone)
	}
}

// learn adds the answer to an action that next asked for. An error means that
// the records contradict each other.
func (v *view) learn(a action, got answer) error {
	if a.batch != v.batch {
		return fmt.Errorf("stream: answer for batch %d while at %d", a.batch, v.batch)
	}
	switch {
	case a.verb == doChoose:
		v.wanted = got.plan
	case a.verb == doStage:
		v.staged = got.commit
	case a.verb == doPublish:
		v.published = true
	case a.kind == kindPlan:
		v.plan, v.planned = known(got.plan), got.plan
	case a.kind == kindCommit:
		v.commit, v.committed = known(got.commit), got.commit
	case got.done != nil:
		return v.settle()
	default:
		v.done = absent
	}
	return v.check()
}

func known[T any](record *T) knowledge {
	if record == nil {
		return absent
	}
	return present
}

// check compares the batch's records with their names.
func (v *view) check() error {
	if v.planned != nil && v.planned.Batch != v.batch {
		return Permanent(fmt.Errorf("stream: ledger is damaged: the plan of batch %d stands at %d", v.planned.Batch, v.batch))
	}
	if v.committed != nil && v.committed.Batch != v.batch {
		return Permanent(fmt.Errorf("stream: ledger is damaged: the commit of batch %d stands at %d", v.committed.Batch, v.batch))
	}
	return nil
}

// settle closes the batch, which is done, and goes on to the next.
func (v *view) settle() error {
	for _, s := range v.planned.Starts {
		if err := v.claims.start(s); err != nil {
			return Permanent(err)
		}
	}
	for _, r := range v.planned.Ranges { // a plan names its partitions, also those its commit did not come to
		if err := v.claims.begin(r); err != nil {
			return Permanent(err)
		}
	}
	for _, a := range v.committed.Accounts {
		if err := v.claims.settle(a); err != nil {
			return Permanent(err)
		}
	}
	*v = view{batch: v.batch + 1, claims: v.claims}
	return nil
}

// lost reports whether another attempt's commit decided the batch that this
// process had staged.
func (v *view) lost() bool {
	return v.staged != nil && v.committed != nil && v.staged.Token != v.committed.Token
}
