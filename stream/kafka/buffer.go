package kafka

import (
	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// sharedBuffer is memory that several keys and values are in, so that a record of
// them keeps it alive, and counts it, once. sarama slices the keys and values of
// an uncompressed response from the response, those of a compressed batch from
// the decompressed batch. The capacity of each slice extends to the end of that
// memory.
type sharedBuffer struct {
	bytes []byte // from the first key or value to the end
	arrow *memory.Buffer
}

// What sarama allocates for a message and for each of its headers, in bytes.
const (
	recordSize = 120
	headerSize = 56
)

// extend extends b to the uncompressed records of a block. It returns the bytes of
// all keys and values of the block, and the memory that the block takes, which
// is much more if messages are small.
func (b *sharedBuffer) extend(in *sarama.FetchResponseBlock) (bytes, held int64) {
	for _, r := range in.RecordsSet {
		for _, x := range r.RecordBatch.Records {
			bytes += int64(len(x.Key) + len(x.Value))
			held += recordSize
			for _, h := range x.Headers {
				held += headerSize + int64(len(h.Key)+len(h.Value))
			}
		}
		if r.RecordBatch.Codec == sarama.CompressionNone {
			b.extendBatch(r.RecordBatch)
		}
	}
	return bytes, held + bytes
}

// extendBatch extends b to the records of a batch.
func (b *sharedBuffer) extendBatch(batch *sarama.RecordBatch) {
	for _, x := range batch.Records {
		for _, v := range [][]byte{x.Key, x.Value} {
			if len(v) == 0 {
				continue
			}
			if cap(v) > len(b.bytes) {
				b.bytes = v[:cap(v)]
			}
			return // the others are after it
		}
	}
}

// view returns a view of v, which must not be empty, if v is in b.
func (b *sharedBuffer) view(v []byte) (stream.View, bool) {
	from := len(b.bytes) - cap(v)
	if from < 0 || len(v) == 0 || &b.bytes[from] != &v[0] {
		return stream.View{}, false
	}
	if b.arrow == nil {
		b.arrow = memory.NewBufferBytes(b.bytes)
	}
	return stream.View{Buffer: b.arrow, From: from, To: from + len(v)}, true
}
