package archive

import (
	"context"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// stagingSink stages rows under a name of the replay's and does not publish
// them: the archive's ledger decides about them.
type stagingSink struct {
	files   *sink.Parquet
	id      stream.BatchID
	receipt ledger.Receipt // of the attempt that won
}

// Stage implements stream.Sink.
func (s *stagingSink) Stage(ctx context.Context, b stream.Batch) (r ledger.Receipt, err error) {
	if b.Number != 1 {
		return r, stream.Permanent(errSplit)
	}
	b.BatchID = s.id
	return s.files.Stage(ctx, b)
}

// Publish implements stream.Sink. It only notes which attempt won.
func (s *stagingSink) Publish(_ context.Context, _ stream.BatchID, r ledger.Receipt) error {
	s.receipt = r
	return nil
}

// Sweep implements stream.Sweeper. The rows stay staged.
func (s *stagingSink) Sweep(context.Context, stream.BatchID) error { return nil }

// Discard implements stream.Sweeper.
func (s *stagingSink) Discard(ctx context.Context, r ledger.Receipt) { s.files.Discard(ctx, r) }

// remove removes what was staged. What it cannot remove the next replay does.
func (s *stagingSink) remove(ctx context.Context) {
	s.files.Sweep(context.WithoutCancel(ctx), s.id)
}
