package table

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Floats returns a copy of a column of numbers, converted to the nearest float64,
// with NaN for null. [Find] finds the column. It is an error if the column is not
// numeric, unless all of its values are null.
func Floats(rec arrow.Record, name string) ([]float64, error) {
	at, err := Find(rec.Schema(), name)
	if err != nil {
		return nil, err
	}
	a := rec.Column(at)
	out, ok := floatsOf(a)
	if !ok {
		if a.NullN() < a.Len() {
			return nil, fmt.Errorf("table: column %q is %v, and numbers are needed", rec.ColumnName(at), a.DataType())
		}
		out = make([]float64, a.Len())
	}
	if a.NullN() > 0 {
		for i := range out {
			if a.IsNull(i) {
				out[i] = math.NaN()
			}
		}
	}
	return out, nil
}

// floatsOf returns a copy of the numbers of an array, undefined for nulls, and
// whether it is numeric.
func floatsOf(a arrow.Array) ([]float64, bool) {
	switch a := a.(type) {
	case *array.Float64:
		return floats(a.Float64Values()), true
	case *array.Float32:
		return floats(a.Float32Values()), true
	case *array.Int64:
		return floats(a.Int64Values()), true
	case *array.Int32:
		return floats(a.Int32Values()), true
	case *array.Int16:
		return floats(a.Int16Values()), true
	case *array.Int8:
		return floats(a.Int8Values()), true
	case *array.Uint64:
		return floats(a.Uint64Values()), true
	case *array.Uint32:
		return floats(a.Uint32Values()), true
	case *array.Uint16:
		return floats(a.Uint16Values()), true
	case *array.Uint8:
		return floats(a.Uint8Values()), true
	case *array.Float16:
		out := make([]float64, a.Len())
		for i := range out {
			out[i] = float64(a.Value(i).Float32())
		}
		return out, true
	}
	return nil, false
}

func floats[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64](values []T) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}
