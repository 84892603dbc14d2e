package stream

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// A Sink takes the rows of a batch in two moves, so that nothing is visible
// before the ledger says so.
type Sink interface {
	// Stage makes the rows of a batch durable where no reader looks, and
	// says in the receipt how to publish them. It reads b.Rows to the end or
	// returns an error; what it staged then is left for Sweep. The engine
	// runs one Stage of a sink at a time.
	Stage(ctx context.Context, b Batch) (Receipt, error)

	// Publish makes the rows of a committed batch visible; r is the receipt
	// of the attempt that won. Any process may call it, and more than once:
	// what is published already stays as it is.
	Publish(ctx context.Context, id BatchID, r Receipt) error
}

// BatchID tells a batch from all others. It is the same in every attempt at
// the batch and in every process, so what is published is named by it.
type BatchID struct {
	Ledger string // the ledger's id
	Number int64  // in the ledger, from 1
}

// Batch is what a sink stages.
type Batch struct {
	BatchID
	// Attempt tells this try at the batch from all others; staged names carry
	// it beside the id.
	Attempt string
	// Rows yields the rows in the order of their messages. Each is borrowed
	// until the next one is asked for, unless its record is retained. It may
	// be ranged over once.
	Rows iter.Seq2[Rows, error]
}

// Receipt is what the ledger keeps of a staged batch: plain data, enough for
// any process to publish it.
type Receipt struct {
	Files []File          `json:"files,omitempty"`
	Parts []Receipt       `json:"parts,omitempty"` // of the sinks of a Tee
	Data  json.RawMessage `json:"data,omitempty"`  // of a sink that keeps something else than files
}

// File is one staged file.
type File struct {
	Table      string    `json:"table,omitempty"`
	StagedPath string    `json:"stage"` // where it is before publication
	Path       string    `json:"name"`  // where it is from then on
	Rows       int64     `json:"rows"`
	Bytes      int64     `json:"bytes"`
	First      time.Time `json:"first,omitzero"` // the span of its event times
	Last       time.Time `json:"last,omitzero"`
}

// All yields the files of the receipt and of its parts.
func (r Receipt) All() iter.Seq[File] {
	return func(yield func(File) bool) { r.all(yield) }
}

func (r Receipt) all(yield func(File) bool) bool {
	for _, f := range r.Files {
		if !yield(f) {
			return false
		}
	}
	for _, p := range r.Parts {
		if !p.all(yield) {
			return false
		}
	}
	return true
}

// A Sweeper is a Sink that can remove what a decided batch left in staging:
// the files of attempts that died or lost. It is called once all sinks of the
// batch have published, so that they may share a staging area, and must leave
// all other batches alone.
type Sweeper interface {
	Sweep(ctx context.Context, id BatchID) error
}

// A Discarder is a Sink that can remove what a receipt names before it is
// published. It is called when the rest of an attempt failed: its commit was
// never put, so no record names these files, and none ever will. What it
// cannot remove is left for Sweep.
type Discarder interface {
	Discard(ctx context.Context, r Receipt)
}

// SinkFunc is a Sink made of a function, for services that print, count or
// send. It has nothing to publish, so it is at-least-once: after a crash or a
// retry the rows of one batch come again.
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
