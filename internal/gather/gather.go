// Package gather copies selected rows of Arrow records into a new record. If a
// column of views is also one in the new record's schema, the bytes are shared and
// only the 16 bytes of each view are copied, except by Compact.
package gather

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// ErrOffsets reports more values than one Arrow array can hold.
var ErrOffsets = errors.New("gather: the values of one column come to more than 2 GiB")

// Rows are the rows of Record at the indices in Index, in that order. An index may
// occur more than once.
type Rows struct {
	Record arrow.Record
	Index  []int32
}

// Records copies rows of records into a new record, which the caller must release.
// Each record must have the given schema, except that this may have binary and
// string instead of views. All types must be Supported.
func Records(mem memory.Allocator, schema *arrow.Schema, rows ...Rows) (arrow.Record, error) {
	return records(taker{mem: mem}, schema, rows)
}

func records(t taker, schema *arrow.Schema, rows []Rows) (arrow.Record, error) {
	n := 0
	for _, r := range rows {
		n += len(r.Index)
	}
	cols := make([]arrow.Array, schema.NumFields())
	src := make([]cells, len(rows))
	for i := range cols {
		for k, r := range rows {
			src[k] = cells{r.Record.Column(i), r.Index}
		}
		data := t.take(schema.Field(i).Type, src)
		cols[i] = array.MakeFromData(data)
		data.Release()
		defer cols[i].Release()
	}
	if t.err != nil {
		return nil, t.err
	}
	return array.NewRecord(schema, cols, int64(n)), nil
}

// Compact is like Records, but also copies the bytes of views, so that the new
// record does not keep the buffers of the others alive.
func Compact(mem memory.Allocator, schema *arrow.Schema, rows ...Rows) (arrow.Record, error) {
	return records(taker{mem: mem, compact: true}, schema, rows)
}

// Supported reports whether Records can copy columns of a type: all but
// dictionaries, unions, extensions, and large and fixed-size lists.
func Supported(typ arrow.DataType) bool {
	switch typ := typ.(type) {
	case *arrow.StructType:
		for _, f := range typ.Fields() {
			if !Supported(f.Type) {
				return false
			}
		}
		return true
	case *arrow.ListType:
		return Supported(typ.Elem())
	case *arrow.MapType:
		return Supported(typ.Elem())
	case *arrow.NullType, *arrow.BooleanType, *arrow.StringType, *arrow.BinaryType, *arrow.StringViewType, *arrow.BinaryViewType:
		return true
	case *arrow.DictionaryType, *arrow.FixedSizeListType, arrow.ExtensionType:
		return false
	}
	_, ok := typ.(arrow.FixedWidthDataType)
	return ok
}

// cells are the elements of an array at the indices in index.
type cells struct {
	array arrow.Array
	index []int32
}

// taker copies elements of arrays. Once err is set, its results are undefined.
type taker struct {
	mem     memory.Allocator
	compact bool // copy the bytes of views
	err     error
}

// take copies cells of arrays of one type into a new array of type typ. The caller
// must release it.
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
	case *arrow.StringViewType, *arrow.BinaryViewType:
		buffers = append(buffers, t.views(src, n)...)
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
