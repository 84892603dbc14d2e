package crossmatch

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Columns of all types, whole and sliced, can be gathered or are refused by NewCatalog.
func TestTypes(t *testing.T) {
	for _, typ := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Int16, arrow.FixedWidthTypes.Float16,
		arrow.BinaryTypes.LargeString, arrow.BinaryTypes.LargeBinary, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary,
		arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView,
		&arrow.FixedSizeBinaryType{ByteWidth: 3}, &arrow.FixedSizeBinaryType{ByteWidth: 0}, &arrow.Decimal128Type{Precision: 10, Scale: 2}, &arrow.Decimal256Type{Precision: 40, Scale: 2},
		arrow.FixedWidthTypes.Timestamp_us, arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.MonthInterval, arrow.FixedWidthTypes.DayTimeInterval, arrow.FixedWidthTypes.MonthDayNanoInterval,
		arrow.ListOf(arrow.PrimitiveTypes.Int32), arrow.LargeListOf(arrow.PrimitiveTypes.Int32), arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32),
		arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Nullable: true}), arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
		arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String),
		arrow.ListViewOf(arrow.PrimitiveTypes.Int32),
		arrow.ListOf(arrow.StructOf(arrow.Field{Name: "x", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true})),
		arrow.DenseUnionOf([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, []arrow.UnionTypeCode{0}),
	} {
		for _, sliced := range []bool{false, true} {
			t.Run(fmt.Sprint(typ, sliced), func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				b := array.NewBuilder(mem, typ)
				for i := range 6 {
					if i == 4 {
						b.AppendNull()
					} else {
						switch b := b.(type) {
						case *array.StringBuilder:
							b.Append(fmt.Sprint("v", i))
						case *array.Decimal128Builder:
							b.Append(decimal128.FromI64(int64(i)))
						case *array.BinaryDictionaryBuilder:
							require.NoError(t, b.AppendString(fmt.Sprint("v", i)))
						case *array.FixedSizeListBuilder:
							b.Append(true)
							b.ValueBuilder().(*array.Float32Builder).AppendValues([]float32{float32(i), 1}, nil)
						case *array.ListBuilder:
							b.Append(true)
							if v, ok := b.ValueBuilder().(*array.Int32Builder); ok {
								v.AppendValues([]int32{int32(i), 7}, nil)
							}
						default:
							b.AppendEmptyValue()
						}
					}
				}
				a := b.NewArray()
				b.Release()
				defer a.Release()
				from := int64(0)
				if sliced {
					from = 2
				}
				s := array.NewSlice(a, from, 6)
				defer s.Release()
				n := s.Len()
				rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "c", Type: typ, Nullable: true}}, nil), []arrow.Array{s}, int64(n))
				defer rec.Release()
				ra, dec := make([]float64, n), make([]float64, n)
				for i := range ra {
					ra[i] = float64(i)
				}
				c, err := NewCatalog(Rows{RA: ra, Dec: dec, Columns: rec})
				if !takeable(typ, false) {
					require.ErrorContains(t, err, "cannot be picked by row")
					return
				}
				require.NoError(t, err)
				defer c.Close()
				pos := func() arrow.Record {
					b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64}}, nil))
					defer b.Release()
					b.Field(0).(*array.Float64Builder).AppendValues([]float64{3, 2, 50, 1, 0, 3}, nil)
					b.Field(1).(*array.Float64Builder).AppendValues([]float64{0, 0, 0, 0, 95, 0}, nil)
					return b.NewRecord()
				}()
				defer pos.Release()
				tr := &Transform{Joins: []Join{{Name: "c", Matcher: c, Radius: .1}}, Memory: mem}
				out, err := tr.Match(compute.WithAllocator(context.Background(), mem), pos)
				require.NoError(t, err)
				defer out.Release()
				got := out.Column(5)
				for i, want := range []int{3, 2, -1, 1, -1, 3} {
					if want < 0 {
						assert.True(t, got.ValueStr(i) == array.NullValueStr || got.IsNull(i), "%d: %s", i, got.ValueStr(i))
					} else {
						assert.Equal(t, s.ValueStr(want), got.ValueStr(i), "%d", i)
					}
				}
			})
		}
	}
}

// A numeric event_time is the epoch too.
func TestEventTimeIsANumber(t *testing.T) {
	c, err := NewCatalog(Rows{RA: []float64{10}, Dec: []float64{0}, PMRA: []float64{10_000}, PMDec: []float64{0}, Epoch: 2000})
	require.NoError(t, err)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64}, {Name: "event_time", Type: arrow.PrimitiveTypes.Float64}}, nil))
	b.Field(0).(*array.Float64Builder).Append(10 + 20*10./3600)
	b.Field(1).(*array.Float64Builder).Append(0)
	b.Field(2).(*array.Float64Builder).Append(2020)
	rec := b.NewRecord()
	tr := &Transform{Joins: []Join{{Name: "c", Matcher: c, Radius: Arcsecond}}}
	out, err := tr.Match(context.Background(), rec)
	require.NoError(t, err)
	assert.Equal(t, "match", out.Column(3).ValueStr(0))
}
