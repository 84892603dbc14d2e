package columns

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Views returns a schema with views in place of bytes, so that rows can point into
// the pages they were read from.
func Views(s *arrow.Schema) *arrow.Schema { return arrow.NewSchema(mapFields(s.Fields(), toView), nil) }

// Plain is the inverse of Views: it returns a schema without views.
func Plain(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(mapFields(s.Fields(), toPlain), nil)
}

func toView(t arrow.DataType) arrow.DataType {
	if t.ID() == arrow.BINARY {
		return arrow.BinaryTypes.BinaryView
	}
	return t
}

func toPlain(t arrow.DataType) arrow.DataType {
	switch t.ID() {
	case arrow.BINARY_VIEW:
		return arrow.BinaryTypes.Binary
	case arrow.STRING_VIEW:
		return arrow.BinaryTypes.String
	}
	return t
}

// mapFields applies f to the types of all columns and fields that have none below.
func mapFields(fields []arrow.Field, f func(arrow.DataType) arrow.DataType) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, x := range fields {
		out[i] = mapField(x, f)
	}
	return out
}

func mapField(x arrow.Field, f func(arrow.DataType) arrow.DataType) arrow.Field {
	switch t := x.Type.(type) {
	case *arrow.StructType:
		x.Type = arrow.StructOf(mapFields(t.Fields(), f)...)
	case *arrow.ListType:
		x.Type = arrow.ListOfField(mapField(t.ElemField(), f))
	case *arrow.MapType:
		item := mapField(t.ItemField(), f)
		m := arrow.MapOf(f(t.KeyType()), item.Type)
		m.SetItemNullable(item.Nullable)
		x.Type = m
	default:
		x.Type = f(x.Type)
	}
	return x
}

