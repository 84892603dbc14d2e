package sink

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/skyfinch/skyfinch/stream"
)

// staging is a batch that several sinks stage concurrently.
type staging struct {
	ctx      context.Context // done if a sink has failed, with its error as the cause
	branches []*branch       // one for each sink
	wg       sync.WaitGroup
}

// stageAll has each sink stage the rows that send sends to its branch. It returns
// the receipts of all sinks and the first error. If describe is not nil, it wraps
// the error of sink i.
func stageAll(ctx context.Context, sinks []stream.Sink, b stream.Batch, send func(*staging, stream.Rows) error,
	describe func(i int, err error) error) ([]stream.Receipt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &staging{ctx: ctx}
	receipts := make([]stream.Receipt, len(sinks))
	for i, to := range sinks {
		br := &branch{in: make(chan stream.Rows), done: make(chan struct{})}
		s.branches = append(s.branches, br)
		s.wg.Go(func() {
			var err error
			receipts[i], err = br.stage(ctx, to, b)
			if err != nil && describe != nil {
				err = describe(i, err)
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	for rows, err := range b.Rows {
		if err == nil {
			err = send(s, rows)
		}
		if err != nil {
			cancel(err)
			break
		}
	}
	if ctx.Err() == nil {
		for _, br := range s.branches {
			close(br.in)
		}
	}
	s.wg.Wait()
	return receipts, context.Cause(ctx)
}

// send sends rows to branches, and waits until all of them have requested the next
// rows. If a sink has failed, it waits until all sinks have returned, and returns
// the error. In both cases the rows may then be released.
func (s *staging) send(rows stream.Rows, to ...*branch) error {
	for _, br := range to {
		select {
		case br.in <- rows:
		case <-s.ctx.Done():
			s.wg.Wait()
			return context.Cause(s.ctx)
		}
	}
	for _, br := range to {
		select {
		case <-br.done:
		case <-s.ctx.Done():
			s.wg.Wait()
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// branch carries the rows to one sink.
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
