package stream

import (
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
)

func TestMessageBuilder(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := NewMessageBuilder(mem)
	defer b.Release()
	text := "twelve bytes, and then a longer value that is not inline"
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(len(text))
	copy(buf.Bytes(), text)
	at := time.UnixMilli(1234)
	for range 2 {
		b.Append(Message{Topic: "t", Partition: 3, Offset: 9, Time: at, Key: View{buf, 0, 12}, Value: View{buf, 14, len(text)}})
		b.Append(Message{Topic: "u", Offset: 10, Value: View{buf, 0, 13}})
		b.Append(Message{Topic: "v", Offset: 11, Value: View{buf, 4, 4}})
		b.Append(Message{Topic: "w", Offset: 12})
		assert.Equal(t, 4, b.Len())
		assert.EqualValues(t, len(text)-2+13, b.Bytes())
		rec := b.NewRecord()
		assert.Zero(t, b.Len()+int(b.Bytes()))
		keys, values := rec.Column(ColKey).(*array.BinaryView), rec.Column(ColValue).(*array.BinaryView)
		assert.Equal(t, "twelve bytes", string(keys.Value(0)))
		assert.True(t, keys.IsNull(1) && keys.IsNull(2) && values.IsNull(3))
		assert.Equal(t, text[14:], string(values.Value(0)))
		assert.Equal(t, text[:13], string(values.Value(1)))
		assert.True(t, values.IsValid(2) && len(values.Value(2)) == 0, "empty is not null")
		assert.Equal(t, arrow.Timestamp(1234), rec.Column(ColTime).(*array.Timestamp).Value(0))
		assert.True(t, rec.Column(ColTime).IsNull(1))
		assert.Equal(t, "w", rec.Column(ColTopic).(*array.String).Value(3))
		assert.True(t, rec.Schema().Equal(MessageSchema))
		rec.Release()
	}
	empty := b.NewRecord()
	assert.Zero(t, empty.NumRows())
	empty.Release()
	b.Append(Message{Value: View{buf, 0, 20}}) // released with the builder
	buf.Release()
}

// Kafka does not check the times of producers, and readers of Parquet fail on a
// whole file that has one after the year 9999.
func TestMessageTimes(t *testing.T) {
	b := NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for _, ms := range []int64{-62135596800000 + 1, -1, 0, 253402300799999, 253402300800000, 1 << 62, -1 << 62} {
		b.Append(Message{Time: time.UnixMilli(ms)})
	}
	rec := b.NewRecord()
	defer rec.Release()
	assert.Equal(t, "[-62135596799999 -1 0 253402300799999 (null) (null) (null)]", plainTimes(rec.Column(ColTime).(*array.Timestamp)))
}

func plainTimes(a *array.Timestamp) string {
	out := make([]any, a.Len())
	for i, v := range a.TimestampValues() {
		if out[i] = "(null)"; a.IsValid(i) {
			out[i] = int64(v)
		}
	}
	return fmt.Sprint(out)
}
