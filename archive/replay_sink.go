package archive

import (
	"context"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
)

// held is a sink whose rows are staged under a name of the replay's, and stay
// there: what becomes of them is for the archive's ledger to say.
type held struct {
	Sink    *sink.Parquet
	id      stream.BatchID
	receipt stream.Receipt
}

// Stage implements stream.Sink.
func (h *held) Stage(ctx context.Context, b stream.Batch) (r stream.Receipt, err error) {
	if b.Number != 1 {
		return r, stream.Permanent(errSplit)
	}
	b.BatchID = h.id
	return h.Sink.Stage(ctx, b)
}

// Publish implements stream.Sink: it only notes which attempt won.
func (h *held) Publish(_ context.Context, _ stream.BatchID, r stream.Receipt) error {
	h.receipt = r
	return nil
}

// Discard implements stream.Sweeper.
func (h *held) Discard(ctx context.Context, r stream.Receipt) { h.Sink.Discard(ctx, r) }

// discard removes what was staged.
func (h *held) discard(ctx context.Context) {
	h.Sink.Sweep(context.WithoutCancel(ctx), h.id) // the next replay removes the rest
}
