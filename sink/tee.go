package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/skyfinch/skyfinch/stream"
)

// Tee sends all rows to several sinks and puts their receipts into one commit,
// so that either all of them publish a batch or none does. Two of them must not
// write the same table of the same store, because their files would have the
// same names.
type Tee []stream.Sink

// Stage implements stream.Sink. The sinks stage concurrently, and all wait for the
// slowest before the next rows. The first error stops them all.
func (t Tee) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	send := func(s *staging, rows stream.Rows) error { return s.send(rows, s.branches...) }
	receipts, err := stageAll(ctx, t, b, send, nil)
	r := stream.Receipt{Parts: receipts}
	if err != nil {
		t.Discard(context.WithoutCancel(ctx), r)
		return stream.Receipt{}, err
	}
	return r, nil
}

// Publish implements stream.Sink.
func (t Tee) Publish(ctx context.Context, id stream.BatchID, r stream.Receipt) error {
	tee := fmt.Sprintf("a Tee of %d", len(t))
	switch {
	case isFanOut(r):
		return wrongReceipt("a FanOut", tee)
	case len(r.Parts) != len(t):
		return wrongReceipt(fmt.Sprintf("%d sinks", len(r.Parts)), tee)
	}
	for i, s := range t {
		if err := s.Publish(ctx, id, r.Parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// Discard implements stream.Sweeper.
func (t Tee) Discard(ctx context.Context, r stream.Receipt) {
	for i, part := range r.Parts {
		if d, ok := t[i].(stream.Sweeper); ok {
			d.Discard(ctx, part)
		}
	}
}

// Sweep implements stream.Sweeper.
func (t Tee) Sweep(ctx context.Context, id stream.BatchID) error {
	var errs []error
	for _, s := range t {
		if sweeper, ok := s.(stream.Sweeper); ok {
			errs = append(errs, sweeper.Sweep(ctx, id))
		}
	}
	return errors.Join(errs...)
}
