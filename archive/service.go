package archive

import (
	"cmp"
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
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Service archives alerts, exactly once. Fill in Source and Dir, or Source and
// Store, then call Run or Drain, one at a time. To change more than the fields
// allow, wire the parts yourself: see the package's example.
type Service struct {
	// Source is where messages come from, by stream.MessageSchema.
	Source stream.Source
	// Dir is the directory of the archive; it is made if need be.
	Dir string
	// Store keeps the archive; nil: Dir. Beside a Store, Dir is only a local
	// directory: rows that do not fit in memory are spilled to Dir/staging,
	// or without a Dir to os.TempDir.
	Store store.Store

	Surveys  []alert.Survey // nil: all that package alert knows
	Registry alert.Registry // of the schemas of Confluent framing; nil: none
	// Transforms are applied to the decoded alerts. The type of a column that
	// they add is settled by the first row that is archived with it; a column
	// of another type needs another name.
	Transforms []stream.Transform

	Clock       sink.Clock // by which time rows are filed; fixed for a Dir by its first run
	Compression sink.Compression

	Interval time.Duration // from batch to batch while nothing waits; 0: 10 s
	Limits   stream.Limits
	Workers  int // that decode and encode; 0: one a core
	Log      *slog.Logger
	// RecordLost records messages that are gone before they were read as lost
	// in the ledger, and goes on; without it they are an error.
	RecordLost bool

	// Shared says that other processes may archive into the same place at the
	// same time, each with this field set: those of a Kafka group, say. Without
	// it a second process is turned away, where the store can tell.
	Shared bool

	engine atomic.Pointer[stream.MicroBatch]
}

// Run archives until the context ends, and then returns nil.
func (s *Service) Run(ctx context.Context) error {
	return s.with(ctx, func(e *stream.MicroBatch) error { return e.Run(ctx) })
}

// Drain archives what there is now.
func (s *Service) Drain(ctx context.Context) error {
	return s.with(ctx, func(e *stream.MicroBatch) error { return e.Drain(ctx) })
}

// Progress says how far the current or last Run or Drain has come.
func (s *Service) Progress() stream.Progress {
	if e := s.engine.Load(); e != nil {
		return e.Progress()
	}
	return stream.Progress{}
}

// with opens the archive, works on it, and closes it.
func (s *Service) with(ctx context.Context, work func(*stream.MicroBatch) error) (err error) {
	st, err := s.open()
	if err != nil {
		return err
	}
	unlock, err := s.lock(st, s.Shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := s.parts(ctx, st, s.Clock)
	if err != nil {
		return err
	}
	defer p.close()
	e := &stream.MicroBatch{
		Source:     s.Source,
		Transforms: p.transforms,
		Sink:       p.rows,
		Rejects:    p.rejects,
		Ledger:     p.ledger,
		Interval:   s.Interval,
		Limits:     s.Limits,
		Workers:    s.Workers,
		Log:        s.Log,
		RecordLost: s.RecordLost,
	}
	_, locked := st.(store.Locker)
	e.Alone = locked && !s.Shared
	s.engine.Store(e)
	return work(e)
}

// parts are what a job on the archive is made of.
type parts struct {
	ledger     *ledger.Ledger
	transforms []stream.Transform
	rows       *sink.Parquet
	rejects    rejectFiles
	decoder    *alert.Decoder
}

func (p *parts) close() { p.decoder.Close() }

// parts opens the ledger and makes the parts around it.
func (s *Service) parts(ctx context.Context, st store.Store, clock sink.Clock) (*parts, error) {
	ledger, err := s.ledger(ctx, st, clock)
	if err != nil {
		return nil, err
	}
	schemas := &schemaFiles{Ledger: ledger, store: st}
	if !s.Shared {
		if err := schemas.sweep(ctx); err != nil {
			return nil, fmt.Errorf("archive: sweep %s: %w", schemaStaging, err)
		}
	}
	p := &parts{ledger: ledger, rows: s.parquet(st, clock), rejects: rejectFiles{s.parquet(st, sink.IngestTime)}}
	p.rows.Schemas = schemas
	p.decoder = &alert.Decoder{Surveys: s.Surveys, Registry: s.Registry, Schemas: ledger}
	p.transforms = append([]stream.Transform{p.decoder}, s.Transforms...)
	return p, nil
}

func (s *Service) open() (store.Store, error) {
	if s.Store != nil {
		return s.Store, nil
	}
	if s.Dir == "" {
		return nil, errors.New("archive: Service needs a Dir or a Store")
	}
	dir, err := store.OpenDir(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("archive: %w: choose a directory that can be written", err)
	}
	return dir, nil
}

// lock turns a second process away, where the store can tell, if one of them
// wants the archive for itself.
func (s *Service) lock(st store.Store, shared bool) (unlock func() error, err error) {
	l, ok := st.(store.Locker)
	if !ok {
		return func() error { return nil }, nil
	}
	unlock, err = l.Lock("ledger/lock", shared)
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("archive: another process is writing to %s: stop it; to archive with several processes start all of them with -group", s.where())
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return unlock, nil
}

func (s *Service) ledger(ctx context.Context, st store.Store, clock sink.Clock) (*ledger.Ledger, error) {
	ledger, err := ledger.Open(ctx, st, ledgerDir, map[string]string{
		"clock": clock.String(), "layout": clock.Layout(),
	})
	var other *settingsError
	if errors.As(err, &other) {
		other.Ledger = filepath.Join(s.Dir, other.Ledger)
		return nil, other
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", s.where(), err)
	}
	return ledger, nil
}

// where names the archive in errors.
func (s *Service) where() string { return cmp.Or(s.Dir, "the store") }

func (s *Service) parquet(st store.Store, clock sink.Clock) *sink.Parquet {
	p := &sink.Parquet{Store: st, Clock: clock, Compression: s.Compression, Workers: s.Workers}
	if s.Dir != "" {
		p.Spill = filepath.Join(s.Dir, "staging")
	}
	return p
}
