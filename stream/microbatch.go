package stream

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"
)

// Engine runs a job.
type Engine interface {
	// Run works until the context ends, and then returns nil.
	Run(ctx context.Context) error
	// Drain finishes what was begun, does what is there then, and returns nil;
	// or the context's error if that ended before.
	Drain(ctx context.Context) error
}

var _ Engine = (*MicroBatch)(nil)

// MicroBatch is the engine: it reads a source in batches, passes the messages
// through transforms, and has a sink archive each batch exactly once. Fill in
// the fields, then call Run or Drain, one at a time. An error they return is
// mostly a *BatchError; calling them again takes up the work where it stood.
type MicroBatch struct {
	Source     Source
	Transforms []Transform // applied in this order; none: the sink gets the messages
	Sink       Sink

	// Rejects takes the messages that a transform rejected, by RejectSchema.
	// nil: they are logged by cause, counted, and gone.
	Rejects Sink
	// Ledger is the record of what was done. nil: it is kept in memory, and
	// the job starts from the beginning each time.
	Ledger *Ledger

	// RecordLost says what becomes of offsets that are gone from the source
	// before they were read. false: the engine stops with a *LostError, or a
	// *TruncatedError. true: the ledger records them as lost, a warning is
	// logged, and the engine goes on. A job that was stopped by a loss goes on when it is set.
	RecordLost bool
	// Alone says that no other process is at work on the ledger, as a lock on its
	// store can tell. A batch that a dead one left is then taken up at once, and
	// not when it has given no sign of life for five seconds.
	Alone bool

	Interval time.Duration // from batch to batch while nothing waits; 0: 10 s
	Limits   Limits
	Workers  int // that apply transforms; 0: one a core
	Retry    Retry
	// Observe, if given, is called after each batch has been published.
	Observe func(Progress)
	Log     *slog.Logger // nil: slog.Default

	progress meter
}

// Progress says how far the current or last Run or Drain has come. It may be
// called at any time.
func (m *MicroBatch) Progress() Progress { return m.progress.now() }

// Run implements Engine.
func (m *MicroBatch) Run(ctx context.Context) error {
	e, err := m.start(ctx)
	if err != nil {
		return err
	}
	err = e.loop(ctx)
	var failed *BatchError
	if ctx.Err() != nil && !errors.As(err, &failed) {
		return nil // also when the grace period ended, with an error of its own
	}
	return err
}

// Drain implements Engine.
func (m *MicroBatch) Drain(ctx context.Context) error {
	e, err := m.start(ctx)
	if err != nil {
		return err
	}
	e.fixed, e.limits.BacklogShare = true, 1 // nothing is new
	return e.loop(ctx)
}

// start returns an engine that knows nothing of its ledger yet.
func (m *MicroBatch) start(ctx context.Context) (*engine, error) {
	e := &engine{
		MicroBatch: m, ledger: m.Ledger, view: newView(), limits: m.Limits.withDefaults(), cut: map[string]bool{}, own: map[int64]string{}, signs: map[int64]*signs{},
		interval: m.Interval, workers: m.Workers, alone: m.Alone, retry: m.Retry.withDefaults(), log: m.Log,
	}
	if m.Source == nil || m.Sink == nil {
		return nil, errors.New("stream: a MicroBatch needs a Source and a Sink")
	}
	e.budget = e.limits
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
		if e.ledger, err = newMemoryLedger(ctx); err != nil {
			return nil, err
		}
		e.alone = true
	}
	return e, nil
}
