package kafka

import (
	"cmp"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// walk hands over what a block has of a part, and accounts for every offset
// that it covers.
func (r *reader) walk(p *part, b *block) error {
	aborted := newAborts(b.AbortedTransactions)
	for _, records := range b.RecordsSet {
		batch := records.RecordBatch
		if batch.PartialTrailingRecord || p.next >= p.end {
			break
		}
		if batch.LastOffset() < p.next {
			aborted.kind(batch) // it may begin or end an aborted transaction
			continue
		}
		kind := aborted.kind(batch)
		in := b.whole
		if batch.Codec != sarama.CompressionNone {
			in = new(buffer)
			in.widenBatch(batch)
		}
		for _, x := range batch.Records {
			offset := batch.FirstOffset + x.OffsetDelta
			if offset < p.next {
				continue
			}
			if offset >= p.end {
				break
			}
			if err := r.record(p, batch, x, kind, in); err != nil {
				return err
			}
		}
		r.compacted(p, batch.LastOffset()+1)
	}
	r.compacted(p, b.next)
	return nil
}

// record takes one record whose offset is p.next or higher.
func (r *reader) record(p *part, batch *sarama.RecordBatch, x *sarama.Record, kind kind, in *buffer) error {
	offset := batch.FirstOffset + x.OffsetDelta
	r.compacted(p, offset)
	if kind == message {
		m := stream.Message{
			Topic: p.topic, Partition: p.partition, Offset: offset,
			Time: timeOf(batch, x), Key: r.view(in, x.Key), Value: r.view(in, x.Value),
		}
		if err := r.out.add(m, x.Value); err != nil {
			return err
		}
	}
	a := r.out.account(p.Range, offset)
	a.To = offset + 1
	switch kind {
	case message:
		a.Read++
	case control:
		a.Control++
	default:
		a.Aborted++
	}
	p.next = offset + 1
	return nil
}

// compacted accounts for offsets up to to that are not there any more.
func (r *reader) compacted(p *part, to int64) {
	if to = min(to, p.end); to <= p.next {
		return
	}
	a := r.out.account(p.Range, p.next)
	a.Compacted += to - p.next
	a.To, p.next = to, to
}

// view is a key or a value as an engine wants it.
func (r *reader) view(in *buffer, v []byte) stream.View {
	if v == nil {
		return stream.View{}
	}
	if len(v) == 0 {
		return stream.View{Buffer: r.none}
	}
	if out, ok := in.view(v); ok {
		return out
	}
	return stream.View{Buffer: memory.NewBufferBytes(v), To: len(v)}
}

// timeOf is the time of a message: its producer's, or that of its arrival if
// the topic has it so.
func timeOf(batch *sarama.RecordBatch, x *sarama.Record) time.Time {
	if batch.LogAppendTime {
		return batch.MaxTimestamp
	}
	if batch.FirstTimestamp.IsZero() {
		return time.Time{}
	}
	return batch.FirstTimestamp.Add(x.TimestampDelta)
}

// kind is what the records of a batch are.
type kind uint8

const (
	message kind = iota
	control
	taken // back, by the abort of their transaction
)

// aborts knows which transactions of a block were aborted. Brokers send the
// producer and the first offset of each that touches the block; it lasts until
// the producer's next abort marker.
type aborts struct {
	to  []*sarama.AbortedTransaction // to come, by first offset
	now map[int64]bool               // by producer
}

func newAborts(list []*sarama.AbortedTransaction) *aborts {
	slices.SortFunc(list, func(a, b *sarama.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return &aborts{to: list, now: map[int64]bool{}}
}

// kind says what a batch is. Batches must come in order.
func (a *aborts) kind(batch *sarama.RecordBatch) kind {
	for len(a.to) > 0 && a.to[0].FirstOffset <= batch.LastOffset() {
		a.now[a.to[0].ProducerID] = true
		a.to = a.to[1:]
	}
	switch {
	case batch.Control:
		if isAbort(batch) {
			delete(a.now, batch.ProducerID)
		}
		return control
	case batch.IsTransactional && a.now[batch.ProducerID]:
		return taken
	}
	return message
}

// isAbort reports whether a control batch is an abort marker: its key is a
// version and a type, two bytes each, and the type is 0.
func isAbort(batch *sarama.RecordBatch) bool {
	if len(batch.Records) == 0 {
		return false
	}
	key := batch.Records[0].Key
	return len(key) >= 4 && key[2] == 0 && key[3] == 0
}
