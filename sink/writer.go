package sink

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

// writer stages one batch. It holds rows until they fill the memory it may
// use. Then the places that have enough for a row group are written, and the
// rows of all others are spilled, to be written place by place at the end: so
// the memory does not depend on how many hours a batch touches.
type writer struct {
	*Parquet
	ctx     context.Context
	batch   stream.Batch
	memory  int64
	now     time.Time
	parts   map[place]*part
	schemas map[string]*tableSchema
	held    []arrow.Record // the records that the parts' picks point into
	bytes   int64          // of held
	spills  []*spill
	files   []stream.File
}

// minRowGroup is the share of the memory from which a place gets a row group
// of its own; with less its rows are spilled.
const minRowGroup = 16

// place is a directory of a table.
type place struct {
	table string
	key   int64
}

// part is what a batch has for one place.
type part struct {
	place
	picks       []parquetfile.Rows // held in memory
	spilled     []segment          // waiting in spills
	bytes       int64              // of both, about
	first, last int64              // event times in µs
	timed       bool
	file        *parquetfile.Writer
	schema      *arrow.Schema // of file
	out         io.WriteCloser
	entry       stream.File
}

// tableSchema is the widest schema that a batch has seen of a table.
type tableSchema struct {
	wide *arrow.Schema
	seen map[*arrow.Schema]bool
}

// add takes rows, and writes or spills what no longer fits in memory.
func (w *writer) add(r stream.Rows) error {
	if r.Record.NumRows() == 0 {
		return nil
	}
	if err := w.widen(r.Table, r.Record.Schema()); err != nil {
		return err
	}
	keys, err := w.Clock.keys(r.Record, w.now)
	if err != nil {
		return err
	}
	times, err := eventTimes(r.Record)
	if err != nil {
		return err
	}
	size := stream.RecordBytes(r.Record)
	for key, index := range group(keys) {
		p := w.part(place{r.Table, key})
		p.picks = append(p.picks, parquetfile.Rows{Record: r.Record, Index: index})
		p.bytes += size * int64(len(index)) / int64(len(keys))
		p.span(times, index)
	}
	r.Record.Retain()
	w.held = append(w.held, r.Record)
	w.bytes += size
	if w.bytes < w.memory {
		return nil
	}
	return w.flush()
}

// group returns the rows of each key.
func group(keys []int64) map[int64][]int32 {
	groups := map[int64][]int32{}
	for i, k := range keys {
		groups[k] = append(groups[k], int32(i))
	}
	return groups
}

func (w *writer) widen(table string, s *arrow.Schema) error {
	t := w.schemas[table]
	if t == nil {
		t = &tableSchema{wide: s, seen: map[*arrow.Schema]bool{}}
		w.schemas[table] = t
	}
	if t.seen[s] {
		return nil
	}
	t.seen[s] = true
	wide, err := avroarrow.Merge(t.wide, s)
	if err != nil {
		return fmt.Errorf("sink: table %s: %w", table, err)
	}
	t.wide = wide
	return nil
}

func (w *writer) part(at place) *part {
	p := w.parts[at]
	if p == nil {
		p = &part{place: at}
		w.parts[at] = p
	}
	return p
}

// span widens the span of event times by those of some rows.
func (p *part) span(times []int64, index []int32) {
	if times == nil {
		return
	}
	for _, i := range index {
		t := times[i]
		if !p.timed {
			p.first, p.last, p.timed = t, t, true
		}
		p.first, p.last = min(p.first, t), max(p.last, t)
	}
}

// sorted returns the parts in an order that does not depend on the map's.
func (w *writer) sorted() []*part {
	parts := make([]*part, 0, len(w.parts))
	for _, p := range w.parts {
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(strings.Compare(a.table, b.table), cmp.Compare(a.key, b.key))
	})
	return parts
}

// flush empties the memory.
func (w *writer) flush() error {
	var rest []*part
	for _, p := range w.sorted() {
		switch {
		case len(p.picks) == 0:
		case p.bytes >= w.memory/minRowGroup:
			if err := w.write(p); err != nil {
				return err
			}
		default:
			rest = append(rest, p)
		}
	}
	if err := w.spill(rest); err != nil {
		return err
	}
	w.releaseHeld()
	return nil
}

// write makes a row group of what a part has, spilled rows first.
func (w *writer) write(p *part) error {
	rows, done, err := w.unspill(p)
	if err != nil {
		return err
	}
	defer done()
	if err := w.open(p); err != nil {
		return err
	}
	if err := p.file.WriteRowGroup(append(rows, p.picks...)); err != nil {
		return fmt.Errorf("sink: write %s: %w", p.entry.Stage, err)
	}
	p.picks, p.spilled, p.bytes = nil, nil, 0
	return nil
}

// open begins the part's file, or a new one if the table has become wider
// than the file.
func (w *writer) open(p *part) error {
	wide := w.schemas[p.table].wide
	if p.file != nil && p.schema == wide {
		return nil
	}
	if err := w.close(p); err != nil {
		return err
	}
	n := len(w.files)
	name := fmt.Sprintf("%s-%012d-%d.parquet", w.batch.Ledger, w.batch.Number, n)
	p.entry = stream.File{
		Table: p.table,
		Name:  path.Join(p.table, w.Clock.dir(p.key), name),
		Stage: path.Join(w.stagingOf(w.batch.Number), w.batch.Attempt, fmt.Sprint(n)),
	}
	w.files = append(w.files, p.entry) // completed by close
	out, err := w.Store.Stage(w.ctx, p.entry.Stage, p.entry.Name)
	if err != nil {
		return err
	}
	p.out, p.schema = out, wide
	p.file, err = parquetfile.NewWriter(out, wide, parquetfile.Options{Codec: w.Compression.codec(), Workers: w.Workers})
	return err
}

// close completes the part's file, if it has one, and its entry.
func (w *writer) close(p *part) error {
	if p.file == nil {
		return nil
	}
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("sink: write %s: %w", p.entry.Stage, err)
	}
	out := p.out
	p.out = nil
	if err := out.Close(); err != nil {
		return err
	}
	p.entry.Rows, p.entry.Bytes = p.file.NumRows(), p.file.Size()
	if p.timed {
		p.entry.First, p.entry.Last = time.UnixMicro(p.first).UTC(), time.UnixMicro(p.last).UTC()
	}
	i := slices.IndexFunc(w.files, func(f stream.File) bool { return f.Stage == p.entry.Stage })
	w.files[i] = p.entry
	p.file = nil
	return nil
}

// finish writes all that is left and completes the files.
func (w *writer) finish() error {
	for _, p := range w.sorted() {
		if len(p.picks) > 0 || len(p.spilled) > 0 {
			if err := w.write(p); err != nil {
				return err
			}
		}
		if err := w.close(p); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) releaseHeld() {
	for _, r := range w.held {
		r.Release()
	}
	w.held, w.bytes = w.held[:0], 0
}

// release frees what is left, after an error too. Files that were not closed
// stay in staging until the batch is swept.
func (w *writer) release() {
	w.releaseHeld()
	for _, s := range w.spills {
		s.close()
	}
	for _, p := range w.parts {
		if p.out != nil {
			p.out.Close()
		}
	}
}
