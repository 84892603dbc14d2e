package stream

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream/internal/attempts"
	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// gracePeriod is how long an engine whose context has ended may take to put a
// commit and publish a batch that it has staged.
const gracePeriod = 10 * time.Second

// engine carries out the actions of the protocol in a loop.
type engine struct {
	job      *MicroBatch
	ledger   *ledger.Ledger
	attempts *attempts.Log
	state    protocol.State
	limits   Limits // of the job, with defaults
	interval time.Duration
	workers  int
	alone    bool // see MicroBatch.Alone
	retry    Retry
	takeover Takeover
	log      *slog.Logger

	extents       []Extent        // what the source has; while draining, what it had at first
	listedAt      time.Time       // when the source was asked; zero if never
	draining      bool            // Drain, not Run
	relist        bool            // the source has adopted partitions: a drain must ask it again
	others        map[string]bool // partitions assigned to another process
	truncated     map[string]bool // partitions found truncated
	notifiedFirst int64           // state.First when the source was last notified of what is settled
	moreWaiting   bool            // the last batch did not take everything that was waiting
	unreadable    map[string]unreadablePartition
	ledgerFresh   bool          // the engine has not waited since it read the ledger
	plannedAt     time.Time     // when the last batch was planned
	woken         bool          // Waiter.Wait has returned nil since the last plan
	waitFailed    bool          // Waiter.Wait has returned an error since the last plan
	wakeDelay     time.Duration // from a plan to the next Wait; see waitForSource
	span          span          // the stage under way; see begin

	batchLimits Limits  // of the next batch
	speed       float64 // of the last batch staged here, in bytes a second; 0 if unknown
	messageSize float64 // mean of the last batch, in bytes; 0 if unknown

	ownPlans map[int64]string        // tokens of this engine's plans, by batch
	peers    map[int64]*peerActivity // other engines' activity, by batch that they planned
	poison   poisonState
}

// loop runs batches until an error, until the context ends or, when draining,
// until nothing is left to claim.
func (e *engine) loop(ctx context.Context) (err error) {
	work, stop := withGracePeriod(ctx)
	defer stop()
	defer func() { e.endAttempt(work); e.stopped(err) }()
	for {
		if err := e.step(ctx, work); err != nil {
			if err == errDrained {
				return e.unreadableError()
			}
			return err
		}
	}
}

// errDrained ends the loop of a drain that has nothing left to do.
var errDrained = errors.New("drained")

// step carries out the next action. work outlives ctx by the grace period.
func (e *engine) step(ctx, work context.Context) error {
	s := &e.state
	if s.Looked && !s.HasStaged() && time.Since(e.listedAt) >= e.takeover.peerPoll() && e.hasForeignBatch() {
		if err := e.retrying(ctx, s.First, StagePlan, e.refreshExtents); err != nil {
			return err
		}
	}
	e.pollPeers(work)
	e.notifySource(work)
	a, c := s.Next(e.snapshotPeriod(), e.mayFinish), work
	switch {
	case a.Verb == protocol.Choose && !e.ledgerFresh:
		s.Refresh()
		e.ledgerFresh = true
		return nil
	case a.Verb == protocol.Choose && time.Now().Before(e.nextPlanAt()):
		e.begin(StageWait, a.Batch)
		return e.wait(ctx, e.nextPlanAt())
	case a.Verb == protocol.Stage, a.Verb == protocol.Choose, a.Verb == protocol.Snapshot, !s.HasStaged():
		c = ctx // may be interrupted: nothing is lost
	}
	e.beginAction(a)
	var got protocol.Result
	err := e.retrying(c, a.Batch, stageOf(a), func(ctx context.Context) (err error) {
		got, err = e.do(ctx, a)
		return err
	})
	if err != nil {
		return err
	}
	switch a.Verb {
	case protocol.Put, protocol.Snapshot:
		e.end(nil)
	case protocol.Choose:
		e.ledgerFresh = false
		if got.Plan == nil {
			e.end(nil)
			if e.draining && e.drained() {
				return errDrained
			}
			return nil
		}
	}
	if got.Snapshot != nil {
		e.discardThrough(work, got.Snapshot.Through)
	}
	if err := s.Learn(a, got); err != nil {
		return e.fail(a.Batch, stageOf(a), 1, err)
	}
	e.forget()
	return nil
}

