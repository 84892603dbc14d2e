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

// Columns yields a record of the named columns for each row group. The columns
// must be flat. A record is borrowed until the next iteration, unless it is
// retained.
func Columns(ctx context.Context, f File, names ...string) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		p, err := openColumns(f, names)
		if err != nil {
			yield(nil, err)
			return
		}
		defer p.ParquetReader().Close()
		for g := range p.ParquetReader().NumRowGroups() {
			rec, err := group(ctx, p, g, names)
			if err != nil {
				yield(nil, fmt.Errorf("row group %d: %w", g, err))
				return
			}
			more := yield(rec, nil)
			rec.Release()
			if !more {
				return
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

// group reads columns of a row group one by one, which starts no goroutines: a
// panic in one could not be recovered.
func group(ctx context.Context, p *pqarrow.FileReader, g int, names []string) (rec arrow.Record, err error) {
	defer recovered(&err)
	md := p.ParquetReader().MetaData()
	rows := md.RowGroup(g).NumRows()
	schema, err := p.Schema()
	if err != nil {
		return nil, err
	}
	var fields []arrow.Field
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, name := range names {
		found, ok := schema.FieldsByName(name)
		if !ok || len(found) != 1 {
			return nil, fmt.Errorf("no column %q", name)
		}
		c, err := column(ctx, p, g, md.Schema.ColumnIndexByName(name))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		columns = append(columns, c)
		if int64(c.Len()) != rows {
			return nil, fmt.Errorf("column %s: %d of %d values", name, c.Len(), rows)
		}
		fields = append(fields, arrow.Field{Name: name, Type: c.DataType(), Nullable: found[0].Nullable})
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, rows), nil
}

func column(ctx context.Context, p *pqarrow.FileReader, g, i int) (arrow.Array, error) {
	chunked, err := p.RowGroup(g).Column(i).Read(ctx)
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
