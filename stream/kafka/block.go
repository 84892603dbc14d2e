package kafka

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
)

// maxWeight bounds the weight of a message: decoders decompress no more.
const maxWeight = 64 << 20

// readBlock emits the messages of a block that belong to a range, and accounts
// for every offset that the block covers.
func (r *reader) readBlock(p *rangeReader, b *block) error {
	aborted := newAbortTracker(b.AbortedTransactions)
	for _, records := range b.RecordsSet {
		batch := records.RecordBatch
		if batch.PartialTrailingRecord || p.next >= p.end {
			break
		}
		kind := aborted.kind(batch)
		if batch.LastOffset() < p.next {
			continue
		}
		mem := b.mem
		if batch.Codec != sarama.CompressionNone {
			mem = new(sharedBuffer)
			mem.extendBatch(batch)
		}
		for _, x := range batch.Records {
			offset := batch.FirstOffset + x.OffsetDelta
			if offset < p.next {
				continue
			}
			if offset >= p.end {
				break
			}
			if err := r.record(p, batch, x, kind, mem); err != nil {
				return err
			}
		}
		r.compacted(p, batch.LastOffset()+1)
	}
	r.compacted(p, b.next)
	return nil
}

// record reads one record, whose offset must be at least p.next.
func (r *reader) record(p *rangeReader, batch *sarama.RecordBatch, x *sarama.Record, kind recordKind, mem *sharedBuffer) error {
	offset := batch.FirstOffset + x.OffsetDelta
	r.compacted(p, offset)
	if kind == userMessage {
		m := stream.Message{
			Topic: p.topic, Partition: p.partition, Offset: offset,
			Time: timeOf(batch, x), Key: r.view(mem, x.Key), Value: r.view(mem, x.Value),
		}
		if err := r.out.Add(m, int64(len(x.Key)+len(x.Value)), ocf.WeightOf(x.Value, maxWeight)); err != nil {
			return err
		}
	}
	a := r.out.Account(p.rng, offset)
	a.To = offset + 1
	switch kind {
	case userMessage:
		a.Read++
	case controlMarker:
		a.Control++
	default:
		a.Aborted++
	}
	p.next = offset + 1
	return nil
}

// compacted accounts for the offsets below to as removed by compaction.
func (r *reader) compacted(p *rangeReader, to int64) {
	if to = min(to, p.end); to <= p.next {
		return
	}
	a := r.out.Account(p.rng, p.next)
	a.Compacted += to - p.next
	a.To, p.next = to, to
}

// view returns a key or a value as a view: zero if it is null.
func (r *reader) view(mem *sharedBuffer, v []byte) stream.View {
	if v == nil {
		return stream.View{}
	}
	if len(v) == 0 {
		return stream.View{Buffer: r.empty}
	}
	if out, ok := mem.view(v); ok {
		return out
	}
	return stream.View{Buffer: memory.NewBufferBytes(v), To: len(v)}
}

// timeOf returns the time of a message: the producer's or, if the topic is set so,
// the broker's.
func timeOf(batch *sarama.RecordBatch, x *sarama.Record) time.Time {
	if batch.LogAppendTime {
		return batch.MaxTimestamp
	}
	if batch.FirstTimestamp.IsZero() || batch.MaxTimestamp.Sub(batch.FirstTimestamp) == math.MaxInt64 {
		return time.Time{} // the batch spans centuries: sarama's deltas have wrapped
	}
	return batch.FirstTimestamp.Add(x.TimestampDelta)
}

// recordKind is the kind of the records of a batch.
type recordKind uint8

const (
	userMessage recordKind = iota
	controlMarker
	abortedMessage
)

// abortTracker knows which batches of a block belong to aborted transactions.
// Brokers send the producer and the first offset of each such transaction; it
// lasts until the producer's next abort marker.
type abortTracker struct {
	pending  []*sarama.AbortedTransaction // not begun, by first offset
	aborting map[int64]bool               // by producer
}

func newAbortTracker(list []*sarama.AbortedTransaction) *abortTracker {
	slices.SortFunc(list, func(a, b *sarama.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return &abortTracker{pending: list, aborting: map[int64]bool{}}
}

// kind returns the kind of a batch's records. It must be called for all batches
// in order.
func (a *abortTracker) kind(batch *sarama.RecordBatch) recordKind {
	for len(a.pending) > 0 && a.pending[0].FirstOffset <= batch.LastOffset() {
		a.aborting[a.pending[0].ProducerID] = true
		a.pending = a.pending[1:]
	}
	switch {
	case batch.Control:
		if isAbort(batch) {
			delete(a.aborting, batch.ProducerID)
		}
		return controlMarker
	case batch.IsTransactional && a.aborting[batch.ProducerID]:
		return abortedMessage
	}
	return userMessage
}

// isAbort reports whether a control batch is an abort marker: its key is a version
// and a type, of two bytes each, and the type is 0.
func isAbort(batch *sarama.RecordBatch) bool {
	if len(batch.Records) == 0 {
		return false
	}
	key := batch.Records[0].Key
	return len(key) >= 4 && key[2] == 0 && key[3] == 0
}
