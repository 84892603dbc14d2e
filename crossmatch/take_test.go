package crossmatch

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Take returns what the Arrow library does, for slices too.
func TestTake(t *testing.T) {
	mem := checkedMemory(t)
	ctx := compute.WithAllocator(t.Context(), mem)
	var fields []arrow.Field
	var columns []arrow.Array
	for _, c := range []struct {
		typ  arrow.DataType
		json string
	}{
		{arrow.PrimitiveTypes.Int8, `[1, null, 3, 4, 5]`},
		{arrow.PrimitiveTypes.Uint16, `[1, 2, 3, 4, 5]`},
		{arrow.PrimitiveTypes.Int32, `[1, 2, null, 4, 5]`},
		{arrow.PrimitiveTypes.Float64, `[1.5, 2, 3, 4, null]`},
		{arrow.FixedWidthTypes.Boolean, `[true, false, null, true, false]`},
		{arrow.FixedWidthTypes.Timestamp_us, `["2026-01-01", null, "2026-01-03", "2026-01-04", "2026-01-05"]`},
		{&arrow.FixedSizeBinaryType{ByteWidth: 3}, `["YWJj", "ZGVm", null, "Z2hp", "amts"]`},
		{&arrow.Decimal128Type{Precision: 20, Scale: 2}, `["1.25", "2.00", null, "3.00", "4.00"]`},
		{arrow.BinaryTypes.String, `["one", "", null, "four", "fünf"]`},
		{arrow.BinaryTypes.Binary, `["YWJj", null, "", "Z2hp", "amts"]`},
		{arrow.BinaryTypes.LargeString, `["one", "", null, "four", "fünf"]`},
		{arrow.BinaryTypes.LargeBinary, `["YWJj", null, "", "Z2hp", "amts"]`},
		{arrow.ListOf(arrow.PrimitiveTypes.Int32), `[[1], null, [], [2, 3], [4]]`},
		{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), `[[1, 2], null, [3, 4], [5, 6], [7, 8]]`},
		{arrow.Null, `[null, null, null, null, null]`},
	} {
		a, _, err := array.FromJSON(mem, c.typ, strings.NewReader(c.json))
		require.NoError(t, err, c.typ)
		t.Cleanup(a.Release)
		fields, columns = append(fields, arrow.Field{Name: c.typ.String(), Type: c.typ}), append(columns, a)
	}
	whole := array.NewRecord(arrow.NewSchema(fields, nil), columns, 5)
	defer whole.Release()
	for _, rows := range [][]int32{{0, 2, 1, -1, 3, 0, 0}, {-1, -1}, {}, {3, 3, 3, 3, 2, 1, 0, -1, 0, 1}} {
		for from := range int64(2) {
			table := whole.NewSlice(from, 5)
			index := array.NewInt32Builder(mem)
			for _, r := range rows {
				if r < 0 {
					index.AppendNull()
				} else {
					index.Append(r)
				}
			}
			indices := index.NewArray()
			got, err := Take(ctx, table, rows)
			require.NoError(t, err)
			for i, c := range table.Columns() {
				want, err := compute.TakeArray(ctx, c, indices)
				require.NoError(t, err)
				assert.True(t, array.Equal(want, got.Column(i)), "%v: %v, not %v", fields[i].Type, got.Column(i), want)
				assert.Equal(t, want.NullN(), got.Column(i).NullN(), fields[i].Type)
				want.Release()
			}
			got.Release()
			indices.Release()
			index.Release()
			table.Release()
		}
	}
	_, err := Take(ctx, whole, []int32{5})
	assert.EqualError(t, err, "crossmatch: row 5 of a table of 5")
	none := whole.NewSlice(2, 2)
	defer none.Release()
	got, err := Take(ctx, none, []int32{-1})
	require.NoError(t, err)
	assert.EqualValues(t, 1, got.NumRows())
	got.Release()
}

// Offsets out of order are an error, not a panic.
func TestTakeDamaged(t *testing.T) {
	mem := checkedMemory(t)
	for _, damaged := range [][]int32{{0, 3, 2, 9}, {0, -1, 2, 9}, {0, 3, 10, 9}, {-5, 1, 2, 9}} {
		wide := make([]int64, len(damaged))
		for i, o := range damaged {
			wide[i] = int64(o)
		}
		for _, a := range []arrow.Array{
			array.MakeFromData(array.NewData(arrow.BinaryTypes.String, 3, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(damaged)), memory.NewBufferBytes(make([]byte, 9))}, nil, 0, 0)),
			array.MakeFromData(array.NewData(arrow.BinaryTypes.LargeBinary, 3, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(wide)), memory.NewBufferBytes(make([]byte, 9))}, nil, 0, 0)),
		} {
			rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "x", Type: a.DataType()}}, nil), []arrow.Array{a}, 3)
			_, err := Take(compute.WithAllocator(t.Context(), mem), rec, []int32{0, 1})
			assert.ErrorIs(t, err, ErrBadIndex, "%v", damaged)
		}
	}
}
