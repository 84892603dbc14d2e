package sink

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// part is what a batch has for one place.
type part struct {
	place
	spilled []*segment         // rows on disk
	picks   []parquetfile.Rows // rows in memory, which came after them
	bytes   int64              // of both, about
	waiting span               // of both

	file    *parquetfile.Writer
	schema  *arrow.Schema // of file
	out     store.Writer
	entry   int  // of file in the writer's files
	written span // of file
}

// write moves a part's rows into its file: in one row group, or several if
// the spilled ones alone would fill half the memory.
func (w *writer) write(p *part) error {
	if len(p.spilled) == 0 && len(p.picks) == 0 {
		return nil
	}
	if err := w.openFor(p); err != nil {
		return err
	}
	for len(p.spilled) > 0 {
		n, size := 1, p.spilled[0].bytes
		for n < len(p.spilled) && size+p.spilled[n].bytes <= w.memory/2 {
			size += p.spilled[n].bytes
			n++
		}
		if err := w.writeSpilled(p, n); err != nil {
			return err
		}
	}
	if err := w.rowGroup(p, p.picks); err != nil {
		return err
	}
	p.picks, p.spilled, p.bytes = nil, nil, 0
	return nil
}

// writeSpilled makes a row group of the first n segments of a part. Its rows
// in memory join the last of them.
func (w *writer) writeSpilled(p *part, n int) error {
	rows, err := unspill(p.spilled[:n])
	defer func() {
		for _, r := range rows {
			r.Record.Release()
		}
	}()
	if err != nil {
		return err
	}
	group := rows
	if p.spilled = p.spilled[n:]; len(p.spilled) == 0 {
		group = append(group[:n:n], p.picks...)
		p.picks = nil
	}
	return w.rowGroup(p, group)
}

func (w *writer) rowGroup(p *part, rows []parquetfile.Rows) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	if err := p.file.WriteRowGroup(rows); err != nil {
		return fmt.Errorf("sink: write %s: %w", w.files[p.entry].StagedPath, err)
	}
	return nil
}

// openFor makes sure that a part has a file that its rows fit into: where the
// table became wider on the way, that may be a second one.
func (w *writer) openFor(p *part) error {
	if p.file != nil && !w.fileFits(p) {
		if err := w.close(p); err != nil {
			return err
		}
	}
	if p.file == nil {
		if err := w.begin(p); err != nil {
			return err
		}
	}
	p.written.join(p.waiting)
	p.waiting = span{}
	return nil
}

func (w *writer) fileFits(p *part) bool {
	if p.schema == w.tables.byName[p.table].wide {
		return true
	}
	var last *arrow.Schema
	for _, s := range p.spilled {
		if last != s.schema && !fits(p.schema, s.schema) {
			return false
		}
		last = s.schema
	}
	for _, r := range p.picks {
		if last != r.Record.Schema() && !fits(p.schema, r.Record.Schema()) {
			return false
		}
		last = r.Record.Schema()
	}
	return true
}

// begin stages a new file for a part.
func (w *writer) begin(p *part) error {
	n := len(w.files)
	name := fmt.Sprintf("%s-%012d-%d.parquet", w.batch.Ledger, w.batch.Number, n)
	f := stream.File{
		Table:      p.table,
		Path:       path.Join(p.table, w.Clock.dir(p.key), name),
		StagedPath: path.Join(w.stagingOf(w.batch.BatchID), w.batch.Attempt, fmt.Sprintf("%s-%d", w.tag, n)),
	}
	out, err := w.Store.Stage(w.ctx, f.StagedPath, f.Path)
	if err != nil {
		return fmt.Errorf("sink: stage %s: %w", f.StagedPath, err)
	}
	table := w.tables.byName[p.table]
	p.out, p.schema, p.entry, p.written = out, table.wide, n, span{}
	p.file = table.format.NewWriter(out)
	w.files = append(w.files, f) // completed by close
	w.open++
	return nil
}

// close completes the part's file, if it has one, and its entry.
func (w *writer) close(p *part) error {
	if p.file == nil {
		return nil
	}
	f := &w.files[p.entry]
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("sink: write %s: %w", f.StagedPath, err)
	}
	if err := p.out.Close(); err != nil {
		return fmt.Errorf("sink: complete %s: %w", f.StagedPath, err)
	}
	f.Rows, f.Bytes = p.file.NumRows(), p.file.Size()
	if p.written.some {
		f.First, f.Last = time.UnixMicro(p.written.first).UTC(), time.UnixMicro(p.written.last).UTC()
	}
	p.file, p.out = nil, nil
	w.open--
	return nil
}
