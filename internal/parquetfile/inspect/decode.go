package inspect

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// batchValues is how many values are decoded at a time.
const batchValues = 1024

// decode reads every value of a column chunk.
func decode(g *file.RowGroupReader, column int, want int64) error {
	r, err := g.Column(column)
	if err != nil {
		return err
	}
	var def, rep [batchValues]int16
	var n int64
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		n, err = drain(func(v []bool) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.Int32ColumnChunkReader:
		n, err = drain(func(v []int32) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.Int64ColumnChunkReader:
		n, err = drain(func(v []int64) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.Int96ColumnChunkReader:
		n, err = drain(func(v []parquet.Int96) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.Float32ColumnChunkReader:
		n, err = drain(func(v []float32) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.Float64ColumnChunkReader:
		n, err = drain(func(v []float64) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.ByteArrayColumnChunkReader:
		n, err = drain(func(v []parquet.ByteArray) (int64, int, error) { return r.ReadBatch(batchValues, v, def[:], rep[:]) })
	case *file.FixedLenByteArrayColumnChunkReader:
		n, err = drain(func(v []parquet.FixedLenByteArray) (int64, int, error) {
			return r.ReadBatch(batchValues, v, def[:], rep[:])
		})
	default:
		return fmt.Errorf("values of type %v", r.Type())
	}
	if err == nil {
		err = r.Err()
	}
	if err == nil && n != want {
		err = fmt.Errorf("%d of %d values can be read", n, want)
	}
	return err
}

// drain calls read until there is no more, and counts the values, nulls too.
func drain[T any](read func([]T) (int64, int, error)) (n int64, err error) {
	values := make([]T, batchValues)
	for {
		got, present, err := read(values)
		if err != nil {
			return n, err
		}
		if got < 0 || int64(present) > got {
			return n, errors.New("more values than levels")
		}
		if got == 0 {
			return n, nil
		}
		n += got
	}
}
