package parquetfile

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

const (
	// dictionaryBytes bounds a dictionary. In a larger one, looking up values
	// costs readers more than it saves.
	dictionaryBytes = 256 << 10
	// dictionaryTrial is the number of distinct values after which a column
	// that repeats few of them gets no dictionary.
	dictionaryTrial = 4096
)

// dictionary numbers the distinct values of a string column in order of their
// first occurrence.
type dictionary struct {
	seed  maphash.Seed
	total int // the largest possible number of values
	vals  [][]byte
	size  int      // of vals in PLAIN encoding
	table []uint32 // hash table with open addressing: index in vals plus one
	idx   []uint32 // index in vals of every value so far
}

func (d *dictionary) reset(total int) {
	if d.table == nil {
		d.seed = maphash.MakeSeed()
		d.table = make([]uint32, 1024)
	}
	clear(d.table)
	clear(d.vals)
	d.vals, d.idx, d.size, d.total = d.vals[:0], d.idx[:0], 0, total
}

// add numbers vals. It returns false once a dictionary is not worthwhile; the
// dictionary must then be reset.
func (d *dictionary) add(vals [][]byte) bool {
	for _, v := range vals {
		// Consecutive values are often equal.
		if n := len(d.idx); n > 0 && bytes.Equal(v, d.vals[d.idx[n-1]]) {
			d.idx = append(d.idx, d.idx[n-1])
			continue
		}
		d.idx = append(d.idx, d.find(v))
		if d.giveUp() {
			return false
		}
	}
	return true
}

func (d *dictionary) giveUp() bool {
	n := len(d.vals)
	return d.size > dictionaryBytes || n*2 > d.total || n > dictionaryTrial && n*8 > len(d.idx)*7
}

// worthwhile reports whether values repeat often enough for a dictionary.
func (d *dictionary) worthwhile() bool {
	return len(d.vals)*2 <= len(d.idx)
}

// width returns the number of bits of an index, which is never 0: not every
// reader supports that.
func (d *dictionary) width() int {
	return max(1, bits.Len(uint(len(d.vals)-1)))
}

func (d *dictionary) find(v []byte) uint32 {
	if len(d.vals)*2 >= len(d.table) {
		d.rehash()
	}
	at := d.slot(v)
	if id := d.table[at]; id != 0 {
		return id - 1
	}
	d.vals = append(d.vals, v)
	d.size += 4 + len(v)
	d.table[at] = uint32(len(d.vals))
	return uint32(len(d.vals) - 1)
}

// slot returns the position of v in the table, or where to insert it.
func (d *dictionary) slot(v []byte) uint64 {
	mask := uint64(len(d.table) - 1)
	at := maphash.Bytes(d.seed, v) & mask
	for d.table[at] != 0 && !bytes.Equal(d.vals[d.table[at]-1], v) {
		at = (at + 1) & mask
	}
	return at
}

func (d *dictionary) rehash() {
	d.table = make([]uint32, 2*len(d.table))
	for i, v := range d.vals {
		d.table[d.slot(v)] = uint32(i + 1)
	}
}

// clear drops the values.
func (d *dictionary) clear() {
	clear(d.vals[:cap(d.vals)])
	d.vals = d.vals[:0]
}
