package stream

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// every returns a transform that keeps each n-th row, and rejects one.
func every(n, reject int) Transform {
	return TransformFunc(func(_ context.Context, in Rows) (Result, error) {
		out := Filter(in, func(row int) bool { return row%n == 0 })
		if reject >= 0 && reject < int(in.Record.NumRows()) {
			out.Rejects = []Reject{{Row: reject, Cause: "no"}}
		}
		return out, nil
	})
}

// double makes two rows of each.
func double(mem memory.Allocator) Transform {
	return TransformFunc(func(_ context.Context, in Rows) (Result, error) {
		var values []int64
		var from []int32
		for i, v := range numbersOf(in.Record) {
			values, from = append(values, v, v), append(from, int32(i), int32(i))
		}
		return Result{Rows: []Rows{{Record: numberRecord(mem, values...), From: from}}}, nil
	})
}

// Rows and rejects refer to the messages, after any number of transforms.
func TestApply(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	rec := numberRecord(mem, 0, 1, 2, 3, 4, 5, 6, 7)
	defer rec.Release()
	m := &MicroBatch{Transforms: []Transform{double(mem), every(2, -1), double(mem)}}
	got, err := m.apply(context.Background(), Chunk{Messages: rec, Rejects: []Reject{{Row: 2, Cause: "source"}, {Row: 5, Cause: "source"}}})
	require.NoError(t, err)
	seen := 0
	for _, rows := range got.Rows {
		for i, v := range numbersOf(rows.Record) {
			from := i
			if rows.From != nil {
				from = int(rows.From[i])
			}
			assert.EqualValues(t, v, from, "values are the numbers of their messages")
			seen++
		}
	}
	assert.Equal(t, 12, seen)
	assert.Len(t, got.Rejects, 2)
	releaseRows(got.Rows)

	m.Transforms = []Transform{every(3, -1), TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
		return Result{Rejects: []Reject{{Row: 0, Cause: "no"}}}, nil
	})}
	got, err = m.apply(context.Background(), Chunk{Messages: rec})
	require.NoError(t, err)
	assert.Equal(t, []Reject{{Row: 0, Cause: "no"}, {Row: 3, Cause: "no"}, {Row: 6, Cause: "no"}}, got.Rejects)

	runs := rejected(Chunk{Messages: rec}, []Reject{{Row: 1, Cause: "a"}, {Row: 2, Cause: "b"}, {Row: 2, Cause: "c"}, {Row: 6, Cause: "d"}})
	require.Len(t, runs, 2)
	assert.Equal(t, []string{"a", "b"}, []string{runs[0].Record.Column(0).ValueStr(0), runs[0].Record.Column(0).ValueStr(1)})
	assert.Equal(t, []int64{1, 2}, runs[0].Record.Column(1).(*array.Int64).Int64Values())
	releaseRows(runs)
}

func TestApplyErrors(t *testing.T) {
	for name, test := range map[string]struct {
		from []int32
		rows int
		rej  []Reject
		text string
	}{
		"more rows than came": {nil, 5, nil, "5 rows made from 3 do not say which of them they were made from"},
		"From too short":      {[]int32{0}, 2, nil, "2 rows made from 3 do not say which of them they were made from"},
		"From beyond":         {[]int32{0, 3}, 2, nil, "row 1 was made from row 3 of 3"},
		"From negative":       {[]int32{-1}, 1, nil, "row 0 was made from row -1 of 3"},
		"reject of no row":    {nil, 1, []Reject{{Row: 3, Cause: ""}}, "rejects row 3 of 3"},
		"reject of row -1":    {nil, 1, []Reject{{Row: -1, Cause: ""}}, "rejects row -1 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			rec := numberRecord(mem, 0, 1, 2, 3)
			defer rec.Release()
			bad := TransformFunc(func(context.Context, Rows) (Result, error) {
				return Result{Rejects: test.rej, Rows: []Rows{{Record: numberRecord(mem, make([]int64, test.rows)...), From: test.from}}}, nil
			})
			three := TransformFunc(func(_ context.Context, in Rows) (Result, error) {
				return Filter(in, func(row int) bool { return row < 3 }), nil
			})
			m := &MicroBatch{Transforms: []Transform{three, bad}}
			_, err := m.apply(context.Background(), Chunk{Messages: rec})
			assert.ErrorContains(t, err, test.text)
		})
	}
}
