package stream

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// A Sink takes the rows of a batch in two steps, so that nothing is visible
// before the ledger has decided the batch.
type Sink interface {
	// Stage makes the rows of a batch durable where no reader looks, and returns
	// how to publish them. It must read b.Rows to the end, or return an error
	// and leave what it has staged to Sweep. The engine stages one batch at a
	// time.
	Stage(ctx context.Context, b Batch) (Receipt, error)

	// Publish makes the rows of a committed batch visible, given the receipt in
	// its commit. Any process may call it, and more than once: what is already
	// published must stay unchanged.
	Publish(ctx context.Context, id BatchID, r Receipt) error
}

// BatchID uniquely identifies a batch. It is the same in every attempt at the
// batch and in every process, so published names are built from it.
type BatchID struct {
	Ledger string // the ledger's id
	Number int64  // within the ledger, from 1
}

// Batch is what a sink stages.
type Batch struct {
	BatchID
	// Attempt uniquely identifies this attempt at the batch. The names of staged
	// files contain it, so that attempts do not overwrite each other's files.
	Attempt string
	// Rows yields the rows in the order of their messages. Each is borrowed
	// until the next one is requested, unless its record is retained. It may be
	// ranged over once.
	Rows iter.Seq2[Rows, error]
}

// A Sweeper is a Sink that can remove staged rows that will not be published.
// The engine works without it, but then dead attempts leave files in staging.
type Sweeper interface {
	// Sweep removes what was staged for a decided batch by attempts that died
	// or lost. The engine calls it after all sinks have published the batch, so
	// they may share a staging area. It must not touch other batches.
	Sweep(ctx context.Context, id BatchID) error
	// Discard removes the staged files of a receipt. The engine calls it after an
	// attempt whose receipt no commit contains or ever will. What cannot be
	// removed is left to Sweep.
	Discard(ctx context.Context, r Receipt)
}

// Publish publishes a committed batch of a ledger, and sweeps, as an engine
// does. rejects may be nil. Publish may be called by any process, and more than
// once. It does not record that the batch is done.
func Publish(ctx context.Context, l *ledger.Ledger, c *ledger.Commit, rows, rejects Sink) error {
	if err := makeVisible(ctx, l, c, rows, rejects); err != nil {
		return err
	}
	return sweep(ctx, BatchID{l.ID(), c.Batch}, rows, rejects)
}

func makeVisible(ctx context.Context, l *ledger.Ledger, c *ledger.Commit, rows, rejects Sink) error {
	id := BatchID{l.ID(), c.Batch}
	err := rows.Publish(ctx, id, c.Rows)
	if err == nil && rejects != nil {
		err = rejects.Publish(ctx, id, c.Rejects)
	}
	if errors.Is(err, fs.ErrNotExist) { // another process may have published the batch, and a rewrite replaced its files
		if published, failed := l.Published(ctx, c.Batch); published || failed != nil {
			return failed
		}
	}
	return err
}

// sweep sweeps after both sinks have published: they may share a staging area.
func sweep(ctx context.Context, id BatchID, sinks ...Sink) error {
	for _, s := range sinks {
		if sweeper, ok := s.(Sweeper); ok {
			if err := sweeper.Sweep(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// SinkFunc is a function used as a Sink, for services that print, count or
// send. It has nothing to publish, so it delivers at least once: after a crash
// or a retry, it receives rows of a batch again.
type SinkFunc func(ctx context.Context, rows Rows) error

// Stage calls f for each record of the batch, in order.
func (f SinkFunc) Stage(ctx context.Context, b Batch) (Receipt, error) {
	for rows, err := range b.Rows {
		if err != nil {
			return Receipt{}, err
		}
		if err := f(ctx, rows); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt{}, nil
}

// Publish does nothing.
func (f SinkFunc) Publish(context.Context, BatchID, Receipt) error { return nil }
