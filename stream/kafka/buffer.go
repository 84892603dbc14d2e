package kafka

import (
	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// buffer is memory that keys and values lie in, so that a record of them keeps
// it alive as one piece and it is counted once. sarama cuts keys and values of
// a response that is not compressed out of the response itself, those of a
// compressed batch out of what it was inflated to. The capacity of such a slice
// reaches to the end of the whole.
type buffer struct {
	bytes []byte // from the first key or value on
	arrow *memory.Buffer
}

// What sarama makes of a message, and of a header of one, beside their bytes.
const (
	recordSize = 120
	headerSize = 56
)

// widen makes b begin at or before the records of a block that are not
// compressed. It returns the bytes of all keys and values in the block, and
// what all of it takes in memory: of small messages far more.
func (b *buffer) widen(in *sarama.FetchResponseBlock) (bytes, held int64) {
	for _, r := range in.RecordsSet {
		for _, x := range r.RecordBatch.Records {
			bytes += int64(len(x.Key) + len(x.Value))
			held += recordSize
			for _, h := range x.Headers {
				held += headerSize + int64(len(h.Key)+len(h.Value))
			}
		}
		if r.RecordBatch.Codec == sarama.CompressionNone {
			b.widenBatch(r.RecordBatch)
		}
	}
	return bytes, held + bytes
}

// widenBatch makes b begin at or before the records of a batch.
func (b *buffer) widenBatch(batch *sarama.RecordBatch) {
	for _, x := range batch.Records {
		for _, v := range [][]byte{x.Key, x.Value} {
			if len(v) == 0 {
				continue
			}
			if cap(v) > len(b.bytes) {
				b.bytes = v[:cap(v)]
			}
			return // the others lie behind it
		}
	}
}

// view is where v lies in b, if it does.
func (b *buffer) view(v []byte) (stream.View, bool) {
	from := len(b.bytes) - cap(v)
	if from < 0 || len(v) == 0 || &b.bytes[from] != &v[0] {
		return stream.View{}, false
	}
	if b.arrow == nil {
		b.arrow = memory.NewBufferBytes(b.bytes)
	}
	return stream.View{Buffer: b.arrow, From: from, To: from + len(v)}, true
}
