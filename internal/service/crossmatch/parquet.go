package crossmatch

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// parquetOutput collects rows for row groups of a good size.
type parquetOutput struct {
	w      *parquetfile.Writer
	schema *arrow.Schema
	held   []parquetfile.Rows
	rows   int64
	bytes  int64
}

// The approximate sizes at which a row group is written.
const (
	groupRows  = 128 << 10
	groupBytes = 64 << 20
)

func newParquet(w io.Writer, schema *arrow.Schema) (*parquetOutput, error) {
	fields := schema.Fields()
	for i := range fields {
		fields[i].Type = storable(fields[i].Type)
		fields[i].Nullable = true
	}
	p := &parquetOutput{schema: arrow.NewSchema(fields, nil)}
	var err error
	p.w, err = parquetfile.NewWriter(w, p.schema, parquetfile.Options{})
	return p, err
}

// storable returns the type that Parquet has for one.
func storable(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Uint8Type, *arrow.Uint16Type:
		return arrow.PrimitiveTypes.Int32
	case *arrow.Uint32Type, *arrow.Uint64Type:
		return arrow.PrimitiveTypes.Int64
	case *arrow.TimestampType:
		if t.Unit == arrow.Second {
			return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: t.TimeZone}
		}
	case *arrow.LargeStringType:
		return arrow.BinaryTypes.String
	case *arrow.LargeBinaryType:
		return arrow.BinaryTypes.Binary
	case *arrow.FixedSizeListType:
		return arrow.ListOf(storable(t.Elem()))
	}
	return t
}

func (p *parquetOutput) write(rec arrow.Record) error {
	columns := make([]arrow.Array, rec.NumCols())
	defer func() { releaseAll(columns) }()
	for i, c := range rec.Columns() {
		var err error
		if columns[i], err = store(c, p.schema.Field(i).Type); err != nil {
			return fmt.Errorf("column %q cannot be written to Parquet: %w", rec.ColumnName(i), err)
		}
	}
	rec = array.NewRecord(p.schema, columns, rec.NumRows())
	p.held = append(p.held, parquetfile.Rows{Record: rec})
	p.rows += rec.NumRows()
	for _, c := range columns {
		p.bytes += int64(c.Data().SizeInBytes())
	}
	if p.rows < groupRows && p.bytes < groupBytes {
		return nil
	}
	return p.group()
}

// store returns values as the type that Parquet has for theirs.
func store(a arrow.Array, typ arrow.DataType) (arrow.Array, error) {
	if fixed, ok := a.(*array.FixedSizeList); ok {
		return listOf(fixed, typ.(*arrow.ListType))
	}
	return castTo(context.Background(), a, typ)
}

// listOf makes lists of those that are all of one length.
func listOf(a *array.FixedSizeList, typ *arrow.ListType) (arrow.Array, error) {
	index := array.NewInt32Builder(memory.DefaultAllocator)
	defer index.Release()
	offsets := make([]int32, 1, a.Len()+1)
	valid := make([]byte, bitutil.BytesForBits(int64(a.Len())))
	for i := range a.Len() {
		if a.IsValid(i) {
			bitutil.SetBit(valid, i)
			for from, to := a.ValueOffsets(i); from < to; from++ {
				index.Append(int32(from))
			}
		}
		offsets = append(offsets, int32(index.Len()))
	}
	elements := index.NewArray()
	defer elements.Release()
	values, err := compute.TakeArray(context.Background(), a.ListValues(), elements)
	if err != nil {
		return nil, err
	}
	defer values.Release()
	stored, err := store(values, typ.Elem())
	if err != nil {
		return nil, err
	}
	defer stored.Release()
	data := array.NewData(typ, a.Len(), []*memory.Buffer{
		memory.NewBufferBytes(valid), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)),
	}, []arrow.ArrayData{stored.Data()}, a.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func (p *parquetOutput) group() error {
	err := p.w.WriteRowGroup(p.held)
	p.drop()
	return err
}

func (p *parquetOutput) end() error {
	if err := p.group(); err != nil {
		return err
	}
	return p.w.Close()
}

func (p *parquetOutput) drop() {
	for _, r := range p.held {
		r.Record.Release()
	}
	p.held, p.rows, p.bytes = nil, 0, 0
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}
