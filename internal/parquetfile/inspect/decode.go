package inspect

import (
	"errors"
	"fmt"

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
		e := &boolExtremes{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.add)
	case *file.Int32ColumnChunkReader:
		e := &extremes[int32]{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.add)
	case *file.Int64ColumnChunkReader:
		e := &extremes[int64]{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.add)
	case *file.Int96ColumnChunkReader:
		v.bounds = noBounds
		err = drain(v, r.ReadBatch, nil)
	case *file.Float32ColumnChunkReader:
		e := &extremes[float32]{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.add)
	case *file.Float64ColumnChunkReader:
		e := &extremes[float64]{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.add)
	case *file.ByteArrayColumnChunkReader:
		e := &byteExtremes{}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.addText)
	case *file.FixedLenByteArrayColumnChunkReader:
		e := &byteExtremes{signed: r.Descriptor().SortOrder() == schema.SortSIGNED}
		v.bounds = e.bounds
		err = drain(v, r.ReadBatch, e.addFixed)
	default:
		return nil, fmt.Errorf("values of type %v", r.Type())
	}
	if !hasOrder(r.Descriptor()) {
		v.bounds = noBounds
	}
	if err == nil {
		err = r.Err()
	}
	return v, err
}

// drain calls read until it returns no more values, counts them, and calls add,
// unless it is nil, with those that are not null.
func drain[T any](v *values, read func(n int64, values []T, def, rep []int16) (int64, int, error), add func([]T)) error {
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
		if add != nil {
			add(vals[:valid])
		}
	}
}
