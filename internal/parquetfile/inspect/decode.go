package inspect

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet/file"
)

// batchValues is the number of values decoded at a time.
const batchValues = 1024

// decode reads every value of a column chunk, which must have want of them.
func decode(g *file.RowGroupReader, column int, want int64) error {
	r, err := g.Column(column)
	if err != nil {
		return err
	}
	var n int64
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.Int32ColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.Int64ColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.Int96ColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.Float32ColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.Float64ColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.ByteArrayColumnChunkReader:
		n, err = drain(r.ReadBatch)
	case *file.FixedLenByteArrayColumnChunkReader:
		n, err = drain(r.ReadBatch)
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

// drain calls read until it returns no more values, and returns their number,
// nulls included.
func drain[T any](read func(n int64, values []T, def, rep []int16) (int64, int, error)) (n int64, err error) {
	var def, rep [batchValues]int16
	values := make([]T, batchValues)
	for {
		got, valid, err := read(batchValues, values, def[:], rep[:])
		if err != nil {
			return n, err
		}
		if got < 0 || int64(valid) > got {
			return n, errors.New("more values than levels")
		}
		if got == 0 {
			return n, nil
		}
		n += got
	}
}
