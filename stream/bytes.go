package stream

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// messageBytes returns the size of a record's messages: of the keys and values
// with MessageSchema, of all columns with another schema. What else is in their
// buffers does not count.
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
	return 0 // a union or run-end encoded: only the limit of rows applies
}

// viewBytes counts once what consecutive rows share, such as the schema of a
// container, which is the key of each of its records.
func viewBytes(a array.ViewLike) (n int64) {
	var previous arrow.ViewHeader
	for i := range a.Len() {
		if a.IsNull(i) {
			continue
		}
		if h := a.ValueHeader(i); h.IsInline() || *h != previous {
			n += int64(h.Len())
			previous = *h
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
