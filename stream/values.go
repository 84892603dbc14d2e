package stream

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Float64s returns a function that returns the values of a numeric column as
// float64, whatever its width: a survey's float32 may become float64 when its
// table widens. ok is false for nulls. If a is nil or not numeric, Float64s
// returns nil.
func Float64s(a arrow.Array) func(row int) (v float64, ok bool) {
	switch a := a.(type) {
	case *array.Float64:
		return numbers(a, a.Float64Values())
	case *array.Float32:
		return numbers(a, a.Float32Values())
	case *array.Int64:
		return numbers(a, a.Int64Values())
	case *array.Int32:
		return numbers(a, a.Int32Values())
	}
	return nil
}

func numbers[T float32 | float64 | int32 | int64](a arrow.Array, values []T) func(int) (float64, bool) {
	return func(row int) (float64, bool) { return float64(values[row]), a.IsValid(row) }
}
