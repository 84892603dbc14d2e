package stream

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// orNil returns nil for a record that does not exist.
func orNil[T any](record *T, err error) (*T, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return record, err
}

// plan asks the source what it has, and returns a plan for the next batch, or
// nil if there is nothing to claim.
func (e *engine) plan(ctx context.Context, batch int64) (*ledger.Plan, error) {
	e.plannedAt, e.woken, e.waitFailed = time.Now(), false, false
	claimed, err := e.state.Claimed()
	if err != nil {
		return nil, Permanent(err)
	}
	if a, ok := e.job.Source.(Adopter); ok && a.Adopt(claimed.LowestOfAll()) {
		e.relist = true
	}
	if err := e.refreshExtents(ctx); err != nil {
		return nil, err
	}
	e.batchLimits = e.limits
	if !e.draining {
		e.batchLimits = e.limits.within(e.interval/2, e.speed)
	}
	ranges, starts, more, err := choose(claimed, e.readableExtents(), e.planInput())
	if err != nil {
		return nil, err
	}
	e.moreWaiting = more
	e.job.progress.listed(e.extents, claimed, e.listedAt)
	if len(ranges) == 0 && len(starts) == 0 {
		return nil, nil
	}
	p := &ledger.Plan{Batch: batch, Token: token.New(), Created: e.plannedAt.UTC(), Ranges: ranges, Starts: starts}
	e.wakeDelay = 0
	e.poison.planRest(claimed, p)
	e.ownPlans[batch] = p.Token
	return p, nil
}

func (e *engine) planInput() planInput {
	in := planInput{limits: e.batchLimits, messageSize: e.messageSize, recordLost: e.job.RecordLost}
	if o, ok := e.job.Source.(Owner); ok {
		in.owns = o.Owns
	}
	return in
}

// refreshExtents asks the source what it has.
func (e *engine) refreshExtents(ctx context.Context) error {
	first := e.listedAt.IsZero()
	if !first && e.draining && len(e.others) == 0 && !e.relist {
		return nil
	}
	if r, ok := e.job.Source.(Resumer); ok && first {
		if err := r.Resume(ctx, e.state.Settled.LowestOfAll()); err != nil {
			return err
		}
	}
	extents, err := e.job.Source.Available(ctx)
	if err != nil {
		return err
	}
	e.listedAt, e.others = time.Now(), map[string]bool{}
	for _, x := range extents {
		if x.AssignedElsewhere {
			e.others[x.Partition] = true
		}
	}
	if !first && e.draining && !e.relist { // the ranges stay, but their assignment may change
		for i := range e.extents {
			e.extents[i].AssignedElsewhere = e.others[e.extents[i].Partition]
		}
		return nil
	}
	e.extents, e.relist = extents, false
	return e.checkTruncated()
}

// checkTruncated returns an error if a partition ends before what has been
// archived of it. If losses are recorded it logs a warning instead, once.
func (e *engine) checkTruncated() error {
	for _, x := range e.extents {
		last := e.state.Settled.Last(x.Partition)
		if x.Gone || x.AssignedElsewhere || last <= x.To { // the assigned process checks it
			delete(e.truncated, x.Partition)
			continue
		}
		err := &TruncatedError{Partition: x.Partition, Archived: last, End: x.To}
		if !e.job.RecordLost {
			return err
		}
		if !e.truncated[x.Partition] {
			e.log.Warn("new messages that reuse these offsets will not be archived", "err", err)
			e.truncated[x.Partition] = true
		}
	}
	return nil
}

// measure updates the speed and the message size from a batch that this engine
// staged. A batch that took everything was as fast as its data came in, so it
// is no measure of the speed.
func (e *engine) measure(c *ledger.Commit) {
	if c.Seconds > 0 && e.moreWaiting {
		e.speed = float64(c.Bytes) / c.Seconds
	}
	e.messageSize = meanSize(c, e.messageSize)
}

// meanSize returns the mean size of a commit's messages, or otherwise if it has
// none.
func meanSize(c *ledger.Commit, otherwise float64) float64 {
	var rows int64
	for _, a := range c.Accounts {
		rows += a.Read
	}
	if rows == 0 || c.Bytes <= 0 {
		return otherwise
	}
	return float64(c.Bytes) / float64(rows)
}

// notifySource tells a source that is a Committer what is settled, if batches
// have been done since the last time.
func (e *engine) notifySource(ctx context.Context) {
	source, ok := e.job.Source.(Committer)
	if !ok || e.listedAt.IsZero() || e.notifiedFirst == e.state.First {
		return
	}
	e.notifiedFirst = e.state.First
	if err := source.Committed(ctx, e.state.Settled.LowestOfAll()); err != nil {
		e.log.Warn("the source could not record a commit", "batch", e.state.First-1, "err", err)
	}
}
