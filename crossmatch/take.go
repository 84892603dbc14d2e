package crossmatch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Take returns the rows of a table with the given numbers, in that order, and an
// all-null row for each negative number. A number beyond the table is an error. It
// allocates memory with compute.GetAllocator.
func Take(ctx context.Context, table arrow.Record, rows []int32) (arrow.Record, error) {
	for _, row := range rows {
		if int64(row) >= table.NumRows() {
			return nil, fmt.Errorf("crossmatch: row %d of a table of %d", row, table.NumRows())
		}
	}
	t := taker{mem: compute.GetAllocator(ctx), rows: rows}
	defer t.release()
	columns := make([]arrow.Array, table.NumCols())
	defer func() { releaseAll(columns) }()
	for i := range columns {
		var err error
		if columns[i], err = t.take(ctx, table.Column(i)); err != nil {
			return nil, fmt.Errorf("crossmatch: column %s: %w", table.ColumnName(i), err)
		}
	}
	return array.NewRecord(nullable(table.Schema()), columns, int64(len(rows))), nil
}

// taker gathers values by row number. It handles the types of index files itself:
// the Arrow library takes a hundred times as long for strings, and does it in another
// goroutine, where a fault of the mapped file would end the program.
type taker struct {
	mem     memory.Allocator
	rows    []int32
	index   arrow.Array      // the rows, for the Arrow library
	buffers []*memory.Buffer // of the column being built
}

func (t *taker) release() {
	if t.index != nil {
		t.index.Release()
	}
}

// releaseBuffers also runs when a fault of the mapped file leaves a column half built.
func (t *taker) releaseBuffers() {
	for _, b := range t.buffers {
		b.Release()
	}
	t.buffers = nil // the column's data keep the slice
}

func (t *taker) take(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	var gather func() error
	switch typ := a.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		gather = func() error { return takeBytes[int32](t, a.Data()) }
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		gather = func() error { return takeBytes[int64](t, a.Data()) }
	case *arrow.BooleanType:
		gather = func() error { t.takeBits(a.(*array.Boolean).Value); return nil }
	case *arrow.FixedSizeListType, arrow.ExtensionType:
		return t.takeArray(ctx, a)
	case arrow.FixedWidthDataType:
		gather = func() error { t.takeFixed(a.Data(), typ.BitWidth()/8); return nil }
	default:
		return t.takeArray(ctx, a)
	}
	defer t.releaseBuffers()
	nulls := t.validity(a)
	if err := gather(); err != nil {
		return nil, err
	}
	dictionary, _ := a.Data().Dictionary().(*array.Data)
	data := array.NewDataWithDictionary(a.DataType(), len(t.rows), t.buffers, nulls, 0, dictionary)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// takeable reports whether Take can gather values of a type.
func takeable(t arrow.DataType, nested bool) bool {
	switch t.ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW, arrow.RUN_END_ENCODED, arrow.MAP:
		return false
	case arrow.DICTIONARY:
		return !nested
	case arrow.EXTENSION:
		return takeable(t.(arrow.ExtensionType).StorageType(), nested)
	}
	if t, ok := t.(arrow.NestedType); ok {
		for _, f := range t.Fields() {
			if !takeable(f.Type, true) {
				return false
			}
		}
	}
	return true
}

// takeArray gathers values by the Arrow library.
func (t *taker) takeArray(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	if t.index == nil {
		b := array.NewInt32Builder(t.mem)
		defer b.Release()
		b.Reserve(len(t.rows))
		for _, row := range t.rows {
			if row < 0 {
				b.AppendNull()
			} else {
				b.Append(row)
			}
		}
		t.index = b.NewArray()
	}
	return compute.TakeArray(ctx, a, t.index)
}

// buffer adds a buffer to the column and returns its bytes.
func (t *taker) buffer(size int) []byte {
	b := memory.NewResizableBuffer(t.mem)
	b.Resize(size)
	t.buffers = append(t.buffers, b)
	return b.Bytes()
}

// validity adds the bitmap of nulls, and returns their number.
func (t *taker) validity(a arrow.Array) (nulls int) {
	bits := t.buffer(int(bitutil.BytesForBits(int64(len(t.rows)))))
	clear(bits)
	all := len(a.NullBitmapBytes()) == 0
	for i, row := range t.rows {
		if row >= 0 && (all || a.IsValid(int(row))) {
			bits[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	return nulls
}

// takeFixed gathers values of width bytes; a null value is zeros.
func (t *taker) takeFixed(d arrow.ArrayData, width int) {
	to := t.buffer(width * len(t.rows))
	clear(to)
	if d.Len() == 0 { // it may have no buffer
		return
	}
	from := d.Buffers()[1].Bytes()[d.Offset()*width:]
	for i, row := range t.rows {
		row := int(row)
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
}

// takeBits gathers booleans.
func (t *taker) takeBits(value func(row int) bool) {
	to := t.buffer(int(bitutil.BytesForBits(int64(len(t.rows)))))
	clear(to)
	for i, row := range t.rows {
		if row >= 0 && value(int(row)) {
			to[i/8] |= 1 << (i % 8)
		}
	}
}

// takeBytes gathers values of any length, whose offsets are of type T.
func takeBytes[T int32 | int64](t *taker, d arrow.ArrayData) error {
	offsets := cast[T](t.buffer(int(unsafe.Sizeof(T(0))) * (len(t.rows) + 1)))
	clear(offsets)
	if d.Len() == 0 { // it may have no buffers
		t.buffer(0)
		return nil
	}
	from := cast[T](d.Buffers()[1].Bytes())[d.Offset():]
	values := d.Buffers()[2].Bytes()
	size := 0
	for i, row := range t.rows {
		if row := int(row); row >= 0 {
			if !(0 <= from[row] && from[row] <= from[row+1] && int(from[row+1]) <= len(values)) {
				return unusable("its values' offsets are damaged")
			}
			size += int(from[row+1] - from[row])
		}
		if offsets[i+1] = T(size); int(offsets[i+1]) != size {
			return errors.New("its values take more than 2 GiB: ask for fewer positions at a time")
		}
	}
	to := t.buffer(size)
	for _, row := range t.rows {
		if row := int(row); row >= 0 {
			to = to[copy(to, values[from[row]:from[row+1]]):]
		}
	}
	return nil
}
