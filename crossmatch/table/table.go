package table

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Options configure reading. The zero value reads all columns.
type Options struct {
	Format Format // If Auto, it is detected from the first bytes.

	// RA and Dec name the columns of the position. If empty, they are found by
	// their usual names and UCDs.
	RA, Dec string
	// AddDegrees keeps the position's columns unchanged if they are text, or numbers
	// in another unit, and adds columns NAME_deg after all others, or uses them if
	// the table has both. Text that is not an angle is NaN there instead of an error.
	AddDegrees bool
	// Columns to read after those of the position, in this order. If nil, all are
	// read, in the order of the file.
	Columns []string
	// Optional are columns to read after Columns, if they exist and can be read.
	Optional []string

	Comma   rune // Delimiter of CSV. If zero, it is detected: one of , ; tab |.
	Comment rune // Begins comment lines of CSV. If zero, '#'.

	Rows   int              // Maximum rows of a record. If zero, 65,536.
	Memory memory.Allocator // Allocates records. If nil, memory.DefaultAllocator.

	// Progress, if set, is called by ReadAll with the number of rows read so far.
	Progress func(rows int64)
}

// maxBuffer bounds a line, row or value in bytes, and the size of a record about.
const maxBuffer = 64 << 20

// Table is an open table. Its methods may be called concurrently.
type Table struct {
	name     string
	file     io.Closer // nil if the caller owns the file
	source   *source
	layout   layout
	want     []int // columns of the file, in the order of the schema
	ra, dec  toDegrees
	add      bool // add columns in degrees instead of replacing the position's
	schema   *arrow.Schema
	rows     int
	mem      memory.Allocator
	progress func(rows int64) // may be nil
}

// layout describes a file of one format.
type layout interface {
	columns() []column
	// prepare sets the types of the wanted columns if the header lacks them.
	prepare(want []int) error
	// scan reads the wanted columns from the first row.
	scan(want []int, rows int, mem memory.Allocator) (scanner, error)
}

// scanner reads arrays of equal length with at least one row, and then io.EOF.
type scanner interface {
	next() ([]arrow.Array, error)
	close()
}

// Open opens a table in a regular file. The caller must close it.
func Open(name string, o Options) (*Table, error) {
	info, err := os.Stat(name) // first: opening a pipe waits for its writer
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("table: %s: not a regular file: others cannot be read twice", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if info, err = f.Stat(); err != nil {
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

// NewReader opens a table of size bytes, which must not change while it is in use.
// The name is used in errors.
func NewReader(r io.ReaderAt, size int64, name string, o Options) (t *Table, err error) {
	defer func() {
		if err != nil {
			t, err = nil, t.wrap(err)
		}
	}()
	t = &Table{name: name, source: &source{ReaderAt: r}, rows: o.Rows, mem: o.Memory, progress: o.Progress}
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

// wrap adds the name of the table to an error, and its cause if a read failed.
func (t *Table) wrap(err error) error {
	return fmt.Errorf("table: %s: %w", t.name, t.source.explain(err))
}

// choose finds the requested columns and sets the schema.
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
	t.ra.at, t.dec.at = slices.Index(t.want, ra), slices.Index(t.want, dec)
	t.add = o.AddDegrees && !(t.ra.exact(cols[ra]) && t.dec.exact(cols[dec]))
	t.ra.lenient, t.dec.lenient = t.add, t.add
	t.setSchema(cols)
	return nil
}

// setSchema sets the schema, with the position in degrees.
func (t *Table) setSchema(cols []column) {
	fields := make([]arrow.Field, len(t.want))
	for i, w := range t.want {
		fields[i] = cols[w].field()
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
}

// Schema returns the schema of the records. The metadata of a field has the keys
// unit, ucd and description, if the file has them.
func (t *Table) Schema() *arrow.Schema { return t.schema }

// Position returns the names of the columns of the position in degrees.
func (t *Table) Position() (ra, dec string) {
	return t.schema.Field(t.ra.to).Name, t.schema.Field(t.dec.to).Name
}

// Close closes the file of Open. It must not be called during Records.
func (t *Table) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// Records returns an iterator over the rows of the table, in order, as records. A
// record is released after its iteration: Retain it to keep it. An error ends the
// iteration; the records before it are valid. Each call starts at the first row.
func (t *Table) Records(ctx context.Context) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, err := t.layout.scan(t.want, t.rows, t.mem)
		if err != nil {
			yield(nil, t.wrap(err))
			return
		}
		defer s.close()
		for row := int64(0); ; {
			rec, err := t.next(ctx, s, row)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, t.wrap(err))
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
	defer func() { releaseAll(cols) }()
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
