package sink

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/skyfinch/skyfinch/stream"
)

// Tee gives the rows to several sinks and puts their receipts into one commit,
// so that either all of them publish a batch or none does. Two of them must not
// write the same table of the same store, because their files would have the
// same names.
type Tee []stream.Sink

// Stage implements stream.Sink. The sinks stage concurrently, and all wait for the
// slowest before the next rows. The first error stops them all.
func (t Tee) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	receipts := make([]stream.Receipt, len(t))
	var branches []*branch
	var wg sync.WaitGroup
	for i, s := range t {
		br := &branch{in: make(chan stream.Rows), done: make(chan struct{})}
		branches = append(branches, br)
		wg.Go(func() {
			var err error
			if receipts[i], err = br.stage(ctx, s, b); err != nil {
				cancel(err)
			}
		})
	}
	for rows, err := range b.Rows {
		if err != nil {
			cancel(err)
			break
		}
		if !broadcast(ctx, rows, branches) {
			wg.Wait() // before the rows are released, which a sink may still use
			break
		}
	}
	if ctx.Err() == nil {
		for _, br := range branches {
			close(br.in)
		}
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
		return wrongReceipt(fmt.Sprintf("%d sinks", len(r.Parts)), fmt.Sprintf("a Tee of %d", len(t)))
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

// branch carries the rows to one sink of a Tee.
type branch struct {
	in    chan stream.Rows
	done  chan struct{} // receives when the sink requests the next rows
	ended bool          // the sink has read to the end
}

// stage stages the rows of the branch.
func (br *branch) stage(ctx context.Context, s stream.Sink, b stream.Batch) (stream.Receipt, error) {
	b.Rows = br.rows(ctx)
	r, err := s.Stage(ctx, b)
	if err == nil && !br.ended && ctx.Err() == nil {
		err = stream.Permanent(fmt.Errorf("sink: %T returned before the end of the batch", s))
	}
	return r, err
}

// broadcast sends rows to all branches, and waits until all of them have requested
// the next ones. It returns false if ctx is done first.
func broadcast(ctx context.Context, rows stream.Rows, branches []*branch) bool {
	for _, br := range branches {
		select {
		case br.in <- rows:
		case <-ctx.Done():
			return false
		}
	}
	for _, br := range branches {
		select {
		case <-br.done:
		case <-ctx.Done():
			return false
		}
	}
	return true
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
				case br.done <- struct{}{}:
				case <-ctx.Done():
				}
			case <-ctx.Done():
				yield(stream.Rows{}, context.Cause(ctx))
				return
			}
		}
	}
}
