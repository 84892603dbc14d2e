package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// levelList holds the levels of a column chunk.
type levelList struct {
	maxDef, maxRep uint8
	entries        int
	count          int    // entries of the highest definition level: values that are not null
	def            []byte // nil if all entries have the highest level
	rep            []byte // nil if the column does not repeat

	encoded []byte // if the chunk has one page
	valid   bitmap // of the entries from slot on, if known
	slot    uint8
	known   bool
}

// sharedLevels are the latest levels in a row group. Columns of one list mostly have
// equal ones.
type sharedLevels struct {
	lists [4]*levelList
	next  int
}

// find returns levels of n entries with which a page begins, or nil.
func (s *sharedLevels) find(page []byte, n int, l *leaf) *levelList {
	for _, list := range s.lists {
		if list != nil && list.entries == n && list.maxDef == l.maxDef && list.maxRep == l.maxRep && bytes.HasPrefix(page, list.encoded) {
			return list
		}
	}
	return nil
}

func (s *sharedLevels) add(list *levelList) {
	s.lists[s.next] = list
	s.next = (s.next + 1) % len(s.lists)
}

// addLevels adds the levels at the beginning of a page of n entries. It returns the
// rest of the page and the number of values in it. If whole is true, the page is the
// only one of its chunk.
func (d *decoder) addLevels(v *leafValues, page []byte, n int, whole bool) (rest []byte, have int, err error) {
	l := v.leaf
	if whole && l.maxRep > 0 {
		if list := d.levels.find(page, n, l); list != nil {
			v.levelList = list
			return page[len(list.encoded):], list.count, nil
		}
	}
	rest = page
	if l.maxRep > 0 {
		if v.rep, rest, _, err = appendPageLevels(v.rep, rest, n, l.maxRep, false); err != nil {
			return nil, 0, fmt.Errorf("repetition levels: %w", err)
		}
	}
	have = n
	if l.maxDef > 0 {
		if rest, have, err = v.addDefinitions(rest, n); err != nil {
			return nil, 0, fmt.Errorf("definition levels: %w", err)
		}
	}
	v.entries += n
	v.count += have
	if whole && l.maxRep > 0 {
		v.encoded = bytes.Clone(page[:len(page)-len(rest)])
		d.levels.add(v.levelList)
	}
	return rest, have, nil
}

// addDefinitions adds n definition levels, and returns the number of the highest.
func (v *leafValues) addDefinitions(page []byte, n int) (rest []byte, have int, err error) {
	highest, begun := v.leaf.maxDef, v.entries
	if v.def != nil {
		v.def, rest, _, err = appendPageLevels(v.def, page, n, highest, false)
	} else { // all entries so far have the highest level
		uniform := false
		if v.def, rest, uniform, err = appendPageLevels(nil, page, n, highest, true); err != nil || uniform {
			return rest, n, err
		}
		if begun > 0 {
			v.def = append(slices.Repeat([]byte{highest}, begun), v.def...)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	return rest, bytes.Count(v.def[begun:], []byte{highest}), nil
}

// leafValidity returns which of the entries from level slot on are not null.
func (v *levelList) leafValidity(slot uint8) *bitmap {
	if v.known && v.slot == slot {
		return &v.valid
	}
	v.known, v.slot, v.valid = true, slot, bitmap{n: v.entries}
	if v.def == nil {
		return &v.valid
	}
	out := make([]byte, bitutil.BytesForBits(int64(v.entries)))
	n := 0
	for _, d := range v.def {
		if d < slot {
			continue
		}
		set := byte(0)
		if d == v.maxDef {
			set = 1
		}
		out[n>>3] |= set << (n & 7)
		n++
	}
	v.valid = bitmap{bits: out, n: n, nulls: n - v.count}
	return &v.valid
}

// appendPageLevels appends the n levels at the beginning of a page, and returns the
// rest of the page. If whole is true and all levels are the highest, it appends
// nothing and reports that.
func appendPageLevels(levels, page []byte, n int, highest uint8, whole bool) (_, rest []byte, uniform bool, err error) {
	if len(page) < 4 {
		return levels, nil, false, errShortPage
	}
	size := binary.LittleEndian.Uint32(page)
	page = page[4:]
	if uint64(size) > uint64(len(page)) {
		return levels, nil, false, errShortPage
	}
	b, rest := page[:size], page[size:]
	width := bits.Len8(highest)
	if whole {
		if head, k := binary.Uvarint(b); k > 0 && head&1 == 0 && head>>1 >= uint64(n) && len(b) == k+1 && b[k] == highest {
			return levels, rest, true, nil
		}
	}
	begun := len(levels)
	if levels, err = appendHybridValues(levels, b, n, width); err != nil {
		return levels, nil, false, err
	}
	if highest == 1<<width-1 {
		return levels, rest, false, nil
	}
	for _, l := range levels[begun:] {
		if l > highest {
			return levels, nil, false, fmt.Errorf("level %d above %d", l, highest)
		}
	}
	return levels, rest, false, nil
}

// appendHybridValues appends n values of Parquet's RLE/bit-packing hybrid encoding.
func appendHybridValues[T uint8 | uint32](dst []T, b []byte, n, width int) ([]T, error) {
	if n <= 1<<20 || n <= len(b)*1024 { // else a short page claims many values: grow with them
		dst = slices.Grow(dst, n)
	}
	for n > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 {
			return dst, errShortPage
		}
		b = b[k:]
		if head&1 == 0 { // a run
			size := (width + 7) / 8
			if len(b) < size {
				return dst, errShortPage
			}
			var v uint32
			for i := range size {
				v |= uint32(b[i]) << (8 * i)
			}
			b = b[size:]
			count := int(min(head>>1, uint64(n)))
			if count == 0 {
				return dst, errors.New("an empty run")
			}
			from := len(dst)
			dst = slices.Grow(dst, count)[:from+count]
			run, value := dst[from:], T(v)
			for i := range run {
				run[i] = value
			}
			n -= count
			continue
		}
		groups := head >> 1
		if groups == 0 || groups > uint64(len(b)) {
			return dst, errShortPage
		}
		size := int(groups) * width
		if size > len(b) {
			return dst, errShortPage
		}
		count := min(int(groups)*8, n)
		dst = appendUnpacked(dst, b[:size], count, width)
		b = b[size:]
		n -= count
	}
	return dst, nil
}

// appendUnpacked appends n values of width bits each.
func appendUnpacked[T uint8 | uint32](dst []T, b []byte, n, width int) []T {
	if width == 1 {
		for i := 0; i < n; i += 8 {
			x := b[i/8]
			if n-i >= 8 {
				dst = append(dst, T(x&1), T(x>>1&1), T(x>>2&1), T(x>>3&1), T(x>>4&1), T(x>>5&1), T(x>>6&1), T(x>>7))
				continue
			}
			for k := range n - i {
				dst = append(dst, T(x>>k&1))
			}
		}
		return dst
	}
	var acc uint64
	var have int
	mask := uint64(1)<<width - 1
	for range n {
		for have < width {
			if len(b) >= 4 && have <= 32 {
				acc |= uint64(binary.LittleEndian.Uint32(b)) << have
				b, have = b[4:], have+32
				continue
			}
			acc |= uint64(b[0]) << have
			b, have = b[1:], have+8
		}
		dst = append(dst, T(acc&mask))
		acc >>= width
		have -= width
	}
	return dst
}
