package stream

import (
	"context"
	"time"
)

// choose asks the source what there is, and returns what to claim of it, or
// nil.
func (e *engine) choose(ctx context.Context, batch int64) (*Plan, error) {
	e.begun = time.Now()
	if err := e.ask(ctx); err != nil {
		return nil, err
	}
	claimed, err := e.view.claimed()
	if err != nil {
		return nil, err
	}
	e.budget = e.limits
	if !e.fixed {
		e.budget = e.limits.within(e.interval/2, e.speed)
	}
	ranges, starts, more, err := choose(claimed, e.extents, terms{e.budget, e.size, e.RecordLost})
	if err != nil {
		return nil, err
	}
	e.full = more
	e.progress.waiting(claimed.waiting(e.extents))
	if len(ranges) == 0 && len(starts) == 0 {
		return nil, nil
	}
	p := &Plan{Batch: batch, Token: newToken(), Created: e.begun.UTC(), Ranges: ranges, Starts: starts}
	e.tries.carefully(claimed, p)
	e.own[p.Batch] = p.Token
	return p, nil
}

// ask has the source say what there is.
func (e *engine) ask(ctx context.Context) error {
	again := !e.asked.IsZero()
	if again && e.fixed && len(e.others) == 0 {
		return nil
	}
	if r, ok := e.Source.(Resumer); ok && !again {
		if err := r.Resume(ctx, e.view.claims.settled()); err != nil {
			return err
		}
	}
	extents, err := e.Source.Available(ctx)
	if err != nil {
		return err
	}
	e.asked, e.others = time.Now(), map[string]bool{}
	for _, x := range extents {
		if x.AssignedElsewhere {
			e.others[x.Partition] = true
		}
	}
	if again && e.fixed { // what there was stays, whose it is may change
		for i := range e.extents {
			e.extents[i].AssignedElsewhere = e.others[e.extents[i].Partition]
		}
		return nil
	}
	e.extents = extents
	return e.truncated()
}

// truncated returns an error for a partition that ends before what has been
// archived of it, or warns of it, once.
func (e *engine) truncated() error {
	for _, x := range e.extents {
		last := e.view.claims.last(x.Partition)
		if x.Gone || x.AssignedElsewhere || last <= x.To { // who has it knows best
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

// measure learns from a batch that this engine staged. One that left nothing
// waiting was as fast as its data came, and says nothing of a full one.
func (e *engine) measure(c *Commit) {
	if c.Seconds > 0 && e.full {
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

// tell tells the source what is settled, if that is more than before.
func (e *engine) tell(ctx context.Context) {
	source, ok := e.Source.(Committer)
	if !ok || e.asked.IsZero() || e.told == e.view.batch {
		return
	}
	e.told = e.view.batch
	if err := source.Committed(ctx, e.view.claims.settled()); err != nil {
		e.log.Warn("the source was not told of a commit", "batch", e.view.batch-1, "err", err)
	}
}
