package kafka

import (
	"reflect"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// part is a range that is being read. The reader owns next and what is in
// waiting; a fetcher owns what comes behind that while it runs.
type part struct {
	name
	stream.Range
	next    int64 // offsets below it have been handed over
	end     int64 // offsets from it on, up to To, are lost
	gone    bool  // the partition is no more
	leader  string
	epoch   int32
	waiting []*block // fetched and not yet read, in order

	ahead int64     // offsets below it have been fetched
	held  int64     // the memory that these take, and may have left
	heard time.Time // when the leader was last known to have this very partition
}

// block is what a fetch brought of a part.
type block struct {
	*sarama.FetchResponseBlock
	next  int64 // what it covers ends here
	whole *buffer
}

// open reports whether there is something left to fetch.
func (p *part) open() bool { return !p.gone && p.To != ledger.UnknownEnd && p.next < p.end }

// sibling reports whether two parts are of one partition.
func (p *part) sibling(q *part) bool { return p.topic == q.topic && p.partition == q.partition }

// covered returns the offset behind what a block explains, from where it was
// fetched. Records are in RecordsSet, except for batches that compaction has
// emptied: of these sarama keeps the end only, in a field that it does not
// export. It matters if there is nothing else in the block.
func covered(b *sarama.FetchResponseBlock, from int64) int64 {
	next := from
	for _, r := range b.RecordsSet {
		switch batch := r.RecordBatch; {
		case batch == nil:
		case batch.PartialTrailingRecord:
			next = max(next, batch.FirstOffset) // what lies before it was empty
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
