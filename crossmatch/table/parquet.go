package table

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// parquetTable is the layout of a Parquet file.
type parquetTable struct {
	in   input
	cols []column
	from []leaf // of cols
}

// leaf locates the values of a column.
type leaf struct {
	field int // of the file's schema, with the column
	index int // of the file's leaves, -1 if the column cannot be read
	depth int // number of enclosing structs
}

func openParquet(in input) (t *parquetTable, err error) {
	defer guard(&err)
	r, err := newParquetReader(in, memory.DefaultAllocator, 1)
	if err != nil {
		return nil, err
	}
	t = &parquetTable{in: in}
	for i, f := range r.Manifest.Fields {
		t.addField(f, i, "", 0)
	}
	unique(t.cols)
	return t, nil
}

// addField adds the column of a field or, if it is a struct, those of its fields, by
// dotted names.
func (t *parquetTable) addField(f pqarrow.SchemaField, number int, prefix string, depth int) {
	c := column{name: prefix + f.Field.Name, typ: f.Field.Type, nested: depth > 0}
	switch {
	case f.Field.Type.ID() == arrow.STRUCT && depth < maxDepth:
		for _, child := range f.Children {
			t.addField(child, number, c.name+".", depth+1)
		}
		return
	case !f.IsLeaf() || len(f.Children) > 0:
		c.typ, c.why = nil, "it is a list, a map, or nested too deeply"
	}
	t.cols, t.from = append(t.cols, c), append(t.from, leaf{number, f.ColIndex, depth})
}

// maxDepth bounds the number of structs that enclose a column.
const maxDepth = 8

// budget bounds the memory of a record and of the pages that it is read from.
func budget(in input) int64 { return 128<<20 + 4*in.size }

func newParquetReader(in input, mem memory.Allocator, rows int64) (*pqarrow.FileReader, error) {
	if err := checkFooter(in); err != nil {
		return nil, err
	}
	// The reader does not free its buffers, so mem must not allocate them.
	props := parquet.NewReaderProperties(newBounded(memory.NewGoAllocator(), budget(in)))
	props.BufferedStreamEnabled, props.BufferSize = true, 64<<10
	f, err := file.NewParquetReader(io.NewSectionReader(in.r, 0, in.size), file.WithReadProps(props))
	if err != nil {
		return nil, err
	}
	if n := f.MetaData().Schema.NumColumns(); n > maxColumns {
		return nil, fmt.Errorf("%d columns are more than %d", n, maxColumns)
	}
	// The writer's Arrow schema is ignored: it would bring dictionaries and views, and
	// the library crashes if it is damaged.
	f.MetaData().FileMetaData.KeyValueMetadata = nil
	return pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: rows}, newBounded(mem, budget(in)))
}

func (t *parquetTable) columns() []column   { return t.cols }
func (t *parquetTable) prepare([]int) error { return nil }

func (t *parquetTable) scan(want []int, rows int, mem memory.Allocator) (s scanner, err error) {
	defer guard(&err)
	// Records of wide tables have fewer rows.
	rows = max(min(rows, maxBuffer/(16*max(len(want), 1))), 1)
	r, err := newParquetReader(t.in, mem, int64(rows))
	if err != nil {
		return nil, err
	}
	groups, err := t.checkGroups(r.ParquetReader(), want)
	if err != nil {
		return nil, err
	}
	p := &parquetScanner{t: t, want: want, rows: int64(rows), left: r.ParquetReader().NumRows(), mem: mem}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.left == 0 {
		return p, nil
	}
	for _, w := range want {
		c, err := r.GetFieldReader(context.Background(), t.from[w].field, map[int]bool{t.from[w].index: true}, groups)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", t.cols[w].name, err)
		}
		p.readers = append(p.readers, c)
	}
	return p, nil
}

