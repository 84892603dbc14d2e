package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Source reads an archive: the rows of its tables, decoded, in the order in which
// they were committed. Fill in Dir or Store, and use it as the Source of a
// stream.MicroBatch with a ledger of its own. See "The archive as a source" in the
// package's doc.
//
// Without Times it is a stream, which yields new rows as they are published. With
// Times it is a batch, which ends.
//
// A Source must not be copied, and its fields must not be changed, after its first
// use. One Source serves one job at a time.
type Source struct {
	// Dir is the directory of the archive. It is only read.
	Dir string
	// Store holds the archive instead of Dir.
	Store store.Store

	// Tables are the tables to read, such as ztf for alerts/ztf. If empty, all tables
	// of alerts are read, those that appear later included.
	Tables []string
	// Columns are the columns to read, such as object_id or candidate.jd: a name
	// leads with dots into structs, and into the structs of lists, as in
	// prv_candidates.magpsf. They have the order and the nesting of the table.
	// If empty, all columns are read.
	Columns []string

	// Since is where a new job begins: with the first batch of the archive that was
	// committed at that time or later. If zero, it begins with the first row. To read
	// only what comes from now on, set it to time.Now().
	Since time.Time
	// Times limits the job to rows with times in a range.
	Times TimeRange

	// RecordLost decides what happens if a file is missing although no rewrite has
	// replaced it. If false, Read returns a *MissingError. If true, its rows are
	// accounted for as lost; stream.MicroBatch.RecordLost must be set too.
	RecordLost bool

	// Poll is the time between looks at the archive's ledger while there is nothing
	// to read. If zero, it is 250 ms.
	Poll time.Duration
	// Memory bounds the decoded rows that the Source holds, in bytes, besides those
	// in flight: usually one row group, or one of each directory if the rows of
	// several were committed in turn, or the rows of a sorted file. It holds at least
	// one row group. If zero, it is 256 MiB.
	Memory int64
	// Spill is a local directory for the rows of sorted files that do not fit in
	// Memory. If empty, it is os.TempDir(), which should not be a file system in
	// memory.
	Spill string

	mu     sync.Mutex // guards what follows
	store  store.Store
	ledger *ledger.Ledger
	index  *index.Index
	clock  sink.Clock
	listed map[string]int64 // rows of each table when Available last listed it
	began  map[string]int64 // in a stream: where a new job begins, from the first listing on
	fixed  map[string]int64 // in a batch: its rows by table, once listed or adopted
	known  map[string]int64 // partitions that Adopt was given

	ingested map[partition]stream.Range // of partitions whose rows commit times decide

	sequence *sequence       // the last one that was made
	sorted   []*rowfile.File // sorted files to be used again, the least recently used first

	mem memory.Allocator // for tests; if nil, the default
}

var (
	_ stream.Source  = (*Source)(nil)
	_ stream.Waiter  = (*Source)(nil)
	_ stream.Owner   = (*Source)(nil)
	_ stream.Adopter = (*Source)(nil)
)

const (
	defaultPoll   = 250 * time.Millisecond
	defaultMemory = 256 << 20
)

// Available implements stream.Source. Each table is a partition, and its offsets are
// the numbers of its rows.
func (s *Source) Available(ctx context.Context) ([]stream.Extent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.update(ctx); err != nil {
		return nil, err
	}
	tables, err := s.tables()
	if err != nil {
		return nil, err
	}
	if err := s.checkColumns(ctx, tables); err != nil {
		return nil, err
	}
	s.listed = map[string]int64{}
	var out []stream.Extent
	for _, name := range tables {
		e, err := s.extent(ctx, name)
		if err != nil {
			return nil, err
		}
		out, s.listed[name] = append(out, e), s.rows(name)
	}
	return out, nil
}

// extent returns what there is of a table.
func (s *Source) extent(ctx context.Context, table string) (e stream.Extent, err error) {
	e.Partition = s.ledger.ID() + "/" + table
	rows := s.rows(table)
	if !s.Times.isZero() {
		if _, ok := s.fixed[table]; !ok {
			s.fixed[table] = rows
		}
		p := partition{s.ledger.ID(), table, s.Times, s.fixed[table]}
		e.Partition = p.String()
		e.From, e.To, err = s.offsets(ctx, p)
		e.Start = e.From
		return e, err
	}
	e.To = rows
	if _, ok := s.began[table]; !ok {
		s.began[table] = 0
		if _, known := s.known[e.Partition]; !known && !s.Since.IsZero() {
			if s.began[table], err = s.index.RowsBefore(ctx, table, s.Since); err != nil {
				return e, err
			}
		}
	}
	e.Start = s.began[table]
	if t := s.index.Table(table); t != nil && len(s.Columns) == 0 {
		for _, f := range t.Files {
			e.Bytes += f.Bytes
		}
	}
	return e, nil
}

// rows returns the number of rows of a table.
func (s *Source) rows(table string) int64 {
	if t := s.index.Table(table); t != nil {
		return t.Rows
	}
	return 0
}

