package sink

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// held keeps records whose rows wait in memory, and knows how much they keep
// alive. A buffer that several of them share counts once: rows may be many
// slices of one record.
type held struct {
	records []arrow.Record
	buffers recordsize.Buffers
	bytes   int64
}

// add retains a record, and returns the bytes that it adds.
func (h *held) add(r arrow.Record) int64 {
	if h.buffers == nil {
		h.buffers = recordsize.Buffers{}
	}
	r.Retain()
	h.records = append(h.records, r)
	n := h.buffers.Add(r)
	h.bytes += n
	return n
}

func (h *held) release() {
	for _, r := range h.records {
		r.Release()
	}
	clear(h.records)
	clear(h.buffers)
	h.records, h.bytes = h.records[:0], 0
}
