package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// retainedRecords retains records whose rows are buffered, and counts the memory
// that they keep alive and that the levels of their lists take when they are
// written. A buffer that several records share counts once: the records may be
// slices of one.
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
	for _, c := range rec.Columns() {
		n += levelBytes(c.Data())
	}
	r.bytes += n
	return n
}

// levelBytes returns the memory that a column's levels take in a row group: two
// bytes for each element of a list; and for a struct with nulls one byte each, and
// the ranges that are not null. A record may need less for the values themselves:
// a bit for a boolean, nothing for a null.
func levelBytes(d arrow.ArrayData) (n int64) {
	isStruct := d.DataType().ID() == arrow.STRUCT
	if isStruct {
		if nulls := nullCount(d); nulls > 0 {
			n = int64(d.Len() + rangeBytes*min(nulls, d.Len()-nulls))
		}
	}
	for _, child := range d.Children() {
		if !isStruct {
			n += 2 * int64(child.Len())
		}
		n += levelBytes(child)
	}
	return n
}

// rangeBytes is the memory of a range in a slice that grows.
const rangeBytes = 48

func nullCount(d arrow.ArrayData) int {
	valid := d.Buffers()[0]
	switch {
	case d.NullN() >= 0:
		return d.NullN()
	case valid == nil:
		return 0
	}
	return d.Len() - bitutil.CountSetBits(valid.Bytes(), d.Offset(), d.Len())
}

func (r *retainedRecords) release() {
	for _, rec := range r.records {
		rec.Release()
	}
	clear(r.records)
	clear(r.buffers)
	r.records, r.bytes = r.records[:0], 0
}
