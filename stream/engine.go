package stream

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"time"
)

// grace is how long an engine whose context has ended may still take to put a
// commit and publish a batch that it has staged.
const grace = 10 * time.Second

// engine does what the protocol's next says, in a loop, and learns the
// answers.
type engine struct {
	*MicroBatch
	ledger   *Ledger
	view     view
	limits   Limits
	interval time.Duration
	workers  int
	alone    bool // see MicroBatch.Alone
	retry    Retry
	log      *slog.Logger

	extents []Extent        // what the source has
	asked   time.Time       // when they were asked for
	fixed   bool            // and stay as they were at first: Drain
	others  map[string]bool // partitions that another process is to work on
	budget  Limits          // of the next batch
	cut     map[string]bool // partitions found truncated
	told    int64           // the batch before which the source was told what is settled
	full    bool            // the last batch left something waiting
	fresh   bool            // nothing was waited for since the ledger was read
	begun   time.Time       // when the last batch was
	speed   float64         // of the last batch staged here, in bytes a second
	size    float64         // of a message of the last batch, in bytes

	own   map[int64]string // the tokens of this engine's plans, by batch
	signs map[int64]*signs // of the batches of others
	tries tries
}

// loop runs batches until an error, until the context ends or, when draining,
// until there is nothing to claim.
func (e *engine) loop(ctx context.Context) (err error) {
	work, stop := graceful(ctx)
	defer stop()
	defer func() { e.endTry(work) }()
	for {
		if e.view.looked && !e.view.holds() && time.Since(e.asked) >= peek && e.foreign() {
			if err := e.retrying(ctx, e.view.batch, StagePlan, e.ask); err != nil {
				return err
			}
		}
		e.listen(work)
		e.tell(work)
		a, c := e.view.next(e.view.claims.period(), e.mine), work
		switch {
		case a.verb == doChoose && !e.fresh:
			e.view.refresh()
			e.fresh = true
			continue
		case a.verb == doChoose && time.Now().Before(e.due()):
			if err := e.wait(ctx, e.due()); err != nil {
				return err
			}
			continue
		case a.verb == doStage, a.verb == doChoose, a.verb == doSnapshot, !e.view.holds():
			c = ctx // nothing is lost when these are broken off
		}
		var got answer
		err := e.retrying(c, a.batch, stageOf(a), func(ctx context.Context) (err error) {
			got, err = e.do(ctx, a)
			return err
		})
		if err != nil {
			return err
		}
		if a.verb == doChoose {
			e.fresh = false
			if got.plan == nil {
				if e.fixed && e.finished() {
					return nil
				}
				continue
			}
		}
		if got.snapshot != nil {
			e.discardUnder(work, got.snapshot.Through)
		}
		if err := e.view.learn(a, got); err != nil {
			return e.fail(a.batch, stageOf(a), 1, err)
		}
		e.forget()
	}
}

// forget drops what is no longer needed to know of batches that are decided.
func (e *engine) forget() {
	if t := e.tries.now; t != nil {
		if x := e.view.entry(t.batch); x == nil || x.commit == present {
			e.forgetTry()
		}
	}
	maps.DeleteFunc(e.own, func(batch int64, _ string) bool { return batch < e.view.batch })
	maps.DeleteFunc(e.signs, func(batch int64, _ *signs) bool { return batch < e.view.batch })
}

// due is when the next batch is to be planned.
func (e *engine) due() time.Time {
	switch {
	case e.fixed && len(e.view.tail) == 0 && len(e.others) == 0 || e.full || e.begun.IsZero():
		return time.Time{}
	case e.fixed:
		return e.begun.Add(glance)
	}
	return e.begun.Add(e.interval)
}

// graceful returns a context that outlives ctx by the grace period.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	return work, func() { stop(); cancel() }
}

