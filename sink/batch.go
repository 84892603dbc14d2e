package sink

import (
	"cmp"
	"context"
	"crypto/rand"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

// batchWriter stages one batch. It buffers rows until they fill its memory. Then
// it writes a row group for each directory with enough rows, and spills the
// others to disk, to be written directory by directory at the end. So neither its
// memory nor its open files depend on the number of directories.
type batchWriter struct {
	sink     *Parquet
	ctx      context.Context
	batch    stream.Batch
	tag      string // uniquely identifies this sink's files in the attempt's staging directory
	memory   int64
	now      time.Time
	dirs     map[directory]*dirWriter
	tables   tables
	retained retainedRecords // the records of the rows in dirs
	spill    *spillFile
	open     int // directories with an open file
	files    []stream.File
}

const (
	// rowGroupShare is the fraction, 1/16, of the memory that a directory's rows
	// must fill to be written and not spilled.
	rowGroupShare = 16
	// maxOpenFiles is the default of Parquet.OpenFiles.
	maxOpenFiles = 64
	// maxMemory keeps the 32-bit offsets of spilled columns from overflowing.
	maxMemory     = 1 << 30
	defaultMemory = 64 << 20
)

// directory is a directory of a table.
type directory struct {
	table string
	key   int64 // as returned by Clock.keys
}

func newBatchWriter(ctx context.Context, p *Parquet, b stream.Batch) *batchWriter {
	w := &batchWriter{
		sink: p, ctx: ctx, batch: b, memory: min(p.Memory, maxMemory), now: time.Now(),
		tag:  strings.ToLower(rand.Text()[:8]),
		dirs: map[directory]*dirWriter{},
		tables: tables{
			options: parquetfile.Options{Codec: parquetfile.Codec(p.Compression), Workers: p.Workers, Bounds: p.Stats},
			chains:  p.Schemas, byName: map[string]*tableSchema{},
		},
	}
	if w.memory <= 0 {
		w.memory = defaultMemory
	}
	return w
}

// stage writes all rows of the batch.
func (w *batchWriter) stage() error {
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

// add buffers rows, and empties the memory if it is full.
func (w *batchWriter) add(r stream.Rows) error {
	if r.Record.NumRows() == 0 {
		return nil
	}
	schema, err := w.tables.widen(w.ctx, r.Table, r.Record.Schema())
	if err != nil {
		return err
	}
	times := eventTimes(r.Record)
	keys, err := w.sink.Clock.keys(r.Record, times, w.now)
	if err != nil {
		return err
	}
	rec := withSchema(r.Record, schema)
	defer rec.Release()
	size := w.retained.add(rec)
	eachKey(keys, func(key int64, index []int32) {
		d := w.dir(directory{r.Table, key})
		d.rows = append(d.rows, parquetfile.Rows{Record: rec, Index: index})
		d.bytes += size * int64(len(index)) / int64(len(keys))
		d.pending.add(times, index)
	})
	// A second record of this size would make the memory half as large again.
	if w.retained.bytes < w.memory && size < w.memory/2 {
		return nil
	}
	return w.flush()
}

// withSchema returns the record with its schema replaced by an equal one.
func withSchema(r arrow.Record, s *arrow.Schema) arrow.Record {
	if r.Schema() == s {
		r.Retain()
		return r
	}
	return array.NewRecord(s, r.Columns(), r.NumRows())
}

// eachKey calls f with every distinct key and its rows.
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

// checkTable refuses a name that leads out of the store. The empty name, which
// rows of undecoded messages have, is the store's root.
func checkTable(name string) error {
	if name != "" && (name == "." || !fs.ValidPath(name)) {
		return permanentf("table %q: the name must be a relative path without . and ..", name)
	}
	return nil
}

func (w *batchWriter) dir(at directory) *dirWriter {
	d := w.dirs[at]
	if d == nil {
		d = &dirWriter{directory: at}
		w.dirs[at] = d
	}
	return d
}

// sorted returns the directories in the order of tables and keys.
func (w *batchWriter) sorted() []*dirWriter {
	dirs := make([]*dirWriter, 0, len(w.dirs))
	for _, d := range w.dirs {
		dirs = append(dirs, d)
	}
	slices.SortFunc(dirs, func(a, b *dirWriter) int {
		return cmp.Or(strings.Compare(a.table, b.table), cmp.Compare(a.key, b.key))
	})
	return dirs
}

// flush writes or spills all buffered rows.
func (w *batchWriter) flush() error {
	var rest []*dirWriter
	maxOpen := w.sink.maxOpen(w.memory)
	for _, d := range w.sorted() {
		mayOpen := d.file != nil || w.open < maxOpen
		switch {
		case len(d.rows) == 0:
		case mayOpen && d.bytes >= w.memory/rowGroupShare:
			if err := w.write(d); err != nil {
				return err
			}
		default:
			rest = append(rest, d)
		}
	}
	if len(rest) > 0 {
		if err := w.spillRows(rest); err != nil {
			return err
		}
	}
	w.retained.release()
	return nil
}

// finish writes all remaining rows and closes the files. It completes the open
// ones before it opens others, one at a time.
func (w *batchWriter) finish() error {
	dirs := w.sorted()
	for _, open := range []bool{true, false} {
		for _, d := range dirs {
			if open && d.file == nil {
				continue
			}
			if err := w.write(d); err != nil {
				return err
			}
			if err := w.close(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// discard removes the files of a failed attempt. Otherwise each retry would leave
// files on a full disk.
func (w *batchWriter) discard() {
	for _, d := range w.dirs {
		if d.out != nil {
			d.out.Abort()
		}
	}
	var closed stream.Receipt
	for _, f := range w.files {
		if f.Bytes > 0 {
			closed.Files = append(closed.Files, f)
		}
	}
	w.sink.Discard(context.WithoutCancel(w.ctx), closed)
}

// release frees memory and local disk.
func (w *batchWriter) release() {
	w.retained.release()
	w.spill.close()
}
