package parquetfile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Parquet's numbers for encodings.
const (
	encodingPlain      = 0
	encodingRLE        = 3
	encodingDictionary = 8
)

// Parquet's numbers for page types.
const (
	pageData       = 0
	pageDictionary = 2
)

// headerRoom is more than a page header ever takes.
const headerRoom = 64

// chunk is a column chunk in the making, and what the footer says of it.
type chunk struct {
	out    *turns // where its pages go; nil: they stay in pieces
	column int

	pieces []piece  // not written yet
	vals   [][]byte // what the pieces name
	err    error

	codec        int32
	begun        bool  // a page has been written
	offset       int64 // of the first page in the file
	values       int64 // nulls included
	nulls        int64
	raw, stored  int64 // bytes with page headers, before and after compression
	dictionary   int64 // stored bytes of the dictionary page, 0: there is none
	lower, upper []byte
	bounded      bool // lower and upper are known
}

// piece is a page ready to be written: a header and what follows it in a buffer
// that is borrowed, and after it values that are written from where they are,
// each with its length.
type piece struct {
	buf            []byte
	from           int // where the header begins
	valFrom, valTo int
}

func (c *chunk) reset(codec int32) {
	clear(c.vals)
	clear(c.pieces)
	*c = chunk{out: c.out, column: c.column, pieces: c.pieces[:0], vals: c.vals[:0],
		lower: c.lower[:0], upper: c.upper[:0], codec: codec}
}

// pageHeader is what differs between the pages of a chunk.
type pageHeader struct {
	typ      int32
	values   int
	encoding int32
}

// addPage compresses body onto the chunk. Room is left for the header, whose
// size is only known then.
func (e *encoder) addPage(c *chunk, h pageHeader, body []byte) error {
	if len(body) > math.MaxInt32 {
		return tooLarge(len(body))
	}
	buf := e.buffers.get(headerRoom + compressedRoom(len(body), c.codec))[:headerRoom]
	buf, err := e.codec.append(buf, body, c.codec)
	if err != nil {
		return err
	}
	p, err := e.putHeader(c, h, buf, len(body), len(buf)-headerRoom, crc32.ChecksumIEEE(buf[headerRoom:]))
	if err != nil {
		return err
	}
	if h.typ == pageDictionary {
		c.dictionary = c.stored
	}
	c.add(p)
	return nil
}

// addValues adds an uncompressed page of levels and of values that stay where
// they are.
func (e *encoder) addValues(c *chunk, h pageHeader, levels []byte, valFrom, valTo int) error {
	size := len(levels)
	for _, v := range c.vals[valFrom:valTo] {
		size += 4 + len(v)
	}
	buf := append(e.buffers.get(headerRoom + len(levels))[:headerRoom], levels...)
	sum := crc32.ChecksumIEEE(levels)
	var length [4]byte
	for _, v := range c.vals[valFrom:valTo] {
		binary.LittleEndian.PutUint32(length[:], uint32(len(v)))
		sum = crc32.Update(crc32.Update(sum, crc32.IEEETable, length[:]), crc32.IEEETable, v)
	}
	p, err := e.putHeader(c, h, buf, size, size, sum)
	if err != nil {
		return err
	}
	p.valFrom, p.valTo = valFrom, valTo
	c.add(p)
	return nil
}

// add takes a page that is ready. Where the column's turn has come it goes
// into the file, and its buffer, still in the processor's cache, is the next
// page's.
func (c *chunk) add(p piece) {
	c.pieces = append(c.pieces, p)
	if c.out.is(c.column) {
		c.out.file.writePages(c)
	}
}

// putHeader writes a page header right before the page, which begins
// headerRoom after the start of buf.
func (e *encoder) putHeader(c *chunk, h pageHeader, buf []byte, raw, stored int, crc uint32) (piece, error) {
	if stored > math.MaxInt32 {
		return piece{}, tooLarge(stored)
	}
	t := &e.thrift
	t.reset()
	t.begin()
	t.i32(1, h.typ)
	t.i32(2, int32(raw))
	t.i32(3, int32(stored))
	t.i32(4, int32(crc))
	if h.typ == pageData {
		t.structure(5)
		t.i32(1, int32(h.values))
		t.i32(2, h.encoding)
		t.i32(3, encodingRLE)
		t.i32(4, encodingRLE)
		c.values += int64(h.values)
	} else {
		t.structure(7)
		t.i32(1, int32(h.values))
		t.i32(2, encodingPlain)
	}
	t.end()
	t.end()
	from := headerRoom - len(t.buf)
	copy(buf[from:], t.buf)
	c.raw += int64(len(t.buf) + raw)
	c.stored += int64(len(t.buf) + stored)
	return piece{buf: buf, from: from}, nil
}

func tooLarge(n int) error {
	return fmt.Errorf("a page of %d bytes is more than Parquet can hold", n)
}

// appendPlain appends values as PLAIN has them: the length, then the bytes.
func appendPlain(dst []byte, vals [][]byte) []byte {
	for _, v := range vals {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
		dst = append(dst, v...)
	}
	return dst
}
