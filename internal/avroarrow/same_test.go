package avroarrow

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// differs says where row i of a and row k of b differ, bit by bit: -0 is not
// 0, null is not empty, and a NaN is the same NaN only. It is "" when they are
// equal.
func differs(a arrow.Array, i int, b arrow.Array, k int, path string) string {
	if !arrow.TypeEqual(a.DataType(), b.DataType()) {
		return fmt.Sprintf("%s: %s and %s", path, a.DataType(), b.DataType())
	}
	if a.IsNull(i) != b.IsNull(k) {
		return fmt.Sprintf("%s: null is %t and %t", path, a.IsNull(i), b.IsNull(k))
	}
	if a.IsNull(i) {
		return ""
	}
	switch a := a.(type) {
	case *array.Struct:
		for f := range a.NumField() {
			name := a.DataType().(*arrow.StructType).Field(f).Name
			if d := differs(a.Field(f), i, b.(*array.Struct).Field(f), k, path+"."+name); d != "" {
				return d
			}
		}
		return ""
	case array.ListLike:
		return listDiffers(a, i, b.(array.ListLike), k, path)
	}
	if x, y := anyLeaf(a, i), anyLeaf(b, k); x != y {
		return fmt.Sprintf("%s: %v and %v", path, x, y)
	}
	return ""
}

func listDiffers(a array.ListLike, i int, b array.ListLike, k int, path string) string {
	from, to := a.ValueOffsets(i)
	other, end := b.ValueOffsets(k)
	if to-from != end-other {
		return fmt.Sprintf("%s: %d elements and %d", path, to-from, end-other)
	}
	for ; from < to; from, other = from+1, other+1 {
		if d := differs(a.ListValues(), int(from), b.ListValues(), int(other), path+"[]"); d != "" {
			return d
		}
	}
	return ""
}

// anyLeaf returns the value of a leaf of any type as something comparable.
func anyLeaf(a arrow.Array, i int) any {
	switch a := a.(type) {
	case *array.Float32:
		return exact(a.Value(i))
	case *array.Float64:
		return exact(a.Value(i))
	case *array.BinaryView:
		return string(a.Value(i))
	case *array.Binary:
		return string(a.Value(i))
	case *array.FixedSizeBinary:
		return string(a.Value(i))
	}
	return a.ValueStr(i)
}

// recordsDiffer compares whole records.
func recordsDiffer(a, b arrow.Record) string {
	if a.NumRows() != b.NumRows() {
		return fmt.Sprintf("%d rows and %d", a.NumRows(), b.NumRows())
	}
	for i := range int(a.NumRows()) {
		if d := rowsDiffer(a, i, b, i); d != "" {
			return d
		}
	}
	return ""
}

func rowsDiffer(a arrow.Record, i int, b arrow.Record, k int) string {
	for c, col := range a.Columns() {
		if d := differs(col, i, b.Column(c), k, fmt.Sprintf("row %d: %s", i, a.ColumnName(c))); d != "" {
			return d
		}
	}
	return ""
}
