package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
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

// maxHeader is larger than any page header.
const maxHeader = 64

// chunk is a column chunk that is being encoded, with its entry in the footer.
type chunk struct {
	out    *columnOrder // if nil, the pages remain in pieces
	column int

	pieces []piece  // not yet written
	vals   [][]byte // the values of pieces
	err    error

	codec        int32
	begun        bool  // a page has been written
	offset       int64 // of the first page in the file
	values       int64 // including nulls
	nulls        int64
	raw, stored  int64 // bytes with page headers, before and after compression
	dictionary   int64 // stored bytes of the dictionary page, 0 if there is none
	lower, upper []byte
	bounded      bool // lower and upper are set
}

// piece is an encoded page. Uncompressed binary values are not copied into buf:
// they follow it in the file, each after its length.
type piece struct {
	buf            []byte // from encoder.buffers
	from           int    // start of the header in buf
	valFrom, valTo int    // range of the chunk's vals
}

func (c *chunk) reset(codec int32) {
	clear(c.vals)
	clear(c.pieces)
	*c = chunk{out: c.out, column: c.column, pieces: c.pieces[:0], vals: c.vals[:0],
		lower: c.lower[:0], upper: c.upper[:0], codec: codec}
}

// pageHeader holds what differs between the pages of a chunk.
type pageHeader struct {
	typ      int32
	values   int
	encoding int32
}

// addPage compresses body and adds it to the chunk as a page. It leaves room for
// the header, which is written last because it holds the compressed size.
func (e *encoder) addPage(c *chunk, h pageHeader, body []byte) error {
	if len(body) > math.MaxInt32 {
		return tooLarge(len(body))
	}
	buf := e.buffers.get(maxHeader + maxCompressed(len(body), c.codec))[:maxHeader]
	buf, err := e.codec.append(buf, body, c.codec)
	if err != nil {
		return err
	}
	p, err := e.putHeader(c, h, buf, len(body), len(buf)-maxHeader, crc32.ChecksumIEEE(buf[maxHeader:]))
	if err != nil {
		return err
	}
	if h.typ == pageDictionary {
		c.dictionary = c.stored
	}
	c.add(p)
	return nil
}

// addLarge adds a page of levels and values, which zstd compresses from where they
// are: a copy and a buffer for the worst case would take three times their memory.
func (e *encoder) addLarge(c *chunk, h pageHeader, levels []byte, vals [][]byte) error {
	size := len(levels) + plainSize(vals)
	if size > math.MaxInt32 {
		return tooLarge(size)
	}
	out := bytes.NewBuffer(make([]byte, maxHeader))
	z, err := newZstd(out, false)
	if err != nil {
		return err
	}
	z.ResetContentSize(out, int64(size))
	_, err = z.Write(levels)
	var length [4]byte
	for _, v := range vals {
		binary.LittleEndian.PutUint32(length[:], uint32(len(v)))
		if err == nil {
			_, err = z.Write(length[:])
		}
		if err == nil {
			_, err = z.Write(v)
		}
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	buf := out.Bytes()
	p, err := e.putHeader(c, h, buf, size, len(buf)-maxHeader, crc32.ChecksumIEEE(buf[maxHeader:]))
	if err == nil {
		c.add(p)
	}
	return err
}

// addValues adds an uncompressed page of levels and values, without copying the
// values.
func (e *encoder) addValues(c *chunk, h pageHeader, levels []byte, valFrom, valTo int) error {
	size := len(levels) + plainSize(c.vals[valFrom:valTo])
	buf := append(e.buffers.get(maxHeader + len(levels))[:maxHeader], levels...)
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

// add adds a page. If the column is the next in the file, the page is written
// at once, so that the next page reuses its buffer from the processor's cache.
func (c *chunk) add(p piece) {
	c.pieces = append(c.pieces, p)
	if c.out.isNext(c.column) {
		c.out.file.writePages(c)
	}
}

// putHeader writes a page header directly before the page, which begins at
// buf[maxHeader].
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
	from := maxHeader - len(t.buf)
	copy(buf[from:], t.buf)
	c.raw += int64(len(t.buf) + raw)
	c.stored += int64(len(t.buf) + stored)
	return piece{buf: buf, from: from}, nil
}

func tooLarge(n int) error {
	return fmt.Errorf("a page of %d bytes is larger than Parquet allows", n)
}

// plainSize returns the size of values in PLAIN encoding.
func plainSize(vals [][]byte) int {
	size := 0
	for _, v := range vals {
		size += 4 + len(v)
	}
	return size
}

// appendPlain appends values in PLAIN encoding: each after its length.
func appendPlain(dst []byte, vals [][]byte) []byte {
	for _, v := range vals {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
		dst = append(dst, v...)
	}
	return dst
}