// beginAction begins the stage that an action belongs to. Reading the ledger is
// part of the stage under way, if any; an attempt begins its stages itself.
func (e *engine) beginAction(a protocol.Action) {
	switch {
	case a.Verb == protocol.Stage:
	case a.Verb == protocol.Read, a.Verb == protocol.Look:
		if e.span.stage == "" {
			e.job.progress.at(StagePlan, a.Batch)
		}
	case a.Verb == protocol.Snapshot:
		e.begin(StageSnapshot, a.Batch-1)
	default:
		if a.Verb == protocol.Publish {
			e.takeOver(a.Batch)
		}
		e.begin(stageOf(a), a.Batch)
	}
}

// forget drops what the engine keeps of batches that need no more work.
func (e *engine) forget() {
	if t := e.poison.current; t != nil {
		if x := e.state.Entry(t.batch); x == nil || !x.Undecided() {
			e.dropAttempt()
		}
	}
	maps.DeleteFunc(e.ownPlans, func(batch int64, _ string) bool { return batch < e.state.First })
	maps.DeleteFunc(e.peers, func(batch int64, _ *peerActivity) bool { return batch < e.state.First })
}

// nextPlanAt returns the time to plan the next batch, zero for at once.
func (e *engine) nextPlanAt() time.Time {
	switch {
	case e.draining && len(e.state.Tail) == 0 && len(e.others) == 0 || e.moreWaiting || e.woken || e.plannedAt.IsZero():
		return time.Time{}
	case e.draining:
		return e.plannedAt.Add(e.takeover.Poll)
	}
	return e.plannedAt.Add(e.interval)
}

// snapshotPeriod returns the number of batches from one snapshot to the next.
// It grows with the number of partitions, because so does a snapshot.
func (e *engine) snapshotPeriod() int64 {
	period := e.job.SnapshotEvery
	if period <= 0 {
		period = 64
	}
	return max(period, int64(e.state.Settled.Partitions())/256)
}

// withGracePeriod returns a context that outlives ctx by the grace period.
func withGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(gracePeriod, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	return work, func() { stop(); cancel() }
}

// wait sleeps until a time, until the source has something new, or until the
// ledger has to be read again.
func (e *engine) wait(ctx context.Context, until time.Time) error {
	d := time.Until(until)
	switch {
	case len(e.state.Tail) > 0:
		d = min(d, e.takeover.Poll)
	case len(e.others) > 0:
		d = min(d, e.takeover.peerPoll())
	}
	e.ledgerFresh = false
	if w, ok := e.job.Source.(Waiter); ok && !e.draining && !e.waitFailed {
		return e.waitForSource(ctx, w, until, d)
	}
	return backoff.Sleep(ctx, d)
}

// stageOf returns the stage that an action belongs to.
func stageOf(a protocol.Action) Stage {
	switch {
	case a.Verb == protocol.Stage:
		return StageWrite
	case a.Verb == protocol.Publish || a.Record == protocol.Done:
		return StagePublish
	case a.Record == protocol.Commit:
		return StageCommit
	case a.Verb == protocol.Snapshot:
		return StageSnapshot
	default:
		return StagePlan
	}
}

