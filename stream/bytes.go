package stream

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// RecordBytes is the memory that a record keeps alive, in bytes. A buffer that
// several columns share counts once; a slice of a record keeps the whole.
func RecordBytes(r arrow.Record) int64 {
	seen := make(map[*byte]struct{}, 64)
	var n int64
	for _, c := range r.Columns() {
		n += dataBytes(c.Data(), seen)
	}
	return n
}

func dataBytes(d arrow.ArrayData, seen map[*byte]struct{}) (n int64) {
	for _, b := range d.Buffers() {
		if b == nil || b.Len() == 0 {
			continue
		}
		first := unsafe.SliceData(b.Bytes())
		if _, ok := seen[first]; !ok {
			seen[first] = struct{}{}
			n += int64(b.Cap())
		}
	}
	for _, child := range d.Children() {
		n += dataBytes(child, seen)
	}
	if d.DataType().ID() == arrow.DICTIONARY {
		n += dataBytes(d.Dictionary(), seen)
	}
	return n
}
