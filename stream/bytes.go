package stream

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// RecordBytes is the memory that a record keeps alive, in bytes. A buffer that
// several columns share counts once; a slice of a record keeps the whole.
func RecordBytes(r arrow.Record) int64 { return AddBuffers(map[*byte]int64{}, r) }

// AddBuffers adds the buffers that a record keeps alive, known by their first
// bytes, and their sizes to those of other records. It returns the bytes that
// were not among them: what a sink that holds records holds more with this one.
func AddBuffers(to map[*byte]int64, r arrow.Record) (added int64) {
	for _, c := range r.Columns() {
		added += addData(to, c.Data())
	}
	return added
}

func addData(to map[*byte]int64, d arrow.ArrayData) (added int64) {
	for _, b := range d.Buffers() {
		if b == nil || b.Len() == 0 {
			continue
		}
		first := unsafe.SliceData(b.Bytes())
		if size := int64(b.Cap()); size > to[first] {
			added += size - to[first]
			to[first] = size
		}
	}
	for _, child := range d.Children() {
		added += addData(to, child)
	}
	if d.DataType().ID() == arrow.DICTIONARY {
		added += addData(to, d.Dictionary())
	}
	return added
}

// messageBytes is the size of a record's messages: of their keys and values by
// MessageSchema, of all columns by another schema. Unlike RecordBytes it does
// not depend on what else lies in the buffers.
func messageBytes(r arrow.Record) (n int64) {
	cols := r.Columns()
	if r.Schema().Equal(MessageSchema) {
		cols = cols[ColKey:]
	}
	for _, c := range cols {
		n += valueBytes(c)
	}
	return n
}

func valueBytes(a arrow.Array) (n int64) {
	switch a := a.(type) {
	case array.ViewLike:
		return viewBytes(a)
	case array.BinaryLike:
		for i := range a.Len() {
			n += int64(a.ValueLen(i))
		}
		return n
	case *array.Struct:
		for i := range a.NumField() {
			n += valueBytes(a.Field(i))
		}
		return n
	case *array.List:
		return elementBytes(a)
	case *array.LargeList:
		return elementBytes(a)
	case *array.FixedSizeList:
		return elementBytes(a)
	case *array.Map:
		return elementBytes(a)
	}
	if t, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return (int64(a.Len())*int64(t.BitWidth()) + 7) / 8
	}
	return 0 // a union, or run-ends: the limit of rows must do
}

// viewBytes counts what consecutive rows share once: the schema that is the
// key of each record of a container.
func viewBytes(a array.ViewLike) (n int64) {
	var before arrow.ViewHeader
	for i := range a.Len() {
		if a.IsNull(i) {
			continue
		}
		if h := a.ValueHeader(i); h.IsInline() || *h != before {
			n += int64(h.Len())
			before = *h
		}
	}
	return n
}

func elementBytes(a array.ListLike) int64 {
	if a.Len() == 0 {
		return 0
	}
	from, _ := a.ValueOffsets(0)
	_, to := a.ValueOffsets(a.Len() - 1)
	values := array.NewSlice(a.ListValues(), from, to)
	defer values.Release()
	return valueBytes(values)
}
