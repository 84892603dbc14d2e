package sink

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

var errOffsets = errors.New("the values of one column come to more than 2 GiB")

// cells are elements of an array, in the order of index.
type cells struct {
	array arrow.Array
	index []int32
}

// taker copies chosen elements of arrays, of all types that have a Parquet
// form here. What it returned means nothing once err is set.
type taker struct {
	mem memory.Allocator
	err error
}

// take copies cells of arrays of one type into a new array of the flat type
// typ, which the caller must release.
func (t *taker) take(typ arrow.DataType, src []cells) *array.Data {
	n := 0
	for _, c := range src {
		n += len(c.index)
	}
	if typ.ID() == arrow.NULL {
		return array.NewData(typ, n, []*memory.Buffer{nil}, nil, n, 0)
	}
	valid, nulls := t.validity(src, n)
	buffers := []*memory.Buffer{valid}
	var children []arrow.ArrayData
	switch typ := typ.(type) {
	case *arrow.StructType:
		for i, f := range typ.Fields() {
			children = append(children, t.take(f.Type, fields(src, i)))
		}
	case arrow.ListLikeType: // maps too
		offsets, inner := t.lists(src, n)
		buffers = append(buffers, offsets)
		children = append(children, t.take(typ.Elem(), inner))
	case *arrow.StringType, *arrow.BinaryType:
		buffers = append(buffers, t.bytes(src, n)...)
	case *arrow.BooleanType:
		buffers = append(buffers, t.bits(src, n))
	case arrow.FixedWidthDataType:
		buffers = append(buffers, t.fixed(typ.Bytes(), src, n))
	}
	data := array.NewData(typ, n, buffers, children, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return data
}

func (t *taker) buffer(n int) *memory.Buffer {
	b := memory.NewResizableBuffer(t.mem)
	b.Resize(n)
	return b
}

// fields are the cells of field i of struct cells.
func fields(src []cells, i int) []cells {
	out := make([]cells, len(src))
	for k, c := range src {
		out[k] = cells{c.array.(*array.Struct).Field(i), c.index}
	}
	return out
}

func (t *taker) validity(src []cells, n int) (*memory.Buffer, int) {
	some := false
	for _, c := range src {
		some = some || c.array.NullN() > 0
	}
	if !some {
		return nil, 0
	}
	b, nulls, i := t.buffer(int(bitutil.BytesForBits(int64(n)))), 0, 0
	bits := b.Bytes()
	for _, c := range src {
		for _, row := range c.index {
			valid := c.array.IsValid(int(row))
			bitutil.SetBitTo(bits, i, valid)
			if !valid {
				nulls++
			}
			i++
		}
	}
	return b, nulls
}

func (t *taker) bits(src []cells, n int) *memory.Buffer {
	b, i := t.buffer(int(bitutil.BytesForBits(int64(n)))), 0
	for _, c := range src {
		a := c.array.(*array.Boolean)
		for _, row := range c.index {
			bitutil.SetBitTo(b.Bytes(), i, a.Value(int(row)))
			i++
		}
	}
	return b
}

func (t *taker) fixed(width int, src []cells, n int) *memory.Buffer {
	b := t.buffer(width * n)
	to := b.Bytes()
	for _, c := range src {
		if len(c.index) == 0 {
			continue // an empty array may have no buffer
		}
		d := c.array.Data()
		from := d.Buffers()[1].Bytes()[d.Offset()*width:]
		switch width {
		case 4:
			for _, row := range c.index {
				binary.NativeEndian.PutUint32(to, binary.NativeEndian.Uint32(from[int(row)*4:]))
				to = to[4:]
			}
		case 8:
			for _, row := range c.index {
				binary.NativeEndian.PutUint64(to, binary.NativeEndian.Uint64(from[int(row)*8:]))
				to = to[8:]
			}
		default:
			for _, row := range c.index {
				to = to[copy(to[:width], from[int(row)*width:]):]
			}
		}
	}
	return b
}

// offsets returns a buffer for n+1 offsets, the first of which is 0, and the
// others.
func (t *taker) offsets(n int) (*memory.Buffer, []int32) {
	b := t.buffer(4 * (n + 1))
	ends := arrow.Int32Traits.CastFromBytes(b.Bytes())
	ends[0] = 0
	return b, ends[1:]
}

func (t *taker) bytes(src []cells, n int) []*memory.Buffer {
	offsets, ends := t.offsets(n)
	size, i := 0, 0
	for _, c := range src {
		value := bytesOf(c.array)
		for _, row := range c.index {
			if c.array.IsValid(int(row)) {
				size += len(value(int(row)))
			}
			ends[i] = int32(size)
			i++
		}
	}
	if size > math.MaxInt32 {
		t.err = errOffsets
		return []*memory.Buffer{offsets, nil}
	}
	data := t.buffer(size)
	to := data.Bytes()
	for _, c := range src {
		value := bytesOf(c.array)
		for _, row := range c.index {
			if c.array.IsValid(int(row)) {
				to = to[copy(to, value(int(row))):]
			}
		}
	}
	return []*memory.Buffer{offsets, data}
}

// bytesOf returns the way to the values of an array of strings or bytes.
func bytesOf(a arrow.Array) func(i int) []byte {
	switch a := a.(type) {
	case *array.Binary:
		return a.Value
	case *array.BinaryView:
		return a.Value
	case *array.String:
		return func(i int) []byte { s := a.Value(i); return unsafe.Slice(unsafe.StringData(s), len(s)) }
	case *array.StringView:
		return func(i int) []byte { s := a.Value(i); return unsafe.Slice(unsafe.StringData(s), len(s)) }
	}
	return func(int) []byte { return nil }
}

// lists returns the offsets of the chosen lists or maps, and their elements.
func (t *taker) lists(src []cells, n int) (*memory.Buffer, []cells) {
	offsets, ends := t.offsets(n)
	inner, size, i := make([]cells, len(src)), 0, 0
	for k, c := range src {
		a := c.array.(array.ListLike)
		var index []int32
		for _, row := range c.index {
			if a.IsValid(int(row)) {
				from, to := a.ValueOffsets(int(row))
				for e := from; e < to; e++ {
					index = append(index, int32(e))
				}
			}
			ends[i] = int32(size + len(index))
			i++
		}
		inner[k], size = cells{a.ListValues(), index}, size+len(index)
	}
	if size > math.MaxInt32 {
		t.err = errOffsets
	}
	return offsets, inner
}
