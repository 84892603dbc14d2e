package crossmatch

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// takeRows is Take, and quick.
func takeRows(ctx context.Context, table arrow.Record, matches []Match) (arrow.Record, error) {
	t := taker{mem: compute.GetAllocator(ctx), matches: matches}
	defer t.release()
	for _, m := range matches {
		if int64(m.Row) >= table.NumRows() {
			return nil, fmt.Errorf("crossmatch: a match of row %d in a table of %d", m.Row, table.NumRows())
		}
	}
	columns := make([]arrow.Array, table.NumCols())
	defer func() { releaseAll(columns) }()
	for i := range columns {
		var err error
		if columns[i], err = t.take(ctx, table.Column(i)); err != nil {
			return nil, fmt.Errorf("crossmatch: column %s: %w", table.ColumnName(i), err)
		}
	}
	return array.NewRecord(nullable(table.Schema()), columns, int64(len(matches))), nil
}

// taker picks values by the rows of matches. It does the common types itself:
// the library takes a hundred times as long for strings.
type taker struct {
	mem     memory.Allocator
	matches []Match
	index   arrow.Array // the rows, for the library
}

func (t *taker) release() {
	if t.index != nil {
		t.index.Release()
	}
}

func (t *taker) take(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	var values []*memory.Buffer
	var err error
	switch typ := a.DataType().(type) {
	case *arrow.StringType:
		values, err = t.bytes(a.(*array.String).Value)
	case *arrow.BinaryType:
		values, err = t.bytes(a.(*array.Binary).ValueString)
	case *arrow.BooleanType, *arrow.DictionaryType, *arrow.FixedSizeListType, arrow.ExtensionType:
		return t.library(ctx, a)
	case arrow.FixedWidthDataType:
		values = t.fixed(a.Data(), typ.BitWidth()/8)
	default:
		return t.library(ctx, a)
	}
	if err != nil {
		return nil, err
	}
	valid, nulls := t.validity(a)
	buffers := append([]*memory.Buffer{valid}, values...)
	data := array.NewData(a.DataType(), len(t.matches), buffers, nil, nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		b.Release()
	}
	return array.MakeFromData(data), nil
}

func (t *taker) library(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	if t.index == nil {
		b := array.NewInt32Builder(t.mem)
		defer b.Release()
		b.Reserve(len(t.matches))
		for _, m := range t.matches {
			if m.Row < 0 {
				b.AppendNull()
			} else {
				b.Append(m.Row)
			}
		}
		t.index = b.NewArray()
	}
	return compute.TakeArray(ctx, a, t.index)
}

func (t *taker) buffer(size int) *memory.Buffer {
	b := memory.NewResizableBuffer(t.mem)
	b.Resize(size)
	return b
}

func (t *taker) validity(a arrow.Array) (b *memory.Buffer, nulls int) {
	b = t.buffer(int(bitutil.BytesForBits(int64(len(t.matches)))))
	bits := b.Bytes()
	clear(bits)
	all := a.NullN() == 0
	for i := range t.matches {
		if row := int(t.matches[i].Row); row >= 0 && (all || a.IsValid(row)) {
			bits[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	return b, nulls
}

// fixed picks values of so many bytes; those of nulls are zeros.
func (t *taker) fixed(d arrow.ArrayData, width int) []*memory.Buffer {
	b := t.buffer(width * len(t.matches))
	to := b.Bytes()
	clear(to)
	if d.Len() == 0 { // it may have no buffer
		return []*memory.Buffer{b}
	}
	from := d.Buffers()[1].Bytes()[d.Offset()*width:]
	for i := range t.matches {
		row := int(t.matches[i].Row)
		if row < 0 {
			continue
		}
		switch width {
		case 4:
			binary.NativeEndian.PutUint32(to[i*4:], binary.NativeEndian.Uint32(from[row*4:]))
		case 8:
			binary.NativeEndian.PutUint64(to[i*8:], binary.NativeEndian.Uint64(from[row*8:]))
		default:
			copy(to[i*width:(i+1)*width], from[row*width:])
		}
	}
	return []*memory.Buffer{b}
}

// bytes picks values of any length.
func (t *taker) bytes(value func(row int) string) ([]*memory.Buffer, error) {
	b := t.buffer(4 * (len(t.matches) + 1))
	ends := arrow.Int32Traits.CastFromBytes(b.Bytes())
	ends[0] = 0
	size := 0
	for i := range t.matches {
		if row := t.matches[i].Row; row >= 0 {
			size += len(value(int(row)))
		}
		if size > math.MaxInt32 {
			b.Release()
			return nil, fmt.Errorf("its values come to more than 2 GiB: ask for fewer positions at a time")
		}
		ends[i+1] = int32(size)
	}
	data := t.buffer(size)
	to := data.Bytes()
	for i := range t.matches {
		if row := t.matches[i].Row; row >= 0 {
			to = to[copy(to, value(int(row))):]
		}
	}
	return []*memory.Buffer{b, data}, nil
}
