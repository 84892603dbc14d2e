package inspect

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// batchValues is the number of values decoded at a time.
const batchValues = 1024

// decode reads every value of a column chunk.
func decode(g *file.RowGroupReader, column int) (*values, error) {
	r, err := g.Column(column)
	if err != nil {
		return nil, err
	}
	v := &values{}
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		err = drain(v, r.ReadBatch, &boolExtremes{})
	case *file.Int32ColumnChunkReader:
		err = drain(v, r.ReadBatch, &orderedExtremes[int32]{})
	case *file.Int64ColumnChunkReader:
		err = drain(v, r.ReadBatch, &orderedExtremes[int64]{})
	case *file.Int96ColumnChunkReader:
		err = drain(v, r.ReadBatch, noExtremes[parquet.Int96]{})
	case *file.Float32ColumnChunkReader:
		err = drain(v, r.ReadBatch, &orderedExtremes[float32]{})
	case *file.Float64ColumnChunkReader:
		err = drain(v, r.ReadBatch, &orderedExtremes[float64]{})
	case *file.ByteArrayColumnChunkReader:
		err = drain(v, r.ReadBatch, &byteExtremes[parquet.ByteArray]{})
	case *file.FixedLenByteArrayColumnChunkReader:
		signed := r.Descriptor().SortOrder() == schema.SortSIGNED
		err = drain(v, r.ReadBatch, &byteExtremes[parquet.FixedLenByteArray]{signed: signed})
	default:
		return nil, fmt.Errorf("values of type %v", r.Type())
	}
	if !hasOrder(r.Descriptor()) {
		v.bounds = noExtremes[any]{}.bounds
	}
	if err == nil {
		err = r.Err()
	}
	return v, err
}

// drain calls read until it returns no more values, counts them in v, and adds
// those that are not null to e, which gives v its bounds.
func drain[T any](v *values, read func(n int64, values []T, def, rep []int16) (int64, int, error), e extremes[T]) error {
	v.bounds = e.bounds
	var def, rep [batchValues]int16
	vals := make([]T, batchValues)
	for {
		got, valid, err := read(batchValues, vals, def[:], rep[:])
		if err != nil {
			return err
		}
		if got < 0 || got > batchValues || int64(valid) > got || valid < 0 {
			return errors.New("more values than levels")
		}
		if got == 0 {
			return nil
		}
		v.entries += got
		v.nulls += got - int64(valid)
		for _, r := range rep[:got] { // it stays zero if nothing is repeated
			if r == 0 {
				v.rows++
			}
		}
		e.add(vals[:valid])
	}
}
