package sink

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/skyfinch/skyfinch/stream"
)

// Tee hands the rows to several sinks and puts their receipts into one
// commit: either all of them publish a batch or none does. Two of them must not
// write one table of one store: their files have the same names.
type Tee []stream.Sink

// Stage implements stream.Sink. The sinks stage side by side, rows by rows;
// the first error stops them all.
func (t Tee) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	receipts := make([]stream.Receipt, len(t))
	var branches []*branch
	var wg sync.WaitGroup
	for i, s := range t {
		br := &branch{in: make(chan stream.Rows), taken: make(chan struct{})}
		branches = append(branches, br)
		wg.Go(func() {
			mine := b
			mine.Rows = br.rows(ctx)
			var err error
			if receipts[i], err = s.Stage(ctx, mine); err == nil && !br.ended && ctx.Err() == nil {
				err = stream.Permanent(fmt.Errorf("sink: %T returned before the end of the batch", s))
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	err := broadcast(ctx, b.Rows, branches, func(err error) {
		cancel(err)
		wg.Wait()
	})
	if err != nil {
		cancel(err)
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		t.Discard(context.WithoutCancel(ctx), stream.Receipt{Parts: receipts})
		return stream.Receipt{}, err
	}
	return stream.Receipt{Parts: receipts}, nil
}

// Publish implements stream.Sink.
func (t Tee) Publish(ctx context.Context, id stream.BatchID, r stream.Receipt) error {
	if len(r.Parts) != len(t) {
		return foreign(fmt.Sprintf("%d sinks", len(r.Parts)), fmt.Sprintf("a tee of %d", len(t)))
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

// branch is the way to one sink of a tee.
type branch struct {
	in    chan stream.Rows
	taken chan struct{} // the sink has asked for the next rows
	ended bool
}

// broadcast gives all rows to all branches, and keeps them until all of them
// have asked for the next ones or, after an error, until abort has returned: a
// sink may still be at work on what is borrowed.
func broadcast(ctx context.Context, rows iter.Seq2[stream.Rows, error], branches []*branch, abort func(error)) error {
	for r, err := range rows {
		if err != nil {
			return err
		}
		for _, br := range branches {
			select {
			case br.in <- r:
			case <-ctx.Done():
				abort(ctx.Err())
				return ctx.Err()
			}
		}
		for _, br := range branches {
			select {
			case <-br.taken:
			case <-ctx.Done():
				abort(ctx.Err())
				return ctx.Err()
			}
		}
	}
	for _, br := range branches {
		close(br.in)
	}
	return nil
}

func (br *branch) rows(ctx context.Context) iter.Seq2[stream.Rows, error] {
	return func(yield func(stream.Rows, error) bool) {
		for {
			select {
			case r, ok := <-br.in:
				if !ok {
					br.ended = true
					return
				}
				if !yield(r, nil) {
					return
				}
				select {
				case br.taken <- struct{}{}:
				case <-ctx.Done():
				}
			case <-ctx.Done():
				yield(stream.Rows{}, context.Cause(ctx))
				return
			}
		}
	}
}