// wait sleeps until a time, or until the ledger should be read again.
func (e *engine) wait(ctx context.Context, until time.Time) error {
	d := time.Until(until)
	switch {
	case len(e.view.tail) > 0:
		d = min(d, glance)
	case len(e.others) > 0:
		d = min(d, peek)
	}
	e.fresh = false
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stageOf is the stage that an action belongs to.
func stageOf(a action) Stage {
	switch {
	case a.verb == doStage:
		return StageWrite
	case a.verb == doPublish || a.kind == kindDone:
		return StagePublish
	case a.kind == kindCommit:
		return StageCommit
	default:
		return StagePlan
	}
}

// retrying does one thing until it succeeds, the tries are used up, the error is
// permanent, or the context ends.
func (e *engine) retrying(ctx context.Context, batch int64, stage Stage, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err // a store need not look
	}
	for n := 1; ; n++ {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isPermanent(err) || n >= e.retry.Tries {
			return e.fail(batch, stage, n, err)
		}
		d := e.retry.delay(n, rand.Float64())
		e.log.Info("trying again", "batch", batch, "stage", stage, "try", n, "in", d, "err", err)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fail makes an error of a batch.
func (e *engine) fail(batch int64, stage Stage, tries int, err error) error {
	var s *stageError
	if errors.As(err, &s) {
		stage, err = s.stage, s.error
	}
	b := &BatchError{Batch: batch, Stage: stage, Tries: tries, Err: err}
	if x := e.view.entry(batch); x != nil {
		b.Ranges = x.plan.Ranges
	}
	return b
}

// do carries out one action.
func (e *engine) do(ctx context.Context, a action) (got answer, err error) {
	x := e.view.entry(a.batch)
	switch a.verb {
	case doChoose:
		got.plan, err = e.choose(ctx, a.batch)
	case doLook:
		got.snapshot, err = e.ledger.newest(ctx, e.view.through)
	case doSnapshot:
		err = e.snapshot(ctx, a.batch-1)
	case doStage:
		got, err = e.stageOrYield(ctx, x)
	case doPublish:
		err = e.publish(ctx, x)
	case doRead:
		switch a.kind {
		case kindPlan:
			got.plan, err = read[Plan](ctx, e.ledger, a.batch, a.kind)
		case kindCommit:
			if got.commit, err = read[Commit](ctx, e.ledger, a.batch, a.kind); got.commit != nil {
				e.size = sizeOf(got.commit, e.size)
			}
		case kindDone:
			got.done, err = read[Done](ctx, e.ledger, a.batch, a.kind)
		}
	case doPut:
		switch a.kind {
		case kindPlan:
			got.plan, err = put(ctx, e.ledger, a.batch, a.kind, e.view.wanted)
		case kindCommit:
			if got.commit, err = put(ctx, e.ledger, a.batch, a.kind, x.staged); err == nil && got.commit.Token != x.staged.Token {
				e.log.Info("another attempt decided the batch", "batch", a.batch, "attempt", got.commit.Token)
				e.discard(ctx, x.staged)
			}
		case kindDone:
			got.done, err = put(ctx, e.ledger, a.batch, a.kind, &Done{Batch: a.batch, Created: time.Now().UTC()})
			if err == nil {
				err = e.ledger.forget(ctx, a.batch)
			}
		}
	}
	return got, err
}

// stageOrYield makes an attempt at a batch, unless another process was faster to
// begin one. When it fails because another
// process has decided the batch, and perhaps removed what was staged, it did
// not fail.
func (e *engine) stageOrYield(ctx context.Context, x *entry) (got answer, err error) {
	got.commit, err = e.stage(ctx, x.plan)
	if err == nil || ctx.Err() != nil {
		return got, err
	}
	if c, failed := read[Commit](ctx, e.ledger, x.plan.Batch, kindCommit); failed == nil && c != nil {
		return answer{decided: c}, nil
	}
	return answer{}, err
}

// snapshot sums up the batches through one. What that makes needless is
// removed; if that fails the next one does it.
func (e *engine) snapshot(ctx context.Context, through int64) error {
	if e.ledger.memory != nil {
		return nil
	}
	if err := e.ledger.putSnapshot(ctx, newSnapshot(through, &e.view.claims)); err != nil {
		return err
	}
	if err := e.ledger.truncate(ctx); err != nil && ctx.Err() == nil {
		e.log.Info("the ledger was not cleaned up", "through", through, "err", err)
	}
	return nil
}

// publish makes a committed batch visible and cleans up behind it.
func (e *engine) publish(ctx context.Context, x *entry) error {
	c := x.committed
	id := BatchID{e.ledger.ID(), c.Batch}
	if err := e.Sink.Publish(ctx, id, c.Rows); err != nil {
		return err
	}
	if e.Rejects != nil {
		if err := e.Rejects.Publish(ctx, id, c.Rejects); err != nil {
			return err
		}
	}
	readable := time.Now()
	for _, s := range []Sink{e.Sink, e.Rejects} { // both have published: they may share a staging area
		if sweeper, ok := s.(Sweeper); ok {
			if err := sweeper.Sweep(ctx, id); err != nil {
				return err
			}
		}
	}
	e.suspect(x)
	e.progress.published(c, readable)
	if e.Observe != nil {
		e.Observe(e.Progress())
	}
	return nil
}
