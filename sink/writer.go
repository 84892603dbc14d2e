package sink

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

// writer stages one batch. It holds rows until they fill the memory it may
// use. Then the places that have enough for a row group are written, and the
// rows of all others are spilled, to be written place by place at the end: so
// neither the memory nor the open files depend on how many hours a batch
// touches.
type writer struct {
	*Parquet
	ctx    context.Context
	batch  stream.Batch
	tag    string // tells the staged files of this sink from those of others
	memory int64
	now    time.Time
	parts  map[place]*part
	tables tables
	held   held // the records that the parts' picks point into
	spill  *spill
	open   int // parts that have a file
	files  []stream.File
}

const (
	// minRowGroup is the share of the memory from which a place gets a row
	// group of its own; with less its rows are spilled.
	minRowGroup = 16
	// maxOpen is how many files are kept open. Each takes a descriptor, and of
	// a remote store a connection and its buffers. Places beyond spill however
	// much they have.
	maxOpen = 64
	// maxMemory keeps the offsets of what is spilled far from 32 bits.
	maxMemory = 1 << 30
)

// place is a directory of a table.
type place struct {
	table string
	key   int64
}

// add takes rows, and writes or spills what no longer fits in memory.
func (w *writer) add(r stream.Rows) error {
	if r.Record.NumRows() == 0 {
		return nil
	}
	schema, err := w.tables.widen(w.ctx, r.Table, r.Record.Schema())
	if err != nil {
		return err
	}
	times := eventTimes(r.Record)
	keys, err := w.Clock.keys(r.Record, times, w.now)
	if err != nil {
		return err
	}
	rec := withSchema(r.Record, schema)
	defer rec.Release()
	size := w.held.add(rec)
	eachKey(keys, func(key int64, index []int32) {
		p := w.part(place{r.Table, key})
		p.picks = append(p.picks, parquetfile.Rows{Record: rec, Index: index})
		p.bytes += size * int64(len(index)) / int64(len(keys))
		p.waiting.add(times, index)
	})
	if w.held.bytes < w.memory {
		return nil
	}
	return w.flush()
}

// withSchema returns the record with an equal schema in the place of its own.
func withSchema(r arrow.Record, s *arrow.Schema) arrow.Record {
	if r.Schema() == s {
		r.Retain()
		return r
	}
	return array.NewRecord(s, r.Columns(), r.NumRows())
}

// eachKey calls f with every key and its rows.
func eachKey(keys []int64, f func(key int64, index []int32)) {
	index := make([]int32, len(keys))
	for i := range index {
		index[i] = int32(i)
	}
	slices.SortStableFunc(index, func(a, b int32) int { return cmp.Compare(keys[a], keys[b]) })
	for from := 0; from < len(index); {
		key, to := keys[index[from]], from+1
		for to < len(index) && keys[index[to]] == key {
			to++
		}
		f(key, index[from:to:to])
		from = to
	}
}

// checkTable refuses a name that would lead out of the store. Messages that
// nobody decoded have none, and stand at its root.
func checkTable(name string) error {
	if name != "" && (name == "." || !fs.ValidPath(name)) {
		return permanentf("table %q: the name must be a relative path without . and ..", name)
	}
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
		room := p.file != nil || w.open < maxOpen
		switch {
		case len(p.picks) == 0:
		case room && p.bytes >= w.memory/minRowGroup:
			if err := w.write(p); err != nil {
				return err
			}
		default:
			rest = append(rest, p)
		}
	}
	if len(rest) > 0 {
		if err := w.spillParts(rest); err != nil {
			return err
		}
	}
	w.held.release()
	return nil
}

// finish writes all that is left and completes the files.
func (w *writer) finish() error {
	for _, p := range w.sorted() {
		if err := w.write(p); err != nil {
			return err
		}
		if err := w.close(p); err != nil {
			return err
		}
	}
	return nil
}

// stage takes all rows of the batch and completes its files.
func (w *writer) stage() error {
	for rows, err := range w.batch.Rows {
		if err != nil {
			return err
		}
		if err := w.add(rows); err != nil {
			return err
		}
	}
	return w.finish()
}

// discard removes the files of an attempt that did not come to its end: on a
// full disk each further try would leave its files beside those of the last.
func (w *writer) discard() {
	for _, p := range w.parts {
		if p.out != nil {
			p.out.Abort()
		}
	}
	var complete stream.Receipt
	for _, f := range w.files {
		if f.Bytes > 0 {
			complete.Files = append(complete.Files, f)
		}
	}
	w.Discard(context.WithoutCancel(w.ctx), complete)
}

// Discard implements stream.Sweeper.
func (p *Parquet) Discard(ctx context.Context, r stream.Receipt) {
	ctx, cancel := context.WithTimeout(ctx, discardTime)
	defer cancel()
	for _, f := range r.Files {
		if p.Store.Delete(ctx, f.StagedPath) != nil {
			return
		}
	}
}

const discardTime = 5 * time.Second

// release frees memory and local disk.
func (w *writer) release() {
	w.held.release()
	w.spill.close()
}
