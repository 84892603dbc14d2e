package sink

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// retainedRecords retains records whose rows are buffered, and counts the memory
// that they keep alive. A buffer that several records share counts once: the
// records may be slices of one.
type retainedRecords struct {
	records []arrow.Record
	buffers recordsize.Buffers
	bytes   int64
}

// add retains a record and returns the bytes that it adds.
func (r *retainedRecords) add(rec arrow.Record) int64 {
	if r.buffers == nil {
		r.buffers = recordsize.Buffers{}
	}
	rec.Retain()
	r.records = append(r.records, rec)
	n := r.buffers.Add(rec)
	r.bytes += n
	return n
}

func (r *retainedRecords) release() {
	for _, rec := range r.records {
		rec.Release()
	}
	clear(r.records)
	clear(r.buffers)
	r.records, r.bytes = r.records[:0], 0
}
