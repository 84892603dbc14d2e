package stream

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

func TestField(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	inner := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "t", Type: inner})}}, nil))
	defer b.Release()
	s := b.Field(0).(*array.StructBuilder)
	in := s.FieldBuilder(0).(*array.StructBuilder)
	for i := range int64(4) {
		s.Append(true)
		in.Append(true)
		in.FieldBuilder(0).(*array.Int64Builder).Append(i)
	}
	s.AppendNull()
	rec := b.NewRecord()
	defer rec.Release()
	slice := rec.NewSlice(2, 5)
	defer slice.Release()
	got := Field(slice, "s.t.x").(*array.Int64)
	assert.Equal(t, []int64{2, 3}, got.Int64Values()[:2])
	assert.True(t, got.IsNull(2), "a builder's null struct has null fields")
	for _, path := range []string{"", "x", "s.x", "s.t.x.y", "s."} {
		assert.Nil(t, Field(rec, path), path)
	}
	assert.Positive(t, recordsize.Of(rec))
	assert.Equal(t, recordsize.Of(rec), recordsize.Of(slice), "a slice keeps the whole")
}

// Other writers may leave values below a null struct.
func TestFieldOfNullStruct(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	x := numberRecord(mem, 0, 1, 2, 3, 4, 5)
	defer x.Release()
	words := array.NewStringBuilder(mem)
	defer words.Release()
	words.AppendValues([]string{"a", "b", "c", "d", "e", "f"}, []bool{true, true, true, true, true, false})
	w := words.NewArray()
	defer w.Release()
	names := []string{"x", "w"}
	inner, err := array.NewStructArray([]arrow.Array{x.Column(0), w}, names)
	require.NoError(t, err)
	defer inner.Release()
	structOf := func(child arrow.Array, bits byte) arrow.Array {
		d := array.NewData(arrow.StructOf(arrow.Field{Name: "s", Type: child.DataType(), Nullable: true}), 6,
			[]*memory.Buffer{memory.NewBufferBytes([]byte{bits})}, []arrow.ArrayData{child.Data()}, array.UnknownNullCount, 0)
		defer d.Release()
		return array.MakeFromData(d)
	}
	middle := structOf(inner, 0b111101)
	defer middle.Release()
	outer := structOf(middle, 0b110111)
	defer outer.Release()
	rec := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "o", Type: outer.DataType()}}, nil), []arrow.Array{outer}, 6)
	defer rec.Release()
	for from := range int64(3) {
		r := rec.NewSlice(from, 6)
		value := Float64s(Field(r, "o.s.s.x"))
		word := Field(r, "o.s.s.w").(*array.String)
		whole := Field(r, "o.s.s").(*array.Struct)
		for i := range int(6 - from) {
			row := int(from) + i
			v, ok := value(i)
			assert.Equal(t, row != 1 && row != 3, ok, "row %d", row)
			assert.EqualValues(t, row, v)
			assert.Equal(t, row != 1 && row != 3 && row != 5, word.IsValid(i), "row %d", row)
			assert.Equal(t, row != 1 && row != 3, whole.IsValid(i))
			assert.Equal(t, string(rune('a' + row))[:min(1, len(word.Value(i)))], word.Value(i))
		}
		assert.Equal(t, map[bool]int{true: 3, false: 2}[from < 2], word.NullN())
		r.Release()
	}
	good := rec.NewSlice(4, 5)
	defer good.Release()
	col := good.Column(0).(*array.Struct).Field(0).(*array.Struct).Field(0).(*array.Struct).Field(1)
	assert.Same(t, col, Field(good, "o.s.s.w"), "no copy where there is nothing to hide")
}
