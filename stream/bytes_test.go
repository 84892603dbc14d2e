package stream

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// What counts is the messages, not the buffers that they were cut from.
func TestMessageBytes(t *testing.T) {
	buf := memory.NewBufferBytes(make([]byte, 1<<20))
	b := NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range 10 {
		b.Append(Message{Topic: "a long topic", Key: View{buf, 0, 500}, Value: View{buf, 1000 * (i + 1), 1000 * (i + 2)}})
	}
	b.Append(Message{Value: View{buf, 0, 3}})
	b.Append(Message{Value: View{buf, 0, 3}})
	b.Append(Message{})
	rec := b.NewRecord()
	defer rec.Release()
	assert.EqualValues(t, 500+10*1000+3+3, messageBytes(rec), "a key that rows share counts once")
	slice := rec.NewSlice(5, 7)
	defer slice.Release()
	assert.EqualValues(t, 500+2*1000, messageBytes(slice))
	assert.GreaterOrEqual(t, recordsize.Of(rec), int64(1<<20))

	lists := array.NewListBuilder(memory.DefaultAllocator, arrow.BinaryTypes.String)
	defer lists.Release()
	for i := range 4 {
		lists.Append(true)
		for range i {
			lists.ValueBuilder().(*array.StringBuilder).Append("four")
		}
	}
	col := lists.NewArray()
	defer col.Release()
	other := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "l", Type: col.DataType()}, {Name: "m", Type: col.DataType()}}, nil), []arrow.Array{col, col}, 4)
	defer other.Release()
	assert.EqualValues(t, 2*6*4, messageBytes(other))
	last := other.NewSlice(3, 4)
	defer last.Release()
	assert.EqualValues(t, 2*3*4, messageBytes(last))
	none := other.NewSlice(1, 1)
	defer none.Release()
	assert.Zero(t, messageBytes(none))
	n := numberRecord(memory.DefaultAllocator, 1, 2, 3)
	defer n.Release()
	assert.EqualValues(t, 24, messageBytes(n))
}
