package stream

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Field finds a column, or a field of a struct column, by its path:
// "candidate.magpsf". It returns nil if the record has none. The array is
// borrowed from the record. It does not look at the validity of the structs
// around the field: Arrow's builders and this module's decoder make the fields
// of a null struct null, other writers may not.
func Field(r arrow.Record, path string) arrow.Array {
	names := strings.Split(path, ".")
	i := r.Schema().FieldIndices(names[0])
	if len(i) == 0 {
		return nil
	}
	a := r.Column(i[0])
	for _, name := range names[1:] {
		s, ok := a.(*array.Struct)
		if !ok {
			return nil
		}
		i, ok := s.DataType().(*arrow.StructType).FieldIdx(name)
		if !ok {
			return nil
		}
		a = s.Field(i)
	}
	return a
}

// Keep returns the rows of in for which keep is true, without copying them: a
// filter is a [TransformFunc] of one line. The other rows are dropped.
func Keep(in Rows, keep func(row int) bool) Result {
	var out Result
	n := int(in.Record.NumRows())
	for i := 0; i < n; i++ {
		j := i
		for j < n && keep(j) {
			j++
		}
		if j > i {
			from := make([]int32, j-i)
			for k := range from {
				from[k] = int32(i + k)
			}
			out.Rows = append(out.Rows, Rows{Table: in.Table, Record: in.Record.NewSlice(int64(i), int64(j)), From: from})
			i = j
		}
	}
	return out
}
