package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Service archives alerts exactly once. Fill in Job.Source and Dir or Store,
// then call Run or Drain, one at a time. To change more than the fields allow,
// wire the parts yourself, as the package's example does.
type Service struct {
	// Job is the job that the service runs: its source, limits, workers,
	// interval, log and so on. Its Transforms are applied to the decoded
	// alerts. The first archived row with a column that they add fixes the type
	// of that column; a column of another type needs another name.
	//
	// Sink, Rejects, Ledger and Alone must be left zero. The service sets them
	// while it runs, and puts its decoder before the Transforms.
	Job stream.MicroBatch

	// Dir is the directory of the archive, which is created if it does not
	// exist.
	Dir string
	// Store holds the archive instead of Dir. Rows that do not fit in memory
	// are then spilled to Dir/staging, or to os.TempDir if Dir is empty.
	Store store.Store
	// Shared allows other processes with Shared set, such as the members of a
	// Kafka group, to archive into the same place at the same time. If false, a
	// second process gets an error if the store has locks.
	Shared bool

	Surveys     []alert.Survey // if nil, all surveys of package alert
	Registry    alert.Registry // of the schemas of Confluent framing; may be nil
	Clock       sink.Clock     // the time that determines a row's directory; fixed by the first run
	Compression sink.Compression

	// Compact, if not nil, merges small files in the background while Run or Drain
	// works, again and again. It works on one core, and waits while messages are being
	// archived, but for at most 30 seconds at a time. If its Memory is zero, it is
	// 48 MiB. Errors are logged. Dir and Store must be left zero: the service sets them.
	Compact *Compaction
}

// Run archives until the context ends, and then returns nil.
func (s *Service) Run(ctx context.Context) error { return s.with(ctx, s.Job.Run) }

// Drain archives what the source has now.
func (s *Service) Drain(ctx context.Context) error { return s.with(ctx, s.Job.Drain) }

// Progress returns the progress of the current or last Run or Drain. It may be
// called at any time.
func (s *Service) Progress() stream.Progress { return s.Job.Progress() }

// Status returns what the job is doing. It may be called at any time, concurrently
// and from Job.Observe.
func (s *Service) Status() stream.Status { return s.Job.Status() }

// with opens the archive, runs the job on it, and closes it.
func (s *Service) with(ctx context.Context, run func(context.Context) error) (err error) {
	job := &s.Job
	if job.Sink != nil || job.Rejects != nil || job.Ledger != nil || job.Alone {
		return errors.New("archive: Service.Job must not have a Sink, Rejects, a Ledger or Alone: the service sets them")
	}
	st, err := s.open()
	if err != nil {
		return err
	}
	unlock, locked, err := s.lock(st, s.Shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := layout.CheckDirectories(ctx, st); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w, err := s.wire(ctx, st, s.Clock)
	if err != nil {
		return err
	}
	defer w.decoder.Close()
	if !s.Shared {
		if err := w.schemas.Sweep(ctx); err != nil {
			return fmt.Errorf("archive: sweep %s: %w", layout.SchemaStaging, err)
		}
	}
	given := job.Transforms
	defer func() {
		job.Transforms, job.Sink, job.Rejects, job.Ledger, job.Alone = given, nil, nil, nil, false
	}()
	job.Transforms, job.Sink, job.Rejects, job.Ledger, job.Alone = w.transforms, w.rows, w.rejects, w.ledger, locked && !s.Shared
	return s.beside(ctx, st, run)
}

// wiring is what a job on the archive is made of.
type wiring struct {
	ledger     *ledger.Ledger
	schemas    *layout.SchemaFiles
	decoder    *alert.Decoder
	transforms []stream.Transform // the decoder and those of the job
	rows       *sink.Parquet
	rejects    layout.Rejects
}

// wire opens the ledger and makes the parts of a job on it.
func (s *Service) wire(ctx context.Context, st store.Store, clock sink.Clock) (*wiring, error) {
	records, err := s.openLedger(ctx, st, clock)
	if err != nil {
		return nil, err
	}
	schemas := &layout.SchemaFiles{Ledger: records, Store: st}
	w := &wiring{ledger: records, schemas: schemas, rows: s.parquet(st, clock), rejects: layout.Rejects{Parquet: s.parquet(st, sink.IngestTime)}}
	w.rows.Schemas, w.rows.Stats = schemas, statsColumns
	w.decoder = &alert.Decoder{Surveys: s.Surveys, Registry: s.Registry, Schemas: records}
	w.transforms = append([]stream.Transform{w.decoder}, s.Job.Transforms...)
	return w, nil
}

// statsColumns are the columns whose least and greatest values commits record for
// each file, so that a reader opens only files that may have its rows.
var statsColumns = []string{"alert_id", "object_id", "ra", "dec", "event_time", "night"}

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

// lock locks the archive, and reports whether its store has locks. It fails if
// another process holds the lock and one of the two does not share it.
func (s *Service) lock(st store.Store, shared bool) (unlock func() error, locked bool, err error) {
	none := func() error { return nil }
	l, ok := st.(store.Locker)
	if !ok {
		return none, false, nil
	}
	unlock, err = l.Lock(layout.Lock, shared)
	if errors.Is(err, errors.ErrUnsupported) {
		s.log().Warn("no lock keeps a second process from being started by mistake", "err", err)
		return none, false, nil
	}
	if errors.Is(err, store.ErrLocked) {
		return nil, false, fmt.Errorf("archive: another process is writing to %s: stop it; to archive with several processes, start all of them with -group", layout.Where(s.Dir))
	}
	if err != nil {
		return nil, false, fmt.Errorf("archive: %w", err)
	}
	return unlock, true, nil
}

func (s *Service) openLedger(ctx context.Context, st store.Store, clock sink.Clock) (*ledger.Ledger, error) {
	l, err := ledger.Open(ctx, st, layout.Ledger, map[string]string{
		"clock": clock.String(), "layout": clock.Layout(),
	})
	var other *ledger.SettingsError
	if errors.As(err, &other) {
		other.Ledger = filepath.Join(s.Dir, other.Ledger)
		return nil, other
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", layout.Where(s.Dir), err)
	}
	return l, nil
}

func (s *Service) parquet(st store.Store, clock sink.Clock) *sink.Parquet {
	p := &sink.Parquet{Store: st, Staging: layout.Staging, Clock: clock, Compression: s.Compression, Workers: s.Job.Workers}
	if s.Dir != "" {
		p.Spill = filepath.Join(s.Dir, layout.Staging)
	}
	return p
}
