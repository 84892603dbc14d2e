package parquetfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// leafValues are the decoded values of a column chunk.
type leafValues struct {
	leaf    *leaf
	entries int
	def     []byte // nil if all entries have the highest level
	rep     []byte // nil if the leaf does not repeat
	count   int    // values that are not null

	fixed []byte // values of equal size
	bools []byte // one byte a value
	// Values of strings and bytes: the places of value i are in views[i], in
	// the buffer pages[views[i].page].
	pages [][]byte
	views []view
}

// view is the place of a value in a page.
type view struct {
	page, offset, size int32
}

// decoder holds what decoding needs again and again.
type decoder struct {
	zstd    *zstd.Decoder
	scratch []byte
	indices []uint32
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// maxPage is the largest size of a page before compression.
const maxPage = math.MaxInt32

// inflate returns the content of a page, in memory of its own if keep is true or in
// memory that is used again.
func (d *decoder) inflate(stored []byte, raw, codec int64, keep bool) ([]byte, error) {
	switch codec {
	case codecUncompressed:
		if int64(len(stored)) != raw {
			return nil, fmt.Errorf("%d bytes that are not compressed, not %d", len(stored), raw)
		}
		return stored, nil
	case codecSnappy:
		if n, err := s2.DecodedLen(stored); err != nil || int64(n) != raw {
			return nil, fmt.Errorf("%d bytes after decompression, not %d: %w", n, raw, cmpError(err))
		}
		out, err := s2.Decode(d.buffer(raw, keep), stored)
		return out, err
	}
	if d.zstd == nil {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.IgnoreChecksum(true))
		if err != nil {
			return nil, err
		}
		d.zstd = z
	}
	// The content may claim another size than the page's header, which could be
	// anything: memory grows with what is found.
	var h zstd.Header
	if err := h.Decode(stored); err != nil {
		return nil, err
	}
	if h.HasFCS && int64(h.FrameContentSize) != raw {
		return nil, fmt.Errorf("%d bytes after decompression, not %d", h.FrameContentSize, raw)
	}
	var dst []byte
	if raw <= int64(len(stored))*maxRatio {
		dst = d.buffer(raw, keep)
	}
	out, err := d.zstd.DecodeAll(stored, dst[:0])
	if err == nil && int64(len(out)) != raw {
		err = fmt.Errorf("%d bytes after decompression, not %d", len(out), raw)
	}
	return out, err
}

// maxRatio is the compression ratio above which memory is not reserved in advance.
const maxRatio = 1 << 10

func cmpError(err error) error {
	if err == nil {
		return errors.New("the sizes differ")
	}
	return err
}

// buffer returns n bytes.
func (d *decoder) buffer(n int64, keep bool) []byte {
	if keep {
		return make([]byte, n)
	}
	d.scratch = slices.Grow(d.scratch[:0], int(n))[:n]
	return d.scratch
}

// readHeader is the header of a page that is read.
type readHeader struct {
	typ, raw, stored, values   int64
	encoding, defLevel, repEnc int64
	crc                        uint32
	hasCRC                     bool
}

func parseHeader(b []byte) (h readHeader, size int, err error) {
	h.defLevel, h.repEnc = encodingRLE, encodingRLE
	size, err = thrift.Numbers(b, func(outer, field int16, v int64) {
		switch {
		case outer == 0 && field == 1:
			h.typ = v
		case outer == 0 && field == 2:
			h.raw = v
		case outer == 0 && field == 3:
			h.stored = v
		case outer == 0 && field == 4:
			h.crc, h.hasCRC = uint32(v), true
		case outer != 5 && outer != 7:
		case field == 1:
			h.values = v
		case field == 2:
			h.encoding = v
		case field == 3 && outer == 5:
			h.defLevel = v
		case field == 4 && outer == 5:
			h.repEnc = v
		}
	})
	if err == nil && (h.raw < 0 || h.raw > maxPage || h.stored < 0 || h.values < 0 || h.values > math.MaxInt32) {
		err = fmt.Errorf("%d bytes, %d before compression, %d values", h.stored, h.raw, h.values)
	}
	return h, size, err
}

// decode decodes a column chunk.
func (g *groupReader) decode(d *decoder, l *leaf, c *columnChunk, data []byte) (*leafValues, error) {
	v := &leafValues{leaf: l}
	if l.phys != physBool && l.phys != physBytes {
		size := (c.values - max(c.nulls, 0)) * int64(l.width)
		if size > 0 && size <= max(c.raw, 0) && c.raw <= maxRatio*c.stored {
			v.fixed = make([]byte, 0, size)
		}
	}
	var dict []view // of strings, in v.pages[0]
	for n := 0; len(data) > 0; n++ {
		h, size, err := parseHeader(data)
		if err != nil {
			return nil, fmt.Errorf("header of page %d: %w", n, err)
		}
		data = data[size:]
		if h.stored > int64(len(data)) {
			return nil, fmt.Errorf("page %d is longer than its column", n)
		}
		body := data[:h.stored:h.stored]
		data = data[h.stored:]
		if h.hasCRC && crc32.ChecksumIEEE(body) != h.crc {
			return nil, fmt.Errorf("page %d: its checksum is wrong", n)
		}
		page, err := d.inflate(body, h.raw, c.codec, l.phys == physBytes)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", n, err)
		}
		switch {
		case h.typ == pageDictionary && n == 0 && l.phys == physBytes && h.encoding == encodingPlain:
			v.pages = append(v.pages, page)
			dict, err = appendViews(nil, page, 0, 0, int(h.values))
		case h.typ == pageDictionary || h.typ == pageData && h.encoding != encodingPlain && (h.encoding != encodingDictionary || l.phys != physBytes):
			return nil, fmt.Errorf("%w: page %d of type %d and encoding %d", ErrForm, n, h.typ, h.encoding)
		case h.typ != pageData || h.defLevel != encodingRLE || h.repEnc != encodingRLE:
			return nil, fmt.Errorf("%w: page %d of type %d", ErrForm, n, h.typ)
		default:
			err = v.addPage(d, page, &h, dict)
		}
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", n, err)
		}
	}
	if int64(v.entries) != c.values {
		return nil, fmt.Errorf("its pages hold %d values, not %d", v.entries, c.values)
	}
	return v, nil
}