// Conform returns the rows of a record with a schema that is as wide: columns and
// fields are matched by name, absent ones are null, int32 and float32 widen to
// int64 and float64, null to any type. Bytes become views, or the reverse, as the
// schema has it; only the reverse copies them. The caller must release the result.
func Conform(mem memory.Allocator, r arrow.Record, s *arrow.Schema) (arrow.Record, error) {
	index := indexOf(r.Schema().Fields())
	n := int(r.NumRows())
	cols := make([]arrow.Array, 0, s.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, f := range s.Fields() {
		data, err := field(mem, index, r.Column, f, n)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		cols = append(cols, array.MakeFromData(data))
		data.Release()
	}
	return array.NewRecord(s, cols, int64(n)), nil
}

func indexOf(fields []arrow.Field) map[string]int {
	index := make(map[string]int, len(fields))
	for i, f := range fields {
		index[f.Name] = i
	}
	return index
}

// field returns the column or field with f's name as f's type.
func field(mem memory.Allocator, index map[string]int, column func(int) arrow.Array, f arrow.Field, n int) (arrow.ArrayData, error) {
	if i, ok := index[f.Name]; ok {
		return conform(mem, column(i), f.Type)
	}
	return nulls(mem, f.Type, n), nil
}

// conform returns the data of an array as another type.
func conform(mem memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.ArrayData, error) {
	from := a.DataType()
	switch to := to.(type) {
	case *arrow.StructType:
		if s, ok := a.(*array.Struct); ok {
			return structs(mem, s, to)
		}
	case *arrow.ListType:
		if l, ok := a.(*array.List); ok {
			elements, err := conform(mem, l.ListValues(), to.Elem())
			return lists(a, to, elements, err)
		}
	case *arrow.MapType:
		if m, ok := a.(*array.Map); ok {
			entries, err := entries(mem, m, to)
			return lists(a, to, entries, err)
		}
	}
	switch pair := [2]arrow.Type{from.ID(), to.ID()}; {
	case from.ID() == arrow.NULL:
		return nulls(mem, to, a.Len()), nil
	case arrow.TypeEqual(from, to):
		a.Data().Retain()
		return a.Data(), nil
	case pair == [2]arrow.Type{arrow.INT32, arrow.INT64}:
		values := a.(*array.Int32).Int32Values()
		return widened(mem, a, to, 8*len(values), func(b []byte) {
			for i, v := range values {
				arrow.Int64Traits.CastFromBytes(b)[i] = int64(v)
			}
		}), nil
	case pair == [2]arrow.Type{arrow.FLOAT32, arrow.FLOAT64}:
		values := a.(*array.Float32).Float32Values()
		return widened(mem, a, to, 8*len(values), func(b []byte) {
			for i, v := range values {
				arrow.Float64Traits.CastFromBytes(b)[i] = float64(v)
			}
		}), nil
	case pair == [2]arrow.Type{arrow.BINARY, arrow.BINARY_VIEW}:
		return views(mem, a.(*array.Binary)), nil
	case pair == [2]arrow.Type{arrow.BINARY_VIEW, arrow.BINARY}, pair == [2]arrow.Type{arrow.STRING_VIEW, arrow.STRING}:
		return plain(mem, a, to)
	}
	return nil, fmt.Errorf("it is %.100v in the file, and %.100v in the table", from, to)
}

// validity returns the bits of a's nulls from its first element on, or nil if there
// are no nulls.
func validity(mem memory.Allocator, a arrow.Array) *memory.Buffer {
	bits := a.Data().Buffers()[0]
	if a.NullN() == 0 || bits == nil {
		return nil
	}
	if a.Data().Offset() == 0 {
		bits.Retain()
		return bits
	}
	out := memory.NewResizableBuffer(mem)
	out.Resize(int(bitutil.BytesForBits(int64(a.Len()))))
	clear(out.Bytes())
	bitutil.CopyBitmap(bits.Bytes(), a.Data().Offset(), a.Len(), out.Bytes(), 0)
	return out
}

// newData returns array data, to which it moves the references to its parts.
func newData(t arrow.DataType, n int, buffers []*memory.Buffer, children []arrow.ArrayData, nulls int) arrow.ArrayData {
	data := array.NewData(t, n, buffers, children, nulls, 0)
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

func structs(mem memory.Allocator, s *array.Struct, to *arrow.StructType) (arrow.ArrayData, error) {
	index := indexOf(s.DataType().(*arrow.StructType).Fields())
	var children []arrow.ArrayData
	for _, f := range to.Fields() {
		c, err := field(mem, index, s.Field, f, s.Len())
		if err != nil {
			for _, c := range children {
				c.Release()
			}
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		children = append(children, c)
	}
	return newData(to, s.Len(), []*memory.Buffer{validity(mem, s)}, children, s.NullN()), nil
}

// lists returns lists or maps with other elements. It keeps the offsets, and moves
// the reference to the elements.
func lists(a arrow.Array, to arrow.DataType, elements arrow.ArrayData, err error) (arrow.ArrayData, error) {
	if err != nil {
		return nil, fmt.Errorf("element: %w", err)
	}
	defer elements.Release()
	d := a.Data()
	return array.NewData(to, d.Len(), d.Buffers(), []arrow.ArrayData{elements}, a.NullN(), d.Offset()), nil
}

// entries conforms the entries of maps, whose names may differ.
func entries(mem memory.Allocator, m *array.Map, to *arrow.MapType) (arrow.ArrayData, error) {
	keys, err := conform(mem, m.Keys(), to.KeyType())
	if err != nil {
		return nil, err
	}
	items, err := conform(mem, m.Items(), to.ItemType())
	if err != nil {
		keys.Release()
		return nil, err
	}
	return newData(to.Elem(), keys.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{keys, items}, 0), nil
}

func widened(mem memory.Allocator, a arrow.Array, to arrow.DataType, size int, fill func([]byte)) arrow.ArrayData {
	b := memory.NewResizableBuffer(mem)
	b.Resize(size)
	fill(b.Bytes())
	return newData(to, a.Len(), []*memory.Buffer{validity(mem, a), b}, nil, a.NullN())
}

// views returns bytes as views of them.
func views(mem memory.Allocator, a *array.Binary) arrow.ArrayData {
	b := memory.NewResizableBuffer(mem)
	b.Resize(arrow.ViewHeaderTraits.BytesRequired(a.Len()))
	headers := arrow.ViewHeaderTraits.CastFromBytes(b.Bytes())
	clear(headers)
	for i := range headers {
		if a.IsNull(i) {
			continue
		}
		if headers[i].SetBytes(a.Value(i)); !headers[i].IsInline() {
			headers[i].SetIndexOffset(0, int32(a.ValueOffset(i)))
		}
	}
	buffers := []*memory.Buffer{validity(mem, a), b}
	if values := a.Data().Buffers()[2]; values != nil && values.Len() > 0 {
		values.Retain()
		buffers = append(buffers, values)
	}
	return newData(arrow.BinaryTypes.BinaryView, a.Len(), buffers, nil, a.NullN())
}

// plain copies views of bytes or of strings.
func plain(mem memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.ArrayData, error) {
	v := a.(array.ViewLike)
	size := 0
	for i := range a.Len() {
		if a.IsValid(i) {
			size += v.ValueHeader(i).Len()
		}
	}
	if size > math.MaxInt32 {
		return nil, fmt.Errorf("its values come to more than 2 GiB")
	}
	ends, values := memory.NewResizableBuffer(mem), memory.NewResizableBuffer(mem)
	ends.Resize(4 * (a.Len() + 1))
	values.Resize(size)
	offsets, at := arrow.Int32Traits.CastFromBytes(ends.Bytes()), 0
	for i := range a.Len() {
		offsets[i] = int32(at)
		if a.IsNull(i) {
			continue
		}
		switch a := a.(type) {
		case *array.BinaryView:
			at += copy(values.Bytes()[at:], a.Value(i))
		case *array.StringView:
			at += copy(values.Bytes()[at:], a.Value(i))
		}
	}
	offsets[a.Len()] = int32(at)
	return newData(to, a.Len(), []*memory.Buffer{validity(mem, a), ends, values}, nil, a.NullN()), nil
}

// nulls returns n nulls of a type.
func nulls(mem memory.Allocator, t arrow.DataType, n int) arrow.ArrayData {
	zeros := func(size int) *memory.Buffer {
		b := memory.NewResizableBuffer(mem)
		b.Resize(size)
		clear(b.Bytes())
		return b
	}
	if t.ID() == arrow.NULL {
		return array.NewData(t, n, []*memory.Buffer{nil}, nil, n, 0)
	}
	buffers := []*memory.Buffer{zeros(int(bitutil.BytesForBits(int64(n))))}
	var children []arrow.ArrayData
	switch t := t.(type) {
	case *arrow.StructType:
		for _, f := range t.Fields() {
			children = append(children, nulls(mem, f.Type, n))
		}
	case arrow.ListLikeType: // maps too
		buffers = append(buffers, zeros(4*(n+1)))
		children = append(children, nulls(mem, t.Elem(), 0))
	case *arrow.StringType, *arrow.BinaryType:
		buffers = append(buffers, zeros(4*(n+1)), zeros(0))
	case *arrow.StringViewType, *arrow.BinaryViewType:
		buffers = append(buffers, zeros(arrow.ViewHeaderTraits.BytesRequired(n)))
	case *arrow.BooleanType:
		buffers = append(buffers, zeros(int(bitutil.BytesForBits(int64(n)))))
	case arrow.FixedWidthDataType:
		buffers = append(buffers, zeros(t.Bytes()*n))
	}
	return newData(t, n, buffers, children, n)
}
