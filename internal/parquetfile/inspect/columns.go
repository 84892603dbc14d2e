package inspect

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// The bounds of a record that Columns yields; a larger row is one by itself.
const (
	recordRows  = 64
	recordBytes = 4 << 20
)

// Columns yields records of the named columns, which must be flat, each of a few of
// the next rows. A record is borrowed until the next iteration, unless it is
// retained.
func Columns(ctx context.Context, f File, names ...string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		p, err := openColumns(f, names)
		if err != nil {
			yield(nil, err)
			return
		}
		defer p.ParquetReader().Close()
		c, err := newColumnReader(ctx, p, names)
		defer c.release()
		if err != nil {
			yield(nil, err)
			return
		}
		for g := range p.ParquetReader().NumRowGroups() {
			left, size := c.group(g)
			for left > 0 {
				n := min(left, size)
				rec, err := c.next(n)
				if err != nil {
					yield(nil, fmt.Errorf("row group %d: %w", g, err))
					return
				}
				more := yield(rec, nil)
				rec.Release()
				if !more {
					return
				}
				left -= n
			}
		}
	}
}

// openColumns opens a file that has the named columns. It checks the file first:
// some damaged headers make Arrow's record reader loop forever.
func openColumns(f File, names []string) (p *pqarrow.FileReader, err error) {
	defer recovered(&err)
	if _, err := Check(f, Options{}); err != nil {
		return nil, err
	}
	r, err := open(f)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if p, err = pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator); err != nil {
		return nil, err
	}
	for _, name := range names {
		if r.MetaData().Schema.ColumnIndexByName(name) < 0 {
			return nil, fmt.Errorf("no column %q", name)
		}
	}
	return p, nil
}

// columnReader reads some columns one by one, which starts no goroutines: a panic
// in one could not be recovered.
type columnReader struct {
	file    *pqarrow.FileReader
	schema  *arrow.Schema
	columns []int // numbers in the file
	readers []*pqarrow.ColumnReader
}

// newColumnReader returns a reader that must be released, even after an error.
func newColumnReader(ctx context.Context, p *pqarrow.FileReader, names []string) (c *columnReader, err error) {
	defer recovered(&err)
	c = &columnReader{file: p}
	schema, err := p.Schema()
	if err != nil {
		return c, err
	}
	var fields []arrow.Field
	for _, name := range names {
		found, ok := schema.FieldsByName(name)
		if !ok || len(found) != 1 {
			return c, fmt.Errorf("no column %q", name)
		}
		i := p.ParquetReader().MetaData().Schema.ColumnIndexByName(name)
		r, err := p.GetColumn(ctx, schema.FieldIndices(name)[0])
		if err != nil {
			return c, fmt.Errorf("column %s: %w", name, err)
		}
		c.columns, c.readers = append(c.columns, i), append(c.readers, r)
		fields = append(fields, found[0])
	}
	c.schema = arrow.NewSchema(fields, nil)
	return c, nil
}

func (c *columnReader) release() {
	for _, r := range c.readers {
		r.Release()
	}
}

// group returns the rows of a row group, and of each record of it: one, if there
// may be large values among small ones.
func (c *columnReader) group(g int) (rows, size int64) {
	md := c.file.ParquetReader().MetaData().RowGroup(g)
	rows = md.NumRows()
	bytes := int64(1)
	for _, i := range c.columns {
		if m, err := md.ColumnChunk(i); err == nil { // checked before
			bytes += m.TotalUncompressedSize()
		}
	}
	if size = recordBytes / (1 + bytes/max(rows, 1)); size < recordRows/4 {
		size = 1
	}
	return rows, min(size, recordRows)
}

// next returns a record of the next n rows.
func (c *columnReader) next(n int64) (rec arrow.Record, err error) {
	defer recovered(&err)
	var columns []arrow.Array
	defer func() {
		for _, a := range columns {
			a.Release()
		}
	}()
	for i, r := range c.readers {
		a, err := nextArray(r, n)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.schema.Field(i).Name, err)
		}
		columns = append(columns, a)
		if int64(a.Len()) != n {
			return nil, fmt.Errorf("column %s: %d of %d values", c.schema.Field(i).Name, a.Len(), n)
		}
	}
	return array.NewRecord(c.schema, columns, n), nil
}

func nextArray(r *pqarrow.ColumnReader, n int64) (arrow.Array, error) {
	chunked, err := r.NextBatch(n)
	if err != nil {
		return nil, err
	}
	defer chunked.Release()
	if chunks := chunked.Chunks(); len(chunks) == 1 {
		chunks[0].Retain()
		return chunks[0], nil
	} else if len(chunks) == 0 {
		return array.MakeArrayOfNull(memory.DefaultAllocator, chunked.DataType(), 0), nil
	}
	return array.Concatenate(chunked.Chunks(), memory.DefaultAllocator)
}
