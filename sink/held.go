package sink

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// held keeps records whose rows wait in memory, and knows how much they keep
// alive. A buffer that several of them share counts once: rows may be many
// slices of one record.
type held struct {
	records []arrow.Record
	buffers map[*byte]struct{}
	bytes   int64
}

// add retains a record, and returns the bytes that it adds.
func (h *held) add(r arrow.Record) int64 {
	if h.buffers == nil {
		h.buffers = map[*byte]struct{}{}
	}
	r.Retain()
	h.records = append(h.records, r)
	var n int64
	for _, c := range r.Columns() {
		n += h.count(c.Data())
	}
	h.bytes += n
	return n
}

func (h *held) count(d arrow.ArrayData) (n int64) {
	for _, b := range d.Buffers() {
		if b == nil || b.Len() == 0 {
			continue
		}
		first := unsafe.SliceData(b.Bytes())
		if _, ok := h.buffers[first]; !ok {
			h.buffers[first] = struct{}{}
			n += int64(b.Cap())
		}
	}
	for _, child := range d.Children() {
		n += h.count(child)
	}
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