var errShortPage = errors.New("it is cut short")

// addPage adds the levels and values of a data page.
func (v *leafValues) addPage(d *decoder, page []byte, h *readHeader, dict []view) (err error) {
	n := int(h.values)
	if v.entries > math.MaxInt32-n {
		return errors.New("too many values")
	}
	l := v.leaf
	if l.maxRep > 0 {
		if v.rep, page, _, err = appendPageLevels(v.rep, page, n, l.maxRep, false); err != nil {
			return fmt.Errorf("repetition levels: %w", err)
		}
	}
	have := n
	if l.maxDef > 0 {
		begun := len(v.def)
		if v.def == nil { // all entries so far have the highest level
			uniform := false
			if v.def, page, uniform, err = appendPageLevels(nil, page, n, l.maxDef, true); err == nil && !uniform {
				v.def = append(slices.Repeat([]byte{l.maxDef}, v.entries), v.def...)
				begun = v.entries
			}
		} else {
			v.def, page, _, err = appendPageLevels(v.def, page, n, l.maxDef, false)
		}
		if err != nil {
			return fmt.Errorf("definition levels: %w", err)
		}
		if v.def != nil {
			have = countLevel(v.def[begun:], l.maxDef)
		}
	}
	v.entries += n
	v.count += have
	switch {
	case h.encoding == encodingDictionary:
		return v.addIndices(d, page, have, dict)
	case l.phys == physBytes:
		v.pages = append(v.pages, page)
		if v.views == nil {
			v.views = make([]view, 0, have)
		}
		v.views, err = appendViews(v.views, page, len(v.pages)-1, 0, have)
		return err
	case l.phys == physBool:
		if len(page) < (have+7)/8 {
			return errShortPage
		}
		for i := range have {
			v.bools = append(v.bools, page[i/8]>>(i%8)&1)
		}
		return nil
	}
	if int64(len(page)) < int64(have)*int64(l.width) {
		return errShortPage
	}
	v.fixed = append(v.fixed, page[:have*l.width]...)
	return nil
}

// appendViews appends the places of n values in PLAIN encoding.
func appendViews(views []view, page []byte, number, at, n int) ([]view, error) {
	if n > len(page)/4 {
		return nil, errShortPage
	}
	views = slices.Grow(views, n)
	for range n {
		if at > len(page)-4 {
			return nil, errShortPage
		}
		size := int(binary.LittleEndian.Uint32(page[at:]))
		at += 4
		if size > len(page)-at {
			return nil, errShortPage
		}
		views = append(views, view{int32(number), int32(at), int32(size)})
		at += size
	}
	return views, nil
}

// addIndices adds n values that are indices in the dictionary.
func (v *leafValues) addIndices(d *decoder, page []byte, n int, dict []view) error {
	if len(page) == 0 {
		if n == 0 {
			return nil
		}
		return errShortPage
	}
	width := int(page[0])
	if width > 32 {
		return fmt.Errorf("indices of %d bits", width)
	}
	var err error
	if d.indices, _, err = appendHybridValues(d.indices[:0], page[1:], n, width); err != nil {
		return fmt.Errorf("indices: %w", err)
	}
	v.views = slices.Grow(v.views, n)
	for _, i := range d.indices {
		if int64(i) >= int64(len(dict)) {
			return fmt.Errorf("index %d in a dictionary of %d values", i, len(dict))
		}
		v.views = append(v.views, dict[i])
	}
	return nil
}

// countLevel counts the levels that are the highest.
func countLevel(levels []byte, highest byte) (n int) {
	for _, l := range levels {
		if l == highest {
			n++
		}
	}
	return n
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
	if levels, _, err = appendHybridValues(levels, b, n, width); err != nil {
		return levels, nil, false, err
	}
	for _, l := range levels[begun:] {
		if l > highest {
			return levels, nil, false, fmt.Errorf("level %d above %d", l, highest)
		}
	}
	return levels, rest, false, nil
}

// appendHybridValues appends n values of Parquet's RLE/bit-packing hybrid encoding.
func appendHybridValues[T uint8 | uint32](dst []T, b []byte, n, width int) ([]T, []byte, error) {
	if n > 0 && n <= 1<<20 || n <= len(b)*1024 { // else a short page claims many values: grow with them
		dst = slices.Grow(dst, n)
	}
	for n > 0 {
		head, k := binary.Uvarint(b)
		if k <= 0 {
			return dst, nil, errShortPage
		}
		b = b[k:]
		if head&1 == 0 { // a run
			size := (width + 7) / 8
			if len(b) < size {
				return dst, nil, errShortPage
			}
			var v uint32
			for i := range size {
				v |= uint32(b[i]) << (8 * i)
			}
			b = b[size:]
			count := int(min(head>>1, uint64(n)))
			if count == 0 {
				return dst, nil, errors.New("an empty run")
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
			return dst, nil, errShortPage
		}
		size := int(groups) * width
		if size > len(b) {
			return dst, nil, errShortPage
		}
		count := min(int(groups)*8, n)
		dst = appendUnpacked(dst, b[:size], count, width)
		b = b[size:]
		n -= count
	}
	return dst, b, nil
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
