package kafka

import (
	"reflect"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// rangeReader is a range being read. The reader owns next and waiting; while a
// fetcher runs, it owns the last group of fields.
type rangeReader struct {
	partitionID
	rng        stream.Range
	next       int64                   // the first offset not read
	end        int64                   // the first offset lost by truncation, or rng.To
	gone       bool                    // the partition no longer exists
	unreadable *stream.UnreadableError // the rest, from end on, until it is reported
	leader     string
	epoch      int32
	waiting    []*block // fetched but not read, in order

	fetched int64 // the first offset not fetched
	held    int64 // the memory taken by fetched blocks, some of it perhaps released
}

// block is the part of a response that belongs to one range.
type block struct {
	*sarama.FetchResponseBlock
	next int64 // the first offset not covered
	mem  *sharedBuffer
	held int64         // the memory that it takes, in bytes
	read chan struct{} // closed when its messages were read
}

// open reports whether offsets of the range remain to be fetched.
func (p *rangeReader) open() bool { return !p.gone && p.rng.To != ledger.UnknownEnd && p.next < p.end }

func (p *rangeReader) samePartition(q *rangeReader) bool {
	return p.topic == q.topic && p.partition == q.partition
}

// covered returns the first offset not covered by a block that was fetched from
// the offset from. Records are in RecordsSet, except for batches that compaction
// has emptied: sarama keeps only their end, in an unexported field. It matters
// if the block has nothing else.
func covered(b *sarama.FetchResponseBlock, from int64) int64 {
	next := from
	for _, r := range b.RecordsSet {
		switch batch := r.RecordBatch; {
		case batch == nil:
		case batch.PartialTrailingRecord:
			next = max(next, batch.FirstOffset) // the batches before it were empty
		default:
			next = max(next, batch.LastOffset()+1)
		}
	}
	if len(b.RecordsSet) > 0 {
		return next
	}
	f := reflect.ValueOf(b).Elem().FieldByName("recordsNextOffset")
	if f.Kind() != reflect.Pointer || f.IsNil() || f.Elem().Kind() != reflect.Int64 {
		return next
	}
	return max(next, f.Elem().Int())
}