// retrying calls f until it succeeds, the tries are used up, the error is
// permanent, or the context ends.
func (e *engine) retrying(ctx context.Context, batch int64, stage Stage, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err // f need not check the context
	}
	for n := 1; ; n++ {
		err := f(ctx)
		if n > 1 {
			e.job.progress.retrying(Event{})
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isPermanent(err) || n >= e.retry.Tries {
			return e.fail(batch, stage, n, err)
		}
		d := backoff.Delay(n, e.retry.Min, e.retry.Max)
		retry := Event{Kind: EventRetry, Time: time.Now(), Batch: batch, Duration: d, Tries: n}
		retry.Stage, retry.Err = stageAndCause(stage, err)
		e.job.progress.retrying(retry)
		e.emit(retry)
		e.log.Info("trying again", "batch", batch, "stage", stage, "try", n, "in", d, "err", err)
		if err := backoff.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// fail returns the error that stops the engine at a batch.
func (e *engine) fail(batch int64, stage Stage, tries int, err error) error {
	stage, err = stageAndCause(stage, err)
	b := &BatchError{Batch: batch, Stage: stage, Tries: tries, Err: err}
	if x := e.state.Entry(batch); x != nil {
		b.Ranges = x.Plan.Ranges
	}
	return b
}

// do carries out one action.
func (e *engine) do(ctx context.Context, a protocol.Action) (got protocol.Result, err error) {
	x := e.state.Entry(a.Batch)
	switch a.Verb {
	case protocol.Choose:
		got.Plan, err = e.plan(ctx, a.Batch)
	case protocol.Look:
		got.Snapshot, err = e.ledger.Snapshot(ctx, e.state.Through)
	case protocol.Snapshot:
		err = e.snapshot(ctx, a.Batch-1)
	case protocol.Stage:
		got, err = e.stageOrYield(ctx, x)
	case protocol.Publish:
		err = e.publish(ctx, x)
	case protocol.Read:
		return e.read(ctx, a)
	case protocol.Put:
		return e.put(ctx, a, x)
	}
	return got, err
}

func (e *engine) read(ctx context.Context, a protocol.Action) (got protocol.Result, err error) {
	switch a.Record {
	case protocol.Plan:
		got.Plan, err = orNil(e.ledger.Plan(ctx, a.Batch))
	case protocol.Commit:
		if got.Commit, err = orNil(e.ledger.Commit(ctx, a.Batch)); got.Commit != nil {
			e.messageSize = meanSize(got.Commit, e.messageSize)
		}
	case protocol.Done:
		got.Done, err = e.ledger.Done(ctx, a.Batch)
	}
	return got, err
}

func (e *engine) put(ctx context.Context, a protocol.Action, x *protocol.Entry) (got protocol.Result, err error) {
	switch a.Record {
	case protocol.Plan:
		got.Plan, err = e.ledger.PutPlan(ctx, e.state.Wanted)
	case protocol.Commit:
		if got.Commit, err = e.ledger.PutCommit(ctx, x.Staged); err == nil && got.Commit.Token != x.Staged.Token {
			e.log.Info("another attempt decided the batch", "batch", a.Batch, "attempt", got.Commit.Token)
			e.discard(ctx, x.Staged)
		}
	case protocol.Done:
		got.Done, err = true, e.ledger.PutDone(ctx, a.Batch)
	}
	return got, err
}

// stageOrYield makes an attempt at a batch, unless another process has begun
// one first. If the attempt fails but another process has decided the batch, and
// so may have removed the staged files, it returns that commit and no error.
func (e *engine) stageOrYield(ctx context.Context, x *protocol.Entry) (got protocol.Result, err error) {
	got.Commit, err = e.stage(ctx, x.Plan)
	if err == nil || ctx.Err() != nil {
		return got, err
	}
	if c, failed := orNil(e.ledger.Commit(ctx, x.Plan.Batch)); failed == nil && c != nil {
		return protocol.Result{Decided: c}, nil
	}
	return protocol.Result{}, err
}

// snapshot puts a snapshot that covers the batches through one, and moves their
// records into history. If that fails, the next snapshot repeats it.
func (e *engine) snapshot(ctx context.Context, through int64) error {
	if err := e.ledger.PutSnapshot(ctx, e.state.Settled.Snapshot(through)); err != nil {
		return err
	}
	if err := e.ledger.Truncate(ctx); err != nil && ctx.Err() == nil {
		e.log.Info("the ledger was not truncated", "through", through, "err", err)
	}
	return nil
}

// publish makes a committed batch visible and sweeps what other attempts staged.
func (e *engine) publish(ctx context.Context, x *protocol.Entry) error {
	if err := makeVisible(ctx, e.ledger, x.Commit, e.job.Sink, e.job.Rejects); err != nil {
		return err
	}
	readable := time.Now()
	if err := sweep(ctx, BatchID{e.ledger.ID(), x.Commit.Batch}, e.job.Sink, e.job.Rejects); err != nil {
		return err
	}
	e.poison.learn(x)
	counts, staged := e.job.progress.published(x.Commit, readable)
	if e.isOwnPlan(x.Plan) { // those of others were not counted as waiting
		e.job.progress.planDone(x.Plan, x.Commit)
	}
	for _, k := range staged.rejects.sorted() {
		e.emit(Event{
			Kind: EventReject, Batch: x.Commit.Batch, Table: k.table, Class: k.class, Cause: k.cause,
			Counts: Counts{Rejected: staged.rejects[k]},
		})
	}
	e.emit(Event{Kind: EventPublished, Batch: x.Commit.Batch, Counts: counts, Written: staged.tables})
	return nil
}
