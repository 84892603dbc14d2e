package parquetfile

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

const (
	// dictionaryBytes bounds a dictionary: beyond, looking values up costs a
	// reader more than it saves.
	dictionaryBytes = 256 << 10
	// dictionaryTrial is how many different values must come before a column
	// that hardly repeats any is given up.
	dictionaryTrial = 4096
)

// dictionary numbers the different values of a string column as they come.
type dictionary struct {
	seed  maphash.Seed
	total int // values that will come, at most
	vals  [][]byte
	size  int      // of the values as PLAIN writes them
	table []uint32 // open addressing by hash: the number of a value plus one
	idx   []uint32 // the number of every value so far
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

// add numbers vals. It answers false once a dictionary will not pay; what it
// did till then means nothing.
func (d *dictionary) add(vals [][]byte) bool {
	for _, v := range vals {
		// Neighbours are often equal.
		if n := len(d.idx); n > 0 && bytes.Equal(v, d.vals[d.idx[n-1]]) {
			d.idx = append(d.idx, d.idx[n-1])
			continue
		}
		d.idx = append(d.idx, d.find(v))
		if d.hopeless() {
			return false
		}
	}
	return true
}

func (d *dictionary) hopeless() bool {
	n := len(d.vals)
	return d.size > dictionaryBytes || n*2 > d.total || n > dictionaryTrial && n*8 > len(d.idx)*7
}

// pays tells whether the values are few beside how often they come.
func (d *dictionary) pays() bool {
	return len(d.vals)*2 <= len(d.idx)
}

// width is the bits of an index; not every reader takes an index of none.
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

// slot answers where v stands or would.
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

// letGo forgets the values.
func (d *dictionary) letGo() {
	clear(d.vals[:cap(d.vals)])
	d.vals = d.vals[:0]
}
