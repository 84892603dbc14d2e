package stream

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilter(t *testing.T) {
	rec := numberRecord(memory.DefaultAllocator, 0, 1, 2, 3, 4, 5)
	defer rec.Release()
	calls := 0
	got := Filter(Rows{Table: "t", Record: rec}, func(row int) bool { calls++; return row != 2 && row != 5 })
	defer releaseRows(got.Rows)
	require.Len(t, got.Rows, 2)
	assert.Equal(t, []int64{0, 1}, numbersOf(got.Rows[0].Record))
	assert.Equal(t, []int64{3, 4}, numbersOf(got.Rows[1].Record))
	assert.Equal(t, []int32{3, 4}, got.Rows[1].From)
	assert.Equal(t, "t", got.Rows[1].Table)
	assert.Equal(t, 6, calls, "once a row")
}

// Scattered rows come as one record, whose views share the bytes.
func TestFilterScattered(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	old := memory.DefaultAllocator
	memory.DefaultAllocator = mem
	defer func() { memory.DefaultAllocator = old; mem.AssertSize(t, 0) }()
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(100 * 40)
	b := NewMessageBuilder(mem)
	defer b.Release()
	for i := range 100 {
		copy(buf.Bytes()[40*i:], fmt.Sprintf("message %030d", i))
		m := Message{Topic: fmt.Sprint(i), Offset: int64(i), Value: View{buf, 40 * i, 40*i + 38}}
		if i%3 == 0 {
			m.Value.To = m.Value.From + 7 // inline
		}
		if i%10 == 4 {
			m.Value = View{}
		}
		b.Append(m)
	}
	buf.Release()
	rec := b.NewRecord()
	slice := rec.NewSlice(10, 90)
	rec.Release()
	got := Filter(Rows{Record: slice}, func(row int) bool { return row%2 == 0 })
	require.Len(t, got.Rows, 1)
	kept, column := got.Rows[0], slice.Column(ColValue).(*array.BinaryView)
	defer got.Release()
	require.EqualValues(t, 40, kept.Record.NumRows())
	for i, from := range kept.From {
		require.EqualValues(t, 2*i, from)
		for c := range int(slice.NumCols()) {
			require.Equal(t, slice.Column(c).ValueStr(int(from)), kept.Record.Column(c).ValueStr(i))
		}
		if v := kept.Record.Column(ColValue).(*array.BinaryView).Value(i); len(v) > 12 {
			require.Same(t, &column.Value(int(from))[0], &v[0], "the bytes are shared")
		}
	}
	slice.Release()

	// Types that cannot be copied come in slices.
	d := array.NewDictionaryBuilder(mem, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	defer d.Release()
	for range 20 {
		require.NoError(t, d.AppendString("x"))
	}
	col := d.NewArray()
	defer col.Release()
	dict := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "d", Type: col.DataType()}}, nil), []arrow.Array{col}, 20)
	defer dict.Release()
	runs := Filter(Rows{Record: dict}, func(row int) bool { return row%2 == 0 })
	assert.Len(t, runs.Rows, 10)
	runs.Release()
}
