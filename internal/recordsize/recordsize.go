// Package recordsize measures the memory that Arrow records keep alive.
package recordsize

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
)

// Buffers are the buffers of some records: their sizes in bytes, keyed by the
// addresses of their first bytes. A buffer that several records or columns
// share counts once; a slice of a record keeps the whole buffers.
type Buffers map[*byte]int64

// Of returns the memory that a record keeps alive, in bytes.
func Of(r arrow.Record) int64 { return Buffers{}.Add(r) }

// Add adds the buffers of a record, and returns the bytes that were not in b.
func (b Buffers) Add(r arrow.Record) (added int64) {
	for _, c := range r.Columns() {
		added += b.add(c.Data())
	}
	return added
}

func (b Buffers) add(d arrow.ArrayData) (added int64) {
	for _, buf := range d.Buffers() {
		if buf == nil || buf.Len() == 0 {
			continue
		}
		first := unsafe.SliceData(buf.Bytes())
		if size := int64(buf.Cap()); size > b[first] {
			added += size - b[first]
			b[first] = size
		}
	}
	for _, child := range d.Children() {
		added += b.add(child)
	}
	if d.DataType().ID() == arrow.DICTIONARY {
		added += b.add(d.Dictionary())
	}
	return added
}