// checkGroups checks the pages of the wanted columns before the library reads them.
// It returns the numbers of all row groups.
func (t *parquetTable) checkGroups(f *file.Reader, want []int) ([]int, error) {
	groups := make([]int, f.NumRowGroups())
	total := int64(0)
	for g := range groups {
		groups[g] = g
		total += f.MetaData().RowGroups[g].GetNumRows()
		for _, w := range want {
			chunk, err := f.MetaData().RowGroup(g).ColumnChunk(t.from[w].index)
			if err != nil {
				return nil, err
			}
			dictionary, err := checkChunk(t.in, chunk)
			if err == nil && dictionary {
				err = checkIndices(f, g, t.from[w].index)
			}
			if err != nil {
				return nil, fmt.Errorf("row group %d, column %q: %w", g, t.cols[w].name, err)
			}
		}
	}
	if total != f.NumRows() || total < 0 {
		return nil, fmt.Errorf("%d rows, but its row groups have %d", f.NumRows(), total)
	}
	return groups, nil
}

type parquetScanner struct {
	t       *parquetTable
	want    []int
	readers []*pqarrow.ColumnReader
	rows    int64
	done    int64 // rows read
	left    int64
	mem     memory.Allocator
}

func (p *parquetScanner) next() (out []arrow.Array, err error) {
	n := min(p.rows, p.left)
	if n == 0 {
		return nil, io.EOF
	}
	defer func() {
		if err != nil {
			releaseAll(out)
			out = nil
			err = fmt.Errorf("after row %d: %w", p.done, err)
		}
	}()
	defer guard(&err)
	for i, w := range p.want {
		a, err := readColumn(p.readers[i], n, p.mem)
		if err == nil {
			a, err = unnest(a, p.t.from[w].depth)
		}
		if err != nil {
			return out, fmt.Errorf("column %q: %w", p.t.cols[w].name, err)
		}
		out = append(out, a)
		if int64(a.Len()) != n {
			return out, fmt.Errorf("column %q has fewer rows than the file: %w", p.t.cols[w].name, io.ErrUnexpectedEOF)
		}
		if !arrow.TypeEqual(a.DataType(), p.t.cols[w].typ) {
			return out, fmt.Errorf("column %q is %s, not %s", p.t.cols[w].name, a.DataType(), p.t.cols[w].typ)
		}
	}
	p.left -= n
	p.done += n
	return out, nil
}

func readColumn(r *pqarrow.ColumnReader, n int64, mem memory.Allocator) (arrow.Array, error) {
	chunks, err := r.NextBatch(n)
	if err != nil {
		return nil, err
	}
	defer chunks.Release()
	switch c := chunks.Chunks(); len(c) {
	case 0:
		return nil, io.ErrUnexpectedEOF
	case 1:
		c[0].Retain()
		return c[0], nil
	default:
		return array.Concatenate(c, mem)
	}
}

// unnest returns the column within depth structs of one field each, and releases
// the outermost. Where a struct is null, the library has made the column null.
func unnest(a arrow.Array, depth int) (arrow.Array, error) {
	if depth == 0 {
		return a, nil
	}
	defer a.Release()
	inner := a
	for range depth {
		s, ok := inner.(*array.Struct)
		if !ok || s.NumField() != 1 {
			return nil, fmt.Errorf("it is read as %v", a.DataType())
		}
		inner = s.Field(0)
	}
	inner.Retain()
	return inner, nil
}

func (p *parquetScanner) close() {
	for _, r := range p.readers {
		r.Release()
	}
	p.readers = nil
}

// guard turns a panic into an error: the library panics on damaged files. It reads
// in the caller's goroutine only.
func guard(err *error) {
	switch r := recover().(type) {
	case nil:
	case tooLarge:
		*err = errors.New("a record takes more memory than a file of this size should: ask for fewer Rows or Columns, or it is damaged")
	default:
		*err = fmt.Errorf("it is damaged: %s", short(fmt.Sprint(r)))
	}
}