// update opens the archive, or reads what has been published since.
func (s *Source) update(ctx context.Context) error {
	if s.index != nil {
		news, err := s.index.Update(ctx)
		if news && err == nil {
			err = s.checkID(ctx)
		}
		return s.located(err)
	}
	if err := s.check(); err != nil {
		return stream.Permanent(fmt.Errorf("archive: Source: %w", err))
	}
	st, err := layout.OpenReadOnly(ctx, s.Store, s.Dir)
	if errors.Is(err, fs.ErrNotExist) || s.Store == nil && s.Dir == "" {
		return stream.Permanent(err)
	}
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, st, layout.Ledger, nil)
	var version *ledger.SettingsError
	if errors.As(err, &version) {
		err = stream.Permanent(fmt.Errorf("its ledger has version %q, which this program does not know: install a newer version", version.Have))
	}
	if err != nil {
		return s.located(err)
	}
	if s.clock, err = sink.ParseClock(l.Settings()["clock"]); err != nil {
		s.clock = -1 // the names of directories tell nothing
	}
	x, err := index.Open(ctx, st, l)
	if err != nil {
		return s.located(err)
	}
	s.store, s.ledger, s.index = st, l, x
	s.began, s.fixed, s.ingested = map[string]int64{}, map[string]int64{}, map[partition]stream.Range{}
	s.adopt()
	return nil
}

// checkID returns an error if another archive has taken the place of this one.
func (s *Source) checkID(ctx context.Context) error {
	l, err := ledger.Open(ctx, s.store, layout.Ledger, nil)
	if err == nil && l.ID() != s.ledger.ID() {
		err = stream.Permanent(fmt.Errorf("it is no longer the archive with the ledger %s: start again", s.ledger.ID()))
	}
	return err
}

// check checks the fields.
func (s *Source) check() error {
	if !s.Times.isZero() && !s.Since.IsZero() {
		return errors.New("set Since for a stream, or Times for a batch, not both")
	}
	if err := s.Times.check(); err != nil {
		return fmt.Errorf("time range %q: %w", s.Times, err)
	}
	return nil
}

// located adds the archive to an error.
func (s *Source) located(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("archive: %s: %w", layout.Where(s.Dir), err)
}

// tables returns the tables to read.
func (s *Source) tables() (out []string, err error) {
	var have []string
	for _, t := range s.index.Tables() {
		if t != layout.Rejected {
			have = append(have, t)
		}
	}
	if len(s.Tables) == 0 {
		for _, t := range have {
			if strings.HasPrefix(t, layout.Alerts+"/") {
				out = append(out, t)
			}
		}
		return out, nil
	}
	for _, name := range s.Tables {
		if name == layout.Rejected {
			return nil, stream.Permanent(s.located(errors.New("rejected messages are not rows of a table: to try them again, use Service.Replay")))
		}
		table := name
		if !slices.Contains(have, name) {
			table = layout.Alerts + "/" + name
		}
		if !slices.Contains(have, table) && (len(have) > 0 || !s.Times.isZero()) {
			return nil, s.located(noTable(name, have))
		}
		if !slices.Contains(out, table) {
			out = append(out, table)
		}
	}
	return out, nil
}

// noTable returns the error for a table that does not exist.
func noTable(name string, have []string) error {
	if len(have) == 0 {
		return stream.Permanent(fmt.Errorf("no table %q: the archive has no alerts yet", name))
	}
	short := make([]string, len(have))
	for i, t := range have {
		short[i] = strings.TrimPrefix(t, layout.Alerts+"/")
	}
	return stream.Permanent(fmt.Errorf("no table %q: the archive has %s", name, strings.Join(short, ", ")))
}

// Wait implements stream.Waiter. It looks at the archive's ledger every Poll.
func (s *Source) Wait(ctx context.Context) error {
	for {
		if news, err := s.news(ctx); news || err != nil {
			return err
		}
		if err := backoff.Sleep(ctx, s.poll()); err != nil {
			return err
		}
	}
}

func (s *Source) poll() time.Duration {
	if s.Poll > 0 {
		return s.Poll
	}
	return defaultPoll
}

// news reports whether Available would list more than the last time. Other batches,
// such as rewrites, must not wake the engine: it would ask less and less often.
func (s *Source) news(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed != nil && !s.Times.isZero() {
		return false, nil // a batch has all its rows from the start
	}
	if err := s.update(ctx); err != nil {
		return false, err
	}
	tables, err := s.tables()
	if err != nil {
		return false, err
	}
	for _, t := range tables {
		if rows, ok := s.listed[t]; !ok || s.rows(t) > rows {
			return true, nil
		}
	}
	return false, nil
}

// Owns implements stream.Owner. It reports whether a partition is of a table of this
// archive.
func (s *Source) Owns(name string) bool {
	p, ok := parsePartition(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && s.ledger != nil && p.ledger == s.ledger.ID()
}

// Adopt implements stream.Adopter. The partitions of a batch are named after the
// number of rows that each table had when the job began; the first plan that names
// one decides.
func (s *Source) Adopt(partitions map[string]int64) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = partitions
	return s.ledger != nil && s.adopt()
}

func (s *Source) adopt() (changed bool) {
	if s.Times.isZero() {
		return false
	}
	for name := range s.known {
		p, ok := parsePartition(name)
		if !ok || p.ledger != s.ledger.ID() || p.times.String() != s.Times.String() {
			continue
		}
		if rows, ok := s.fixed[p.table]; !ok || rows != p.rows {
			s.fixed[p.table], changed = p.rows, true
		}
	}
	return changed
}

// Close frees memory and local disk. The Source may be used again.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, f := range s.sorted {
		err = errors.Join(err, f.Close())
	}
	s.sorted, s.sequence = nil, nil
	return err
}
