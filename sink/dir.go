package sink

import (
	"context"
	"fmt"
	"path"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/filestats"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// dirWriter holds the rows and the open file of one directory.
type dirWriter struct {
	directory
	spilled []*spilledRows
	rows    []parquetfile.Rows // in memory; they follow the spilled ones
	bytes   int64              // approximate size of both
	pending timeSpan           // of both

	file    *parquetfile.Writer // nil if none is open
	schema  *arrow.Schema       // of file
	out     store.Writer
	entry   int      // of file in batchWriter.files
	written timeSpan // of file
}

// write moves a directory's rows into its file: as one row group, or as several
// if the spilled rows would fill more than half the memory.
func (w *batchWriter) write(d *dirWriter) error {
	if len(d.spilled) == 0 && len(d.rows) == 0 {
		return nil
	}
	if err := w.openFor(d); err != nil {
		return err
	}
	for len(d.spilled) > 0 {
		n, size := 1, d.spilled[0].bytes
		for n < len(d.spilled) && size+d.spilled[n].bytes <= w.memory/2 {
			size += d.spilled[n].bytes
			n++
		}
		if err := w.writeSpilled(d, n); err != nil {
			return err
		}
	}
	if err := w.rowGroup(d, d.rows); err != nil {
		return err
	}
	d.rows, d.spilled, d.bytes = nil, nil, 0
	return nil
}

// writeSpilled writes the first n spilled rows of a directory as a row group. The
// last such row group includes the rows in memory.
func (w *batchWriter) writeSpilled(d *dirWriter, n int) error {
	rows, err := readSpilled(d.spilled[:n])
	defer func() {
		for _, r := range rows {
			r.Record.Release()
		}
	}()
	if err != nil {
		return err
	}
	group := rows
	if d.spilled = d.spilled[n:]; len(d.spilled) == 0 {
		group = append(group[:n:n], d.rows...)
		d.rows = nil
	}
	return w.rowGroup(d, group)
}

func (w *batchWriter) rowGroup(d *dirWriter, rows []parquetfile.Rows) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if err := d.file.WriteRowGroup(rows); err != nil {
		return fmt.Errorf("sink: write %s: %w", w.files[d.entry].StagedPath, err)
	}
	return nil
}

// openFor ensures that the directory has an open file that its rows fit into. If
// the table has been widened since the file was opened, that may be a second one.
func (w *batchWriter) openFor(d *dirWriter) error {
	if d.file != nil && !w.fileFits(d) {
		if err := w.close(d); err != nil {
			return err
		}
	}
	if d.file == nil {
		if err := w.begin(d); err != nil {
			return err
		}
	}
	d.written.join(d.pending)
	d.pending = timeSpan{}
	return nil
}

func (w *batchWriter) fileFits(d *dirWriter) bool {
	if d.schema == w.tables.byName[d.table].wide {
		return true
	}
	var last *arrow.Schema
	fit := func(s *arrow.Schema) bool {
		ok := s == last || fits(d.schema, s)
		last = s
		return ok
	}
	for _, s := range d.spilled {
		if !fit(s.schema) {
			return false
		}
	}
	for _, r := range d.rows {
		if !fit(r.Record.Schema()) {
			return false
		}
	}
	return true
}

// begin stages a new file for a directory.
func (w *batchWriter) begin(d *dirWriter) error {
	n := len(w.files)
	name := fmt.Sprintf("%s-%012d-%d.parquet", w.batch.Ledger, w.batch.Number, n)
	f := stream.File{
		Table:      d.table,
		Schema:     w.tables.byName[d.table].number,
		Path:       path.Join(d.table, w.sink.Clock.dir(d.key), name),
		StagedPath: path.Join(w.sink.stagingOf(w.batch.BatchID), w.batch.Attempt, fmt.Sprintf("%s-%d", w.tag, n)),
	}
	out, err := w.sink.Store.Stage(w.ctx, f.StagedPath, f.Path)
	if err != nil {
		return fmt.Errorf("sink: stage %s: %w", f.StagedPath, err)
	}
	table := w.tables.byName[d.table]
	d.out, d.schema, d.entry, d.written = out, table.wide, n, timeSpan{}
	d.file = table.format.NewWriter(out)
	w.files = append(w.files, f) // completed by close
	w.open++
	return nil
}

// close closes the directory's file, if one is open, and completes its entry.
func (w *batchWriter) close(d *dirWriter) error {
	if d.file == nil {
		return nil
	}
	f := &w.files[d.entry]
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("sink: write %s: %w", f.StagedPath, err)
	}
	if err := d.out.Close(); err != nil {
		return fmt.Errorf("sink: complete %s: %w", f.StagedPath, err)
	}
	f.Rows, f.Bytes = d.file.NumRows(), d.file.Size()
	f.First, f.Last = d.written.bounds()
	f.Stats = filestats.Of(d.file, d.schema, w.sink.Stats)
	d.file, d.out = nil, nil
	w.open--
	return nil
}
