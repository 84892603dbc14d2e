package sink

import (
	"fmt"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// spill is a temporary Arrow file with the rows of many places, a record for
// each place. Its name is gone as soon as it is made, so that not even a crash
// leaves anything behind.
type spill struct {
	file *os.File
}

// segment is a record of a spill.
type segment struct {
	from   *spill
	record int
}

// spill moves the rows of the parts to disk, a file for each schema.
func (w *writer) spill(parts []*part) error {
	groups := map[*arrow.Schema][]*part{}
	var order []*arrow.Schema
	for _, p := range parts {
		for _, rows := range p.picks {
			s := rows.Record.Schema()
			if groups[s] == nil {
				order = append(order, s)
			}
			if g := groups[s]; len(g) == 0 || g[len(g)-1] != p {
				groups[s] = append(g, p)
			}
		}
	}
	for _, s := range order {
		if err := w.spillSchema(s, groups[s]); err != nil {
			return fmt.Errorf("sink: spill rows of many hours to %s: %w", w.spillDir(), err)
		}
	}
	for _, p := range parts {
		p.picks = nil
	}
	return nil
}

func (w *writer) spillDir() string {
	if w.Spill == "" {
		return os.TempDir()
	}
	return w.Spill
}

// spillSchema writes what parts hold of records with one schema.
func (w *writer) spillSchema(schema *arrow.Schema, parts []*part) error {
	if err := os.MkdirAll(w.spillDir(), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(w.spillDir(), "spill-*")
	if err != nil {
		return err
	}
	s := &spill{f}
	w.spills = append(w.spills, s)
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	out, err := ipc.NewFileWriter(f, ipc.WithSchema(flatSchema(schema)))
	if err != nil {
		return err
	}
	for n, p := range parts {
		r := gather(memory.DefaultAllocator, schema, p.picks)
		err := out.Write(r)
		r.Release()
		if err != nil {
			return err
		}
		p.spilled = append(p.spilled, segment{s, n})
	}
	return out.Close()
}

// unspill reads back the spilled rows of a part. The caller calls done when it
// needs them no more.
func (w *writer) unspill(p *part) (rows []parquetfile.Rows, done func(), err error) {
	done = func() {
		for _, r := range rows {
			r.Record.Release()
		}
	}
	for _, seg := range p.spilled {
		r, err := seg.read()
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("sink: read spilled rows back: %w", err)
		}
		rows = append(rows, parquetfile.Rows{Record: r})
	}
	return rows, done, nil
}

func (s segment) read() (arrow.Record, error) {
	r, err := ipc.NewFileReader(s.from.file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rec, err := r.RecordAt(s.record)
	if err != nil {
		return nil, err
	}
	return rec, nil
}

func (s *spill) close() { s.file.Close() }

// gather copies the rows of those records that have the schema into a new
// one without views.
func gather(mem memory.Allocator, schema *arrow.Schema, picks []parquetfile.Rows) arrow.Record {
	cols := make([]arrow.Array, schema.NumFields())
	var n int
	for i := range cols {
		var src []cells
		n = 0
		for _, rows := range picks {
			if rows.Record.Schema() == schema {
				src = append(src, cells{rows.Record.Column(i), rows.Index})
				n += len(rows.Index)
			}
		}
		data := take(mem, src)
		cols[i] = array.MakeFromData(data)
		data.Release()
		defer cols[i].Release()
	}
	return array.NewRecord(flatSchema(schema), cols, int64(n))
}
