package stream

import (
	"context"
	"errors"
	"log/slog"
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
	retry    Retry
	log      *slog.Logger

	extents []Extent        // what the source has
	asked   bool            // extents have been asked for
	fixed   bool            // and stay as they were at first: Drain
	budget  Limits          // of the next batch
	cut     map[string]bool // partitions found truncated
	full    bool            // the last batch left something waiting
	begun   time.Time       // when the last batch was
	speed   float64         // of the last batch staged here, in bytes a second
	size    float64         // of a message of the last batch, in bytes
}

// loop runs batches until an error, until the context ends or, when draining,
// until there is nothing to claim.
func (e *engine) loop(ctx context.Context) error {
	work, stop := graceful(ctx)
	defer stop()
	for {
		a, c := e.view.next(), work
		if a.verb == doStage || a.verb == doChoose || a.verb == doRead && a.kind != kindDone {
			c = ctx // nothing is lost when these are broken off
		}
		if a.verb == doChoose && !e.fixed && !e.full {
			if err := e.wait(ctx); err != nil {
				return err
			}
		}
		var got answer
		err := e.try(c, stageOf(a), func(ctx context.Context) (err error) {
			got, err = e.do(ctx, a)
			return err
		})
		if err != nil {
			return err
		}
		if a.verb == doChoose && got.plan == nil {
			if e.fixed {
				return nil
			}
			continue
		}
		if err := e.view.learn(a, got); err != nil {
			return e.fail(stageOf(a), 1, err)
		}
	}
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

// wait sleeps until the next batch is due.
func (e *engine) wait(ctx context.Context) error {
	t := time.NewTimer(time.Until(e.begun.Add(e.interval)))
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

// try does one thing until it succeeds, the tries are used up, the error is
// permanent, or the context ends.
func (e *engine) try(ctx context.Context, stage Stage, f func(context.Context) error) error {
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
			return e.fail(stage, n, err)
		}
		d := e.retry.delay(n, rand.Float64())
		e.log.Info("trying again", "batch", e.view.batch, "stage", stage, "try", n, "in", d, "err", err)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fail makes an error of the batch in hand.
func (e *engine) fail(stage Stage, tries int, err error) error {
	var s *stageError
	if errors.As(err, &s) {
		stage, err = s.stage, s.error
	}
	b := &BatchError{Batch: e.view.batch, Stage: stage, Tries: tries, Err: err}
	if e.view.planned != nil {
		b.Ranges = e.view.planned.Ranges
	}
	return b
}

// do carries out one action.
func (e *engine) do(ctx context.Context, a action) (got answer, err error) {
	v := &e.view
	switch a.verb {
	case doChoose:
		got.plan, err = e.choose(ctx)
	case doStage:
		got.commit, err = e.stage(ctx, v.planned)
	case doPublish:
		err = e.publish(ctx, v.committed)
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
			got.plan, err = put(ctx, e.ledger, a.batch, a.kind, v.wanted)
		case kindCommit:
			got.commit, err = put(ctx, e.ledger, a.batch, a.kind, v.staged)
		case kindDone:
			got.done, err = put(ctx, e.ledger, a.batch, a.kind, &Done{Batch: a.batch, Created: time.Now().UTC()})
			if err == nil {
				err = e.ledger.forget(ctx, a.batch)
			}
		}
	}
	return got, err
}

// choose asks the source what there is, and returns what to claim of it, or
// nil.
func (e *engine) choose(ctx context.Context) (*Plan, error) {
	e.begun = time.Now()
	if err := e.ask(ctx); err != nil {
		return nil, err
	}
	e.budget = e.limits
	if !e.fixed {
		e.budget = e.limits.within(e.interval/2, e.speed)
	}
	ranges, starts, more, err := choose(&e.view.claims, e.extents, terms{e.budget, e.size, e.RecordLost})
	if err != nil {
		return nil, err
	}
	e.full = more
	e.progress.waiting(e.view.claims.waiting(e.extents))
	if len(ranges) == 0 && len(starts) == 0 {
		return nil, nil
	}
	return &Plan{Batch: e.view.batch, Token: newToken(), Created: e.begun.UTC(), Ranges: ranges, Starts: starts}, nil
}

// ask has the source say what there is.
func (e *engine) ask(ctx context.Context) (err error) {
	if e.asked && e.fixed {
		return nil
	}
	if r, ok := e.Source.(Resumer); ok && !e.asked {
		if err := r.Resume(ctx, e.view.claims.settled()); err != nil {
			return err
		}
	}
	if e.extents, err = e.Source.Available(ctx); err != nil {
		return err
	}
	e.asked = true
	return e.truncated()
}

// truncated returns an error for a partition that ends before what has been
// archived of it, or warns of it, once.
func (e *engine) truncated() error {
	for _, x := range e.extents {
		last := e.view.claims.last(x.Partition)
		if x.Gone || last <= x.To {
			delete(e.cut, x.Partition)
			continue
		}
		err := &TruncatedError{Partition: x.Partition, Archived: last, End: x.To}
		if !e.RecordLost {
			return err
		}
		if !e.cut[x.Partition] {
			e.log.Warn("messages that get these offsets again will not be archived", "err", err)
			e.cut[x.Partition] = true
		}
	}
	return nil
}

// measure learns from a batch that this engine staged.
func (e *engine) measure(c *Commit) {
	if c.Seconds > 0 {
		e.speed = float64(c.Bytes) / c.Seconds
	}
	e.size = sizeOf(c, e.size)
}

// sizeOf is the mean size of a commit's messages, if it has any.
func sizeOf(c *Commit, otherwise float64) float64 {
	var rows int64
	for _, a := range c.Accounts {
		rows += a.Read
	}
	if rows == 0 || c.Bytes <= 0 {
		return otherwise
	}
	return float64(c.Bytes) / float64(rows)
}

// publish makes a committed batch visible and cleans up behind it.
func (e *engine) publish(ctx context.Context, c *Commit) error {
	if e.view.lost() {
		e.log.Info("another attempt decided the batch", "batch", c.Batch, "attempt", c.Token)
	}
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
	if source, ok := e.Source.(Committer); ok {
		if err := source.Committed(ctx, e.view.claims.settledWith(c.Accounts)); err != nil {
			e.log.Warn("the source was not told of a commit", "batch", c.Batch, "err", err)
		}
	}
	e.progress.published(c, readable)
	if e.Observe != nil {
		e.Observe(e.Progress())
	}
	return nil
}
