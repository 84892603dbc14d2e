package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Service archives alerts in a directory, exactly once. Fill in Source and
// Dir, then call Run or Drain, one at a time. To change more than the fields
// allow, wire the parts yourself: see the package's example.
type Service struct {
	// Source is where messages come from, by stream.MessageSchema.
	Source stream.Source
	// Dir is the directory of the archive; it is made if need be.
	Dir string

	Surveys    []alert.Survey     // nil: all that package alert knows
	Registry   alert.Registry     // of the schemas of Confluent framing; nil: none
	Transforms []stream.Transform // applied to the decoded alerts

	Clock       sink.Clock // by which time rows are filed; fixed for a Dir by its first run
	Compression sink.Compression

	Interval time.Duration // from batch to batch while nothing waits; 0: 10 s
	Limits   stream.Limits
	Workers  int // that decode and encode; 0: one a core
	Log      *slog.Logger

	// Wrap, if given, replaces the store that keeps the archive, for tests
	// that inject faults.
	Wrap func(store.Store) store.Store

	engine atomic.Pointer[stream.MicroBatch]
}

var _ stream.Engine = (*Service)(nil)

// Run archives until the context ends, and then returns nil.
func (s *Service) Run(ctx context.Context) error {
	return s.with(ctx, func(e stream.Engine) error { return e.Run(ctx) })
}

// Drain archives what there is now.
func (s *Service) Drain(ctx context.Context) error {
	return s.with(ctx, func(e stream.Engine) error { return e.Drain(ctx) })
}

// Progress says how far the current or last Run or Drain has come.
func (s *Service) Progress() stream.Progress {
	if e := s.engine.Load(); e != nil {
		return e.Progress()
	}
	return stream.Progress{}
}

// with opens the archive, works on it, and closes it.
func (s *Service) with(ctx context.Context, work func(stream.Engine) error) (err error) {
	dir, err := store.OpenDir(s.Dir)
	if err != nil {
		return fmt.Errorf("archive: %w: choose a directory that can be written", err)
	}
	unlock, err := dir.Lock("ledger/lock")
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("archive: another process is writing to %s: stop it, or choose another directory", s.Dir)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	var st store.Store = dir
	if s.Wrap != nil {
		st = s.Wrap(st)
	}
	ledger, err := stream.OpenLedger(ctx, st, "ledger", map[string]string{
		"clock": s.Clock.String(), "layout": s.Clock.Layout(),
	})
	var other *stream.SettingsError
	if errors.As(err, &other) {
		other.Ledger = filepath.Join(s.Dir, other.Ledger)
		return other
	}
	if err != nil {
		return fmt.Errorf("archive: %s: %w", s.Dir, err)
	}
	decoder := &alert.Decoder{
		Surveys: s.Surveys, Registry: s.Registry,
		Schemas: &schemaFiles{Schemas: ledger, store: st},
	}
	defer decoder.Close()
	e := &stream.MicroBatch{
		Source:     s.Source,
		Transforms: append([]stream.Transform{decoder}, s.Transforms...),
		Sink:       s.parquet(st, "alerts", s.Clock),
		Rejects:    s.parquet(st, "rejected", sink.IngestTime),
		Ledger:     ledger,
		Interval:   s.Interval,
		Limits:     s.Limits,
		Workers:    s.Workers,
		Log:        s.Log,
	}
	s.engine.Store(e)
	return work(e)
}

// parquet returns a sink with a staging area of its own.
func (s *Service) parquet(st store.Store, name string, clock sink.Clock) *sink.Parquet {
	return &sink.Parquet{
		Store: st, Staging: "staging/" + name, Spill: filepath.Join(s.Dir, "staging"),
		Clock: clock, Compression: s.Compression, Workers: s.Workers,
	}
}
