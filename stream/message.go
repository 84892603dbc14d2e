package stream

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// MessageSchema is the schema of raw messages, which the sources of this module
// yield and its transforms expect:
//
//	topic      string              the topic, or the path of the file
//	partition  int32               0 for files
//	offset     int64               the offset, or the number of the record in its file
//	time       timestamp[ms, UTC]  the message's time, null if unknown or not in the years 1 to 9999
//	key        binary_view         null if there is none
//	value      binary_view         null for a tombstone
var MessageSchema = arrow.NewSchema([]arrow.Field{
	{Name: "topic", Type: arrow.BinaryTypes.String},
	{Name: "partition", Type: arrow.PrimitiveTypes.Int32},
	{Name: "offset", Type: arrow.PrimitiveTypes.Int64},
	{Name: "time", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
	{Name: "key", Type: arrow.BinaryTypes.BinaryView, Nullable: true},
	{Name: "value", Type: arrow.BinaryTypes.BinaryView, Nullable: true},
}, nil)

// The columns of MessageSchema.
const (
	ColTopic = iota
	ColPartition
	ColOffset
	ColTime
	ColKey
	ColValue
)

// Message is one raw message for a MessageBuilder. Key and Value are not copied:
// their buffers must not change while a record made of them is in use.
type Message struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // zero if unknown; one outside the years 1 to 9999 becomes null
	Key       View
	Value     View
}

// View is a slice of a buffer. If Buffer is nil, the value is null.
type View struct {
	Buffer   *memory.Buffer
	From, To int // less than 2 GiB
}

// MessageBuilder makes records with MessageSchema. Their keys and values point
// into the buffers that the source read them into. A MessageBuilder must not be
// used concurrently.
type MessageBuilder struct {
	topic     *array.StringBuilder
	partition *array.Int32Builder
	offset    *array.Int64Builder
	time      *array.TimestampBuilder
	key       viewBuilder
	value     viewBuilder
	bytes     int64
}

// NewMessageBuilder returns an empty builder that allocates from mem.
func NewMessageBuilder(mem memory.Allocator) *MessageBuilder {
	return &MessageBuilder{
		topic:     array.NewStringBuilder(mem),
		partition: array.NewInt32Builder(mem),
		offset:    array.NewInt64Builder(mem),
		time:      array.NewTimestampBuilder(mem, arrow.FixedWidthTypes.Timestamp_ms.(*arrow.TimestampType)),
		key:       viewBuilder{mem: mem},
		value:     viewBuilder{mem: mem},
	}
}

// The years 1 to 9999, in seconds since 1970. Readers of Parquet fail on a whole
// file that has another time.
const (
	firstSecond = -62135596800
	endSecond   = 253402300800
)

// Append adds a message. It retains the buffers of key and value until the
// record that it becomes part of is released.
func (b *MessageBuilder) Append(m Message) {
	b.topic.Append(m.Topic)
	b.partition.Append(m.Partition)
	b.offset.Append(m.Offset)
	if s := m.Time.Unix(); m.Time.IsZero() || s < firstSecond || s >= endSecond {
		b.time.AppendNull()
	} else {
		b.time.Append(arrow.Timestamp(m.Time.UnixMilli()))
	}
	b.key.append(m.Key)
	b.value.append(m.Value)
	b.bytes += int64(m.Key.To - m.Key.From + m.Value.To - m.Value.From)
}

// Len returns the number of messages since the last record.
func (b *MessageBuilder) Len() int { return b.offset.Len() }

// Bytes returns the size of their keys and values.
func (b *MessageBuilder) Bytes() int64 { return b.bytes }

// NewRecord returns the messages as a record, which the caller must release,
// and empties the builder.
func (b *MessageBuilder) NewRecord() arrow.Record {
	n := int64(b.Len())
	cols := []arrow.Array{
		b.topic.NewArray(), b.partition.NewArray(), b.offset.NewArray(), b.time.NewArray(),
		b.key.newArray(), b.value.newArray(),
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	b.bytes = 0
	return array.NewRecord(MessageSchema, cols, n)
}

// Release releases the memory of the builder.
func (b *MessageBuilder) Release() {
	b.topic.Release()
	b.partition.Release()
	b.offset.Release()
	b.time.Release()
	b.key.reset()
	b.value.reset()
}

// viewBuilder builds a binary view column over buffers without copying them.
// Arrow v17 has the array but not the builder.
type viewBuilder struct {
	mem     memory.Allocator
	headers []arrow.ViewHeader
	nulls   []int
	buffers []*memory.Buffer
}

func (b *viewBuilder) append(v View) {
	var h arrow.ViewHeader
	if v.Buffer == nil {
		b.nulls = append(b.nulls, len(b.headers))
		b.headers = append(b.headers, h)
		return
	}
	h.SetBytes(v.Buffer.Bytes()[v.From:v.To])
	if !h.IsInline() {
		if n := len(b.buffers); n == 0 || b.buffers[n-1] != v.Buffer {
			v.Buffer.Retain()
			b.buffers = append(b.buffers, v.Buffer)
		}
		h.SetIndexOffset(int32(len(b.buffers)-1), int32(v.From))
	}
	b.headers = append(b.headers, h)
}

func (b *viewBuilder) newArray() arrow.Array {
	n := len(b.headers)
	views := memory.NewResizableBuffer(b.mem)
	views.Resize(arrow.ViewHeaderTraits.BytesRequired(n))
	copy(arrow.ViewHeaderTraits.CastFromBytes(views.Bytes()), b.headers)
	var valid *memory.Buffer
	if len(b.nulls) > 0 {
		valid = memory.NewResizableBuffer(b.mem)
		valid.Resize((n + 7) / 8)
		bits := valid.Bytes()
		for i := range bits {
			bits[i] = 0xff
		}
		for _, i := range b.nulls {
			bits[i/8] &^= 1 << (i % 8)
		}
	}
	buffers := append([]*memory.Buffer{valid, views}, b.buffers...)
	data := array.NewData(arrow.BinaryTypes.BinaryView, n, buffers, nil, len(b.nulls), 0)
	defer data.Release()
	views.Release()
	if valid != nil {
		valid.Release()
	}
	b.reset()
	return array.NewBinaryViewData(data)
}

func (b *viewBuilder) reset() {
	for _, buf := range b.buffers {
		buf.Release()
	}
	b.headers, b.nulls, b.buffers = b.headers[:0], b.nulls[:0], b.buffers[:0]
}
