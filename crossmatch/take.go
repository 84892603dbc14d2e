package crossmatch

import (
	"context"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Take returns, for each match, the row of a table that it names, or a row of
// nulls without one. Its memory is of compute.GetAllocator.
func Take(ctx context.Context, table arrow.Record, matches []Match) (arrow.Record, error) {
	for _, m := range matches {
		if int64(m.Row) >= table.NumRows() {
			return nil, fmt.Errorf("crossmatch: a match of row %d in a table of %d", m.Row, table.NumRows())
		}
	}
	t := taker{mem: compute.GetAllocator(ctx), matches: matches}
	defer t.release()
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

// taker picks values by the rows of matches. It does those types itself that an
// index file may have: the library takes a hundred times as long for strings, and
// in a goroutine of its own, where a file that cannot be read would end the program.
type taker struct {
	mem     memory.Allocator
	matches []Match
	index   arrow.Array      // the rows, for the library
	buffers []*memory.Buffer // of the column that is being made
}

func (t *taker) release() {
	if t.index != nil {
		t.index.Release()
	}
}

// drop lets go of the buffers, which may be of half a column: of a file that is
// mapped, looking at a value can fail.
func (t *taker) drop() {
	for _, b := range t.buffers {
		b.Release()
	}
	t.buffers = nil // the data keep the slice
}

func (t *taker) take(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	var pick func() error
	switch typ := a.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		pick = func() error { return pickBytes[int32](t, a.Data()) }
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		pick = func() error { return pickBytes[int64](t, a.Data()) }
	case *arrow.BooleanType:
		pick = func() error { t.bits(a.(*array.Boolean).Value); return nil }
	case *arrow.DictionaryType:
		pick = func() error { t.fixed(a.Data(), typ.BitWidth()/8); return nil }
	case *arrow.FixedSizeListType, arrow.ExtensionType:
		return t.library(ctx, a)
	case arrow.FixedWidthDataType:
		pick = func() error { t.fixed(a.Data(), typ.BitWidth()/8); return nil }
	default:
		return t.library(ctx, a)
	}
	defer t.drop()
	nulls := t.validity(a)
	if err := pick(); err != nil {
		return nil, err
	}
	dictionary, _ := a.Data().Dictionary().(*array.Data)
	data := array.NewDataWithDictionary(a.DataType(), len(t.matches), t.buffers, nulls, 0, dictionary)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// takeable reports whether Take can pick values of a type.
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

// buffer adds a buffer to those of the column.
func (t *taker) buffer(size int) []byte {
	b := memory.NewResizableBuffer(t.mem)
	b.Resize(size)
	t.buffers = append(t.buffers, b)
	return b.Bytes()
}

func (t *taker) validity(a arrow.Array) (nulls int) {
	bits := t.buffer(int(bitutil.BytesForBits(int64(len(t.matches)))))
	clear(bits)
	all := len(a.NullBitmapBytes()) == 0
	for i := range t.matches {
		if row := int(t.matches[i].Row); row >= 0 && (all || a.IsValid(row)) {
			bits[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	return nulls
}

// fixed picks values of so many bytes; those of nulls are zeros.
func (t *taker) fixed(d arrow.ArrayData, width int) {
	to := t.buffer(width * len(t.matches))
	clear(to)
	if d.Len() == 0 { // it may have no buffer
		return
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
}

// bits picks booleans.
func (t *taker) bits(value func(row int) bool) {
	to := t.buffer(int(bitutil.BytesForBits(int64(len(t.matches)))))
	clear(to)
	for i := range t.matches {
		if row := t.matches[i].Row; row >= 0 && value(int(row)) {
			to[i/8] |= 1 << (i % 8)
		}
	}
}

// pickBytes picks values of any length, whose ends are of this type.
func pickBytes[T int32 | int64](t *taker, d arrow.ArrayData) error {
	ends := cast[T](t.buffer(int(unsafe.Sizeof(T(0))) * (len(t.matches) + 1)))
	clear(ends)
	if d.Len() == 0 { // it may have no buffers
		t.buffer(0)
		return nil
	}
	from := cast[T](d.Buffers()[1].Bytes())[d.Offset():]
	values := d.Buffers()[2].Bytes()
	size := 0
	for i := range t.matches {
		if row := int(t.matches[i].Row); row >= 0 {
			if !(0 <= from[row] && from[row] <= from[row+1] && int(from[row+1]) <= len(values)) {
				return unusable("its values' offsets are damaged")
			}
			size += int(from[row+1] - from[row])
		}
		if ends[i+1] = T(size); int(ends[i+1]) != size {
			return fmt.Errorf("its values come to more than 2 GiB: ask for fewer positions at a time")
		}
	}
	to := t.buffer(size)
	for i := range t.matches {
		if row := int(t.matches[i].Row); row >= 0 {
			to = to[copy(to, values[from[row]:from[row+1]]):]
		}
	}
	return nil
}
