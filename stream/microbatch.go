package stream

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/stream/internal/attempts"
	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// MicroBatch is a job and its engine: it reads a source in batches, passes the
// messages through transforms, and has a sink store each batch exactly once.
// Fill in the fields, then call Run or Drain, one at a time. The error is
// usually a *BatchError. Calling them again resumes the work.
type MicroBatch struct {
	Source     Source
	Transforms []Transform // applied in this order; if empty, the sink gets the messages
	Sink       Sink

	// Rejects gets the rejected messages as table "rejected", with RejectSchema,
	// and the positions of rejected decoded rows as table "rejected_rows", with
	// RejectedRowSchema. If nil, they are logged by cause, counted and discarded.
	Rejects Sink
	// Ledger is the record of what has been done. If nil, it is in memory, and
	// each Run or Drain starts from the beginning.
	Ledger *ledger.Ledger

	// RecordLost decides what happens if offsets are gone from the source before
	// they were read. If false, the engine stops with a *LostError or a
	// *TruncatedError. If true, the ledger records them as lost, a warning is
	// logged, and the engine goes on. A job that a loss has stopped continues
	// once RecordLost is set.
	RecordLost bool
	// Alone states that no other engine works on the ledger, as a lock on its
	// store can ensure; rewrites may work on it. A batch that a dead process has
	// left is then resumed at once, rather than after Takeover.After without a
	// heartbeat.
	Alone bool

	// Interval is the time from batch to batch while nothing more waits. If the
	// source is a Waiter, a batch may follow earlier. If zero, it is 10 s.
	Interval time.Duration
	Limits   Limits
	Workers  int // goroutines that apply transforms; if zero, one for each core
	Retry    Retry
	// SnapshotEvery is the number of batches between snapshots of the ledger.
	// If zero, 64.
	SnapshotEvery int64
	Takeover      Takeover // the times of heartbeats, if engines share the ledger
	// Observe, if not nil, is called with each Event, about 15 times for a batch.
	// It is not called concurrently. The job waits for it, so it must return soon.
	// It may call Status and Progress.
	Observe func(Event)
	Log     *slog.Logger // if nil, slog.Default()

	progress meter
}

// Schemas keeps the schema of each table, which only ever widens. A
// *ledger.Ledger implements it.
type Schemas interface {
	// Widen calls merge with the table's schema, nil if there is none yet, makes
	// the result the table's schema, and returns it; only then may rows be
	// written with it. If another process widens the table first, merge is
	// called again with the wider schema. merge must return its argument itself
	// if that is wide enough. An error of merge is returned unchanged.
	Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error)
}

// A SchemaNumberer is a Schemas that numbers the schemas of a table, from 1. Sinks
// record the number in [ledger.File].
type SchemaNumberer interface {
	// SchemaNumber returns the number of the newest schema of the table that
	// Widen has read or made, or 0 if there is none. That schema has all columns
	// of the one that Widen returned last.
	SchemaNumber(table string) int
}

var (
	_ Schemas        = (*ledger.Ledger)(nil)
	_ SchemaNumberer = (*ledger.Ledger)(nil)
)

// Progress returns the progress of the current or last Run or Drain. It may be
// called at any time.
func (m *MicroBatch) Progress() Progress { return m.progress.now() }

// Run works until the context ends, and then returns nil.
func (m *MicroBatch) Run(ctx context.Context) error {
	e, err := m.start(ctx)
	if err != nil {
		return err
	}
	err = e.loop(ctx)
	var failed *BatchError
	if ctx.Err() != nil && !errors.As(err, &failed) {
		return nil // also if the grace period ended with an error
	}
	return err
}

// Drain finishes unfinished batches, processes what is then available, and
// returns nil. If the context ends first, it returns the context's error.
func (m *MicroBatch) Drain(ctx context.Context) error {
	e, err := m.start(ctx)
	if err != nil {
		return err
	}
	e.draining, e.limits.BacklogShare = true, 1 // nothing is new
	return e.loop(ctx)
}

// start returns an engine that has not read its ledger yet.
func (m *MicroBatch) start(ctx context.Context) (*engine, error) {
	if m.Source == nil || m.Sink == nil {
		return nil, errors.New("stream: a MicroBatch needs a Source and a Sink")
	}
	takeover := m.Takeover.withDefaults()
	if err := takeover.check(); err != nil {
		return nil, err
	}
	e := &engine{
		job: m, takeover: takeover, ledger: m.Ledger, state: protocol.New(),
		limits: m.Limits.withDefaults(), interval: m.Interval, workers: m.Workers,
		alone: m.Alone, retry: m.Retry.withDefaults(), log: m.Log,
		truncated: map[string]bool{}, ownPlans: map[int64]string{}, peers: map[int64]*peerActivity{},
	}
	e.batchLimits = e.limits
	if e.interval <= 0 {
		e.interval = 10 * time.Second
	}
	if e.workers <= 0 {
		e.workers = runtime.GOMAXPROCS(0)
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	m.progress.begin()
	if e.ledger == nil {
		var err error
		if e.ledger, err = ledger.OpenMemory(ctx); err != nil {
			return nil, err
		}
		e.alone = true
	}
	e.attempts = attempts.Open(e.ledger)
	return e, nil
}
