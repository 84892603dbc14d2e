package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// leafValues are the decoded values of a column chunk.
type leafValues struct {
	leaf *leaf
	*levelList

	fixed []byte // values of equal size
	bools []byte // one byte a value
	// The values of strings, one after the other, and where each ends.
	text []byte
	ends []int32
	// The values of bytes: value i is at views[i], in the page pages[views[i].page].
	pages [][]byte
	views []view
}

// view is the place of a value in a page.
type view struct {
	page, offset, size int32
}

// decoder holds what decoding needs again and again.
type decoder struct {
	window  window
	levels  sharedLevels
	zstd    *zstd.Decoder
	scratch []byte // a page after decompression
	indices []uint32
	dict    []byte // a dictionary page
	places  []view // of the values in dict
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// free makes d available again, without what it holds of unusually large pages.
func (d *decoder) free() {
	d.window.src = nil
	d.levels = sharedLevels{}
	if cap(d.window.buf) > maxWindow {
		d.window.buf = nil
	}
	if cap(d.scratch) > maxReused {
		d.scratch = nil
	}
	if cap(d.dict) > maxReused || cap(d.indices) > maxReused/4 {
		d.dict, d.places, d.indices = nil, nil, nil
	}
	decoders.Put(d)
}

const (
	// maxPage is the largest size of a page before compression.
	maxPage = math.MaxInt32
	// maxRatio is more than any page can shrink: Zstandard stores 128 KiB in four
	// bytes at best.
	maxRatio = 1 << 15
	// maxEmpty is the number of values of a page which may be more than the bytes of its
	// file: of a row's list of nulls.
	maxEmpty = 64 << 20
)

// inflate returns the content of a page, which is valid until the next call.
func (d *decoder) inflate(stored []byte, raw, codec int64) (out []byte, err error) {
	if raw > maxRatio*int64(len(stored)) {
		return nil, fmt.Errorf("%d bytes cannot hold %d", len(stored), raw)
	}
	switch codec {
	case codecUncompressed:
		out = stored
	case codecSnappy:
		n, err := s2.DecodedLen(stored)
		if err != nil || int64(n) != raw {
			return nil, errors.Join(fmt.Errorf("%d bytes after decompression, not %d", n, raw), err)
		}
		if out, err = s2.Decode(d.buffer(raw), stored); err != nil {
			return nil, err
		}
	default:
		if err := d.checkFrame(stored, raw); err != nil {
			return nil, err
		}
		if out, err = d.zstd.DecodeAll(stored, d.buffer(raw)[:0]); err != nil {
			return nil, err
		}
	}
	if int64(len(out)) != raw {
		return nil, fmt.Errorf("%d bytes after decompression, not %d", len(out), raw)
	}
	return out, nil
}

// checkFrame checks that a Zstandard frame claims no other size than the page's
// header, since memory is reserved for it, and makes a decoder if there is none.
func (d *decoder) checkFrame(stored []byte, raw int64) (err error) {
	if d.zstd == nil {
		if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.IgnoreChecksum(true)); err != nil {
			return err
		}
	}
	var h zstd.Header
	if err := h.Decode(stored); err != nil {
		return err
	}
	if h.HasFCS && int64(h.FrameContentSize) != raw {
		return fmt.Errorf("%d bytes after decompression, not %d", h.FrameContentSize, raw)
	}
	return nil
}

// buffer returns n bytes.
func (d *decoder) buffer(n int64) []byte {
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

// decode reads and decodes a column chunk.
func (d *decoder) decode(l *leaf, c *columnChunk) (*leafValues, error) {
	v := &leafValues{leaf: l, levelList: &levelList{maxDef: l.maxDef, maxRep: l.maxRep}}
	for at, n := c.start, 0; at < c.end(); n++ {
		size, err := d.decodePage(v, c, at, n)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", n, err)
		}
		at += size
	}
	if int64(v.entries) != c.values {
		return nil, fmt.Errorf("its pages hold %d values, not %d", v.entries, c.values)
	}
	return v, nil
}

