package stream

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Field returns a column, or a field of a struct column, by its path, such as
// "candidate.magpsf". It returns nil if the record has no such column. A field
// of a null struct is null. The array is borrowed from the record: it is valid
// as long as the record is, and must not be released.
func Field(r arrow.Record, path string) arrow.Array {
	names := strings.Split(path, ".")
	i := r.Schema().FieldIndices(names[0])
	if len(i) == 0 {
		return nil
	}
	a := r.Column(i[0])
	var parents []*array.Struct // those with nulls
	for _, name := range names[1:] {
		s, ok := a.(*array.Struct)
		if !ok {
			return nil
		}
		i, ok := s.DataType().(*arrow.StructType).FieldIdx(name)
		if !ok {
			return nil
		}
		if s.NullN() > 0 {
			parents = append(parents, s)
		}
		a = s.Field(i)
	}
	if len(parents) == 0 {
		return a
	}
	return maskNulls(a, parents)
}

// maskNulls returns the field with null for each row that is null in a parent.
// That is the field itself if its writer has ensured it, as Arrow's builders
// and this module's decoder do.
func maskNulls(field arrow.Array, parents []*array.Struct) arrow.Array {
	null := func(row int) bool {
		for _, s := range parents {
			if s.IsNull(row) {
				return true
			}
		}
		return false
	}
	n, row := field.Len(), 0
	for row < n && (field.IsNull(row) || !null(row)) {
		row++
	}
	if row == n || !hasBitmap(field.DataType()) {
		return field
	}
	data := borrow(field.Data())
	valid, nulls := make([]byte, bitutil.BytesForBits(int64(data.Offset()+n))), 0
	for i := range n {
		ok := field.IsValid(i) && !null(i)
		bitutil.SetBitTo(valid, data.Offset()+i, ok)
		if !ok {
			nulls++
		}
	}
	buffers := data.Buffers()
	buffers[0] = memory.NewBufferBytes(valid)
	masked := array.NewData(data.DataType(), n, buffers, data.Children(), nulls, data.Offset())
	if data.DataType().ID() == arrow.DICTIONARY {
		masked.SetDictionary(data.Dictionary())
	}
	return array.MakeFromData(masked)
}

// hasBitmap reports whether arrays of a type have a validity bitmap.
func hasBitmap(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.NULL, arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED:
		return false
	}
	return true
}

// borrow returns the same data without retaining anything, so that an array made
// of it need not be released: buffers without an allocator are not counted.
func borrow(d arrow.ArrayData) *array.Data {
	buffers := make([]*memory.Buffer, len(d.Buffers()))
	for i, b := range d.Buffers() {
		if b != nil {
			buffers[i] = memory.NewBufferBytes(b.Bytes())
		}
	}
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, c := range d.Children() {
		children[i] = borrow(c)
	}
	out := array.NewData(d.DataType(), d.Len(), buffers, children, d.NullN(), d.Offset())
	if d.DataType().ID() == arrow.DICTIONARY {
		out.SetDictionary(borrow(d.Dictionary()))
	}
	return out
}
