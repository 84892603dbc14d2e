package sink

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// flatSchema is the schema with binary in the place of binary views, whose
// bytes would otherwise stay in the buffers of whole messages.
func flatSchema(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(flatFields(s.Fields()), nil)
}

func flatFields(fields []arrow.Field) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		f.Type = flatType(f.Type)
		out[i] = f
	}
	return out
}

func flatType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.StructType:
		return arrow.StructOf(flatFields(t.Fields())...)
	case *arrow.MapType:
		m := arrow.MapOf(flatType(t.KeyType()), flatType(t.ItemType()))
		m.SetItemNullable(t.ItemField().Nullable)
		return m
	case *arrow.ListType:
		f := t.ElemField()
		f.Type = flatType(f.Type)
		return arrow.ListOfField(f)
	}
	return t
}

// cells are elements of an array, in the order of index.
type cells struct {
	array arrow.Array
	index []int32
}

// take copies cells of arrays of one type into a new array of the flat type,
// which the caller must release.
func take(mem memory.Allocator, src []cells) *array.Data {
	n := 0
	for _, c := range src {
		n += len(c.index)
	}
	t := src[0].array.DataType()
	valid, nulls := takeValidity(mem, src, n)
	buffers := []*memory.Buffer{valid}
	var children []arrow.ArrayData
	switch t := t.(type) {
	case *arrow.NullType:
		nulls = n
	case *arrow.StructType:
		for i := range t.NumFields() {
			children = append(children, take(mem, fields(src, i)))
		}
	case *arrow.ListType, *arrow.MapType:
		offsets, inner := takeLists(mem, src, n)
		buffers = append(buffers, offsets)
		children = append(children, take(mem, inner))
	case *arrow.StringType, *arrow.BinaryType, *arrow.BinaryViewType, *arrow.StringViewType:
		buffers = append(buffers, takeBytes(mem, src, n)...)
	case *arrow.BooleanType:
		buffers = append(buffers, takeBits(mem, src, n))
	default:
		buffers = append(buffers, takeFixed(mem, src, n))
	}
	data := array.NewData(flatType(t), n, buffers, children, nulls, 0)
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

func newBuffer(mem memory.Allocator, n int) *memory.Buffer {
	b := memory.NewResizableBuffer(mem)
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

func takeValidity(mem memory.Allocator, src []cells, n int) (*memory.Buffer, int) {
	some := false
	for _, c := range src {
		some = some || c.array.NullN() > 0
	}
	if !some {
		return nil, 0
	}
	b, nulls, i := newBuffer(mem, int(bitutil.BytesForBits(int64(n)))), 0, 0
	for _, c := range src {
		for _, row := range c.index {
			bitutil.SetBitTo(b.Bytes(), i, c.array.IsValid(int(row)))
			if c.array.IsNull(int(row)) {
				nulls++
			}
			i++
		}
	}
	return b, nulls
}

func takeBits(mem memory.Allocator, src []cells, n int) *memory.Buffer {
	b, i := newBuffer(mem, int(bitutil.BytesForBits(int64(n)))), 0
	for _, c := range src {
		a := c.array.(*array.Boolean)
		for _, row := range c.index {
			bitutil.SetBitTo(b.Bytes(), i, a.Value(int(row)))
			i++
		}
	}
	return b
}

func takeFixed(mem memory.Allocator, src []cells, n int) *memory.Buffer {
	width := src[0].array.DataType().(arrow.FixedWidthDataType).Bytes()
	b := newBuffer(mem, width*n)
	to := b.Bytes()
	for _, c := range src {
		d := c.array.Data()
		from := d.Buffers()[1].Bytes()[d.Offset()*width:]
		for _, row := range c.index {
			copy(to[:width], from[int(row)*width:])
			to = to[width:]
		}
	}
	return b
}

func takeBytes(mem memory.Allocator, src []cells, n int) []*memory.Buffer {
	offsets := newBuffer(mem, 4*(n+1))
	ends := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	size, i := 0, 0
	ends[0] = 0
	for _, c := range src {
		value := bytesOf(c.array)
		for _, row := range c.index {
			if c.array.IsValid(int(row)) {
				size += len(value(int(row)))
			}
			i++
			ends[i] = int32(size)
		}
	}
	data := newBuffer(mem, size)
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

// takeLists returns the offsets of the chosen lists or maps, and their
// elements.
func takeLists(mem memory.Allocator, src []cells, n int) (*memory.Buffer, []cells) {
	offsets := newBuffer(mem, 4*(n+1))
	ends := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	inner, size, i := make([]cells, len(src)), 0, 0
	ends[0] = 0
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
			i++
			ends[i] = int32(size + len(index))
		}
		inner[k], size = cells{a.ListValues(), index}, size+len(index)
	}
	return offsets, inner
}