// decodePage reads and decodes page n of a chunk, and returns its size.
func (d *decoder) decodePage(v *leafValues, c *columnChunk, at int64, n int) (size int64, err error) {
	left := c.end() - at
	head, err := d.window.bytes(at, min(left, 2*maxHeader))
	if err != nil {
		return 0, err
	}
	h, k, err := parseHeader(head)
	if err != nil {
		return 0, fmt.Errorf("header: %w", err)
	}
	size = int64(k) + h.stored
	if size > left {
		return 0, errors.New("it is longer than its column")
	}
	stored, err := d.window.bytes(at+int64(k), h.stored)
	if err != nil {
		return 0, err
	}
	if h.hasCRC && crc32.ChecksumIEEE(stored) != h.crc {
		return 0, errors.New("its checksum is wrong")
	}
	page, err := d.inflate(stored, h.raw, c.codec)
	if err != nil {
		return 0, err
	}
	indexed := h.encoding == encodingDictionary && v.leaf.node.typ.ID() == arrow.STRING
	switch {
	case h.typ == pageDictionary && n == 0 && v.leaf.node.typ.ID() == arrow.STRING && h.encoding == encodingPlain:
		d.dict = append(d.dict[:0], page...)
		d.places, err = appendViews(d.places[:0], d.dict, 0, int(h.values))
	case h.typ != pageData || h.encoding != encodingPlain && !(indexed && c.dict > 0) || h.defLevel != encodingRLE || h.repEnc != encodingRLE:
		err = fmt.Errorf("its type %d or encoding %d is unknown", h.typ, h.encoding)
	case h.values > max(maxEmpty, d.window.size):
		err = fmt.Errorf("%d values cannot be in a file of %d bytes", h.values, d.window.size)
	case h.values > c.values-int64(v.entries):
		err = fmt.Errorf("its column has more than %d values", c.values)
	default:
		err = d.addPage(v, page, &h, c)
	}
	return size, err
}

var errShortPage = errors.New("it is cut short")

// addPage adds the levels and values of a data page.
func (d *decoder) addPage(v *leafValues, page []byte, h *readHeader, c *columnChunk) error {
	l := v.leaf
	page, have, err := d.addLevels(v, page, int(h.values), h.values == c.values)
	if err != nil {
		return err
	}
	switch {
	case h.encoding == encodingDictionary:
		return d.addIndices(v, page, have)
	case l.phys == physBytes:
		return v.addBytes(page, have)
	case l.phys == physBool:
		if len(page) < (have+7)/8 {
			return errShortPage
		}
		v.bools = appendUnpacked(v.bools, page, have, 1)
		return nil
	}
	if int64(len(page)) < int64(have)*int64(l.width) {
		return errShortPage
	}
	if v.fixed == nil && h.values < c.values {
		// More pages follow. Size is what all values need, unless the footer is wrong.
		if size := (c.values - max(c.nulls, 0)) * int64(l.width); size > 0 && size <= c.raw && c.raw <= maxRatio*c.stored {
			v.fixed = make([]byte, 0, size)
		}
	}
	v.fixed = append(v.fixed, page[:have*l.width]...)
	return nil
}

// addBytes adds n strings or values of bytes in PLAIN encoding.
func (v *leafValues) addBytes(page []byte, n int) (err error) {
	if v.leaf.node.typ.ID() != arrow.STRING {
		// The copy is cheaper than reading into memory that must be cleared first.
		page = bytes.Clone(page)
		v.pages = append(v.pages, page)
		v.views, err = appendViews(v.views, page, int32(len(v.pages)-1), n)
		return err
	}
	if n > len(page)/4 {
		return errShortPage
	}
	if err := v.growText(len(page)-4*n, n); err != nil {
		return err
	}
	for range n {
		if len(page) < 4 {
			return errShortPage
		}
		size := binary.LittleEndian.Uint32(page)
		if page = page[4:]; uint64(size) > uint64(len(page)) {
			return errShortPage
		}
		v.text = append(v.text, page[:size]...)
		v.ends = append(v.ends, int32(len(v.text)))
		page = page[size:]
	}
	return nil
}

// growText makes room for n strings of together size bytes.
func (v *leafValues) growText(size, n int) error {
	if size > math.MaxInt32-len(v.text) {
		return fmt.Errorf("a row group with more than %d bytes of text", math.MaxInt32)
	}
	v.text = slices.Grow(v.text, size)
	v.ends = slices.Grow(v.ends, n)
	return nil
}

// appendViews appends the places of n values in PLAIN encoding.
func appendViews(views []view, page []byte, number int32, n int) ([]view, error) {
	at := 0
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
		views = append(views, view{number, int32(at), int32(size)})
		at += size
	}
	return views, nil
}

// addIndices adds n strings that are indices in the dictionary.
func (d *decoder) addIndices(v *leafValues, page []byte, n int) (err error) {
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
	if d.indices, err = appendHybridValues(d.indices[:0], page[1:], n, width); err != nil {
		return fmt.Errorf("indices: %w", err)
	}
	size := 0
	for _, i := range d.indices {
		if int64(i) >= int64(len(d.places)) {
			return fmt.Errorf("index %d in a dictionary of %d values", i, len(d.places))
		}
		size += int(d.places[i].size)
	}
	if err := v.growText(size, n); err != nil {
		return err
	}
	for _, i := range d.indices {
		p := d.places[i]
		v.text = append(v.text, d.dict[p.offset:p.offset+p.size]...)
		v.ends = append(v.ends, int32(len(v.text)))
	}
	return nil
}
