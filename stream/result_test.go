package stream

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithColumn(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	rec := numberRecord(mem, 1, 2, 3)
	defer rec.Release()
	more := numberRecord(mem, 4, 5, 6)
	defer more.Release()
	in, field := Rows{Table: "t", Record: rec}, arrow.Field{Name: "more", Type: arrow.PrimitiveTypes.Int64}

	added, err := WithColumn(in, field, more.Column(0))
	require.NoError(t, err)
	defer added.Release()
	assert.Equal(t, "t", added.Rows[0].Table)
	assert.Equal(t, []string{"value", "more"}, []string{added.Rows[0].Record.ColumnName(0), added.Rows[0].Record.ColumnName(1)})
	field.Name = "value"
	replaced, err := WithColumn(in, field, more.Column(0))
	require.NoError(t, err)
	defer replaced.Release()
	assert.EqualValues(t, 1, replaced.Rows[0].Record.NumCols())
	assert.Equal(t, []int64{4, 5, 6}, numbersOf(replaced.Rows[0].Record))
	assert.Equal(t, []int64{1, 2, 3}, numbersOf(rec))

	short := array.NewSlice(more.Column(0), 0, 2)
	defer short.Release()
	_, err = WithColumn(in, field, short)
	assert.EqualError(t, err, `stream: column "value" has 2 values for 3 rows`)
	_, err = WithColumn(in, arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32}, more.Column(0))
	assert.EqualError(t, err, `stream: column "x" is int64, not int32`)
	null := array.MakeArrayOfNull(mem, arrow.PrimitiveTypes.Int64, 3)
	defer null.Release()
	_, err = WithColumn(in, field, null)
	assert.EqualError(t, err, `stream: column "value" has nulls but is not nullable`)
	assert.True(t, isPermanent(err))
}

// To return or release a borrowed record is an error, which is reported at once.
func TestBorrowedRecord(t *testing.T) {
	for name, test := range map[string]struct {
		f  func(in Rows) Result
		ok bool
	}{
		"passed":    {Pass, true},
		"twice":     {func(in Rows) Result { return Result{Rows: append(Pass(in).Rows, Pass(in).Rows...)} }, true},
		"returned":  {func(in Rows) Result { return Result{Rows: []Rows{in}} }, false},
		"released":  {func(in Rows) Result { in.Record.Release(); return Result{} }, false},
		"once only": {func(in Rows) Result { return Result{Rows: append(Pass(in).Rows, in)} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			rec := numberRecord(mem, 1, 2, 3)
			defer rec.Release()
			m := &MicroBatch{Transforms: []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) {
				return test.f(in), nil
			})}}
			got, err := m.apply(context.Background(), Chunk{Messages: rec})
			defer got.Release()
			if !test.ok {
				assert.ErrorIs(t, err, errBorrowed)
				assert.ErrorContains(t, err, "TransformFunc")
				assert.True(t, isPermanent(err))
				return
			}
			require.NoError(t, err)
			for _, rows := range got.Rows {
				assert.Same(t, rec, rows.Record, "it is no longer wrapped")
			}
		})
	}
}
