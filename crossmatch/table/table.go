package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Options say what to read of a table. Its zero value reads all.
type Options struct {
	Format Format // Auto finds it out from the first bytes

	// RA and Dec name the columns of the position. Empty: found by the usual
	// names and by UCD.
	RA, Dec string
	// AddDegrees keeps the columns of the position as they are in the file if
	// they are text, or numbers in another unit, and adds columns NAME_deg after
	// all others. Text that is not an angle is NaN there, instead of an error.
	AddDegrees bool
	// Columns to read besides the position, which then comes first, in this
	// order. Nil: all, in the order of the file.
	Columns []string
	// Optional are columns to read behind those, if the file has them and they
	// can be read.
	Optional []string

	Comma   rune // of CSV; 0: one of , ; tab | is found out
	Comment rune // that begins lines of CSV that do not count; 0: '#'

	Rows   int              // in a record, at most; 0: 65,536
	Memory memory.Allocator // of records; nil: Go's

	// Progress, if set, is told by ReadAll how many rows it has so far.
	Progress func(rows int64)
}

// maxUnit bounds what is held of a file at a time: a line, row or value, and
// about that much of a record.
const maxUnit = 64 << 20

// Table is an open table. Its methods may be called concurrently.
type Table struct {
	name    string
	file    io.Closer // nil: not ours
	source  *source
	layout  layout
	want    []int // columns of the file, in the order of the schema
	ra, dec toDegrees
	add     bool // columns in degrees, instead of replacing those of the position
	schema  *arrow.Schema
	rows    int
	mem     memory.Allocator
	tell    func(rows int64) // may be nil
}

// layout is what a format knows of a file before its rows are read.
type layout interface {
	columns() []column
	// prepare sets the types of the columns that are wanted, where that takes
	// more than a look at the header.
	prepare(want []int) error
	// scan reads the wanted columns from the first row on.
	scan(want []int, rows int, mem memory.Allocator) (scanner, error)
}

// scanner reads arrays of equal length, of at least one row; io.EOF is the end.
type scanner interface {
	next() ([]arrow.Array, error)
	close()
}

// Open opens the table of a file. Close it.
func Open(name string, o Options) (*Table, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no regular file: only those can be read twice")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("table: %s: %w", name, err)
	}
	t, err := NewReader(f, info.Size(), name, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	t.file = f
	return t, nil
}

// NewReader is Open for what is no file: size bytes, which must not change while
// the table is in use. Errors call it by the name.
func NewReader(r io.ReaderAt, size int64, name string, o Options) (t *Table, err error) {
	defer func() {
		if err != nil {
			t, err = nil, fmt.Errorf("table: %s: %w", name, t.source.explain(err))
		}
	}()
	t = &Table{name: name, source: &source{ReaderAt: r}, rows: o.Rows, mem: o.Memory, tell: o.Progress}
	if t.rows <= 0 {
		t.rows = 64 << 10
	}
	if t.mem == nil {
		t.mem = memory.DefaultAllocator
	}
	if t.layout, err = open(input{t.source, size}, o); err == nil {
		err = t.choose(o)
	}
	return t, err
}

// choose finds the columns that are asked for.
func (t *Table) choose(o Options) error {
	cols := t.layout.columns()
	ra, dec, err := findPosition(cols, o)
	if err != nil {
		return err
	}
	if t.want, err = selectColumns(cols, ra, dec, o); err != nil {
		return err
	}
	if err := t.layout.prepare(t.want); err != nil {
		return err
	}
	cols = t.layout.columns()
	if t.ra, err = newDegrees(cols[ra], 15); err != nil {
		return err
	}
	if t.dec, err = newDegrees(cols[dec], 1); err != nil {
		return err
	}
	t.add = o.AddDegrees && !(t.ra.exact(cols[ra]) && t.dec.exact(cols[dec]))
	t.ra.lenient, t.dec.lenient = t.add, t.add
	fields := make([]arrow.Field, len(t.want))
	for i, w := range t.want {
		fields[i] = cols[w].field()
		switch w {
		case ra:
			t.ra.at = i
		case dec:
			t.dec.at = i
		}
	}
	for _, d := range []*toDegrees{&t.ra, &t.dec} {
		f := d.field(cols[t.want[d.at]])
		if d.to = d.at; !t.add {
			fields[d.at] = f
			continue
		}
		for f.Name += "_deg"; slices.ContainsFunc(fields, func(g arrow.Field) bool { return g.Name == f.Name }); f.Name += "_" {
		}
		d.to, fields = len(fields), append(fields, f)
	}
	t.schema = arrow.NewSchema(fields, nil)
	return nil
}

// Schema is that of the records. The metadata of its fields has what the file
// says of them under unit, ucd and description.
func (t *Table) Schema() *arrow.Schema { return t.schema }

// Position returns the names of the columns of the position in degrees.
func (t *Table) Position() (ra, dec string) {
	return t.schema.Field(t.ra.to).Name, t.schema.Field(t.dec.to).Name
}

// Close closes the file. Records must not be running.
func (t *Table) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// Records reads the table from its first row. A record is released when the loop
// goes on: Retain it to keep it. An error is the last that comes; the rows
// before it are those of the file. It may be called again, for all rows again.
func (t *Table) Records(ctx context.Context) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, err := t.layout.scan(t.want, t.rows, t.mem)
		if err != nil {
			yield(nil, fmt.Errorf("table: %s: %w", t.name, t.source.explain(err)))
			return
		}
		defer s.close()
		for row := int64(0); ; {
			rec, err := t.next(ctx, s, row)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("table: %s: %w", t.name, t.source.explain(err)))
				return
			}
			row += rec.NumRows()
			more := yield(rec, nil)
			rec.Release()
			if !more {
				return
			}
		}
	}
}

func (t *Table) next(ctx context.Context, s scanner, row int64) (arrow.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cols, err := s.next()
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, d := range []toDegrees{t.ra, t.dec} {
		deg, err := d.convert(cols[d.at], row, t.mem)
		if err != nil {
			return nil, err
		}
		if t.add {
			cols = append(cols, deg)
			continue
		}
		cols[d.at].Release()
		cols[d.at] = deg
	}
	return array.NewRecord(t.schema, cols, int64(cols[0].Len())), nil
}
