package recordsize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func record(values ...int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecord()
}

func ExampleBuffers() {
	r := record(1, 2, 3, 4)
	defer r.Release()
	half := r.NewSlice(0, 2)
	defer half.Release()
	b := Buffers{}
	fmt.Println(b.Add(r) == Of(r), b.Add(half))
	// Output: true 0
}

func TestShared(t *testing.T) {
	r, other := record(1), record(2)
	defer r.Release()
	defer other.Release()
	b := Buffers{}
	assert.Positive(t, b.Add(r))
	assert.Zero(t, b.Add(r), "it counts once")
	assert.Equal(t, Of(other), b.Add(other))
}

func TestOf(t *testing.T) {
	rec := record(make([]int64, 1000)...)
	defer rec.Release()
	n := Of(rec)
	assert.GreaterOrEqual(t, n, int64(8000))
	twice := array.NewRecord(arrow.NewSchema([]arrow.Field{rec.Schema().Field(0), {Name: "again", Type: arrow.PrimitiveTypes.Int64}}, nil),
		[]arrow.Array{rec.Column(0), rec.Column(0)}, 1000)
	defer twice.Release()
	assert.Equal(t, n, Of(twice), "a shared buffer counts once")

	d := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	defer d.Release()
	require.NoError(t, d.AppendString(strings.Repeat("x", 10_000)))
	col := d.NewArray()
	defer col.Release()
	dict := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "d", Type: col.DataType()}}, nil), []arrow.Array{col}, 1)
	defer dict.Release()
	assert.GreaterOrEqual(t, Of(dict), int64(10_000), "dictionaries count")
}
