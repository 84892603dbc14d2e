package table

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf16"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// binaryRows reads the rows of BINARY and BINARY2.
type binaryRows struct {
	r      *bufio.Reader
	cols   []voColumn
	nulls  []byte // a bit for each column, the highest first; BINARY2
	buf    []byte
	closed bool // the stream is empty
}

// newBinaryRows reads the STREAM tag and stands before its first byte.
func newBinaryRows(p *voParser) (*binaryRows, error) {
	for {
		tok, err := p.token()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			if end, ok := tok.(xml.EndElement); ok {
				return nil, fmt.Errorf("line %d: <%s> without a STREAM", p.src.line, end.Name.Local)
			}
			continue
		}
		if e.Name.Local != "STREAM" {
			return nil, fmt.Errorf("line %d: <%s> where a STREAM should be", p.src.line, clip(e.Name.Local))
		}
		if href := attribute(e, "href"); href != "" {
			return nil, fmt.Errorf("line %d: its rows are elsewhere, at %q, which is not read", p.src.line, clip(href))
		}
		if enc := strings.ToLower(attribute(e, "encoding")); enc != "base64" && enc != "" {
			return nil, fmt.Errorf("line %d: the encoding %q of its rows is not known: ask for base64", p.src.line, clip(enc))
		}
		b := &binaryRows{cols: p.cols, closed: p.src.closed()}
		if p.data == "BINARY2" {
			b.nulls = make([]byte, (len(p.cols)+7)/8)
		}
		b.r = bufio.NewReaderSize(base64.NewDecoder(base64.StdEncoding, &letterReader{src: p.src}), 64<<10)
		return b, nil
	}
}

// letterReader reads text up to the next tag, without blanks.
type letterReader struct {
	src  *voSource
	done bool
}

func (l *letterReader) Read(b []byte) (int, error) {
	for n := range b {
		for {
			if l.done {
				if n == 0 {
					return 0, io.EOF
				}
				return n, nil
			}
			l.src.left = maxUnit
			c, err := l.src.ReadByte()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return n, err
			}
			if c == '<' {
				l.src.unread("<")
				l.done = true
				continue
			}
			if c > ' ' {
				b[n] = c
				break
			}
		}
	}
	return len(b), nil
}

func (b *binaryRows) row(builders []array.Builder) (int, error) {
	if b.closed {
		return 0, io.EOF
	}
	if _, err := b.r.Peek(1); err != nil {
		return 0, err
	}
	size := 0
	if b.nulls != nil {
		if err := b.read(b.nulls); err != nil {
			return 0, err
		}
	}
	for i := range b.cols {
		null := b.nulls != nil && b.nulls[i/8]&(0x80>>(i%8)) != 0
		n, err := b.column(&b.cols[i], builders[i], null)
		if err != nil {
			return 0, fmt.Errorf("column %q: %w", clip(b.cols[i].name), err)
		}
		if size += n; size > maxUnit {
			return 0, fmt.Errorf("more than %d MiB", maxUnit>>20)
		}
	}
	return size, nil
}

// read fills a buffer: the middle of a row is no place to end.
func (b *binaryRows) read(into []byte) error {
	_, err := io.ReadFull(b.r, into)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (b *binaryRows) column(c *voColumn, to array.Builder, null bool) (int, error) {
	count := c.repeat
	if count == variable {
		var n [4]byte
		if err := b.read(n[:]); err != nil {
			return 0, err
		}
		if v := binary.BigEndian.Uint32(n[:]); v > maxUnit {
			return 0, fmt.Errorf("%d elements: more than a row can hold", v)
		} else {
			count = int(v)
		}
	}
	size := count * c.size
	if c.size == 0 {
		size = (count + 7) / 8
	}
	if size > maxUnit {
		return 0, fmt.Errorf("%d bytes: more than a row can hold", size)
	}
	if to == nil {
		return size, skip(b.r, int64(size))
	}
	if err := b.fill(size); err != nil {
		return 0, err
	}
	if null {
		to.AppendNull()
		return size, nil
	}
	return size, c.appendBinary(to, b.buf[:size])
}

// fill reads to buf, which grows with what comes.
func (b *binaryRows) fill(n int) error {
	const step = 1 << 20
	for have := 0; have < n; {
		if have == len(b.buf) {
			b.buf = append(b.buf, make([]byte, min(max(step, have), n-have))...)
		}
		to := min(n, len(b.buf))
		if err := b.read(b.buf[have:to]); err != nil {
			return err
		}
		have = to
	}
	return nil
}

// appendBinary appends a field.
func (c *voColumn) appendBinary(to array.Builder, f []byte) error {
	if c.text() {
		return c.appendChars(to.(*array.StringBuilder), f)
	}
	list, ok := to.(*array.FixedSizeListBuilder)
	if !ok {
		return c.appendElement(to, f)
	}
	list.Append(true)
	for ; len(f) > 0; f = f[c.size:] {
		if err := c.appendElement(list.ValueBuilder(), f[:c.size]); err != nil {
			return err
		}
	}
	return nil
}

func (c *voColumn) appendChars(to *array.StringBuilder, f []byte) error {
	if c.datatype == "unicodeChar" {
		units := make([]uint16, 0, len(f)/2)
		for ; len(f) >= 2; f = f[2:] {
			units = append(units, binary.BigEndian.Uint16(f))
		}
		f = []byte(string(utf16.Decode(units)))
	}
	if i := bytes.IndexByte(f, 0); i >= 0 {
		f = f[:i]
	}
	if f = bytes.TrimSpace(f); string(f) == c.nullText {
		f = nil
	}
	return appendText(to, f)
}

func (c *voColumn) appendElement(to array.Builder, f []byte) error {
	switch to := to.(type) {
	case *array.Float64Builder:
		to.Append(math.Float64frombits(binary.BigEndian.Uint64(f)))
		return nil
	case *array.Float32Builder:
		to.Append(math.Float32frombits(binary.BigEndian.Uint32(f)))
		return nil
	case *array.BooleanBuilder:
		if c.size == 0 { // writers differ in which bit of the byte it is
			to.Append(f[0] != 0)
			return nil
		}
		if f[0] == 0 || f[0] == ' ' {
			to.AppendNull()
			return nil
		}
		return appendBool(to, f)
	}
	var v int64
	switch len(f) {
	case 1:
		v = int64(f[0])
	case 2:
		v = int64(int16(binary.BigEndian.Uint16(f)))
	case 4:
		v = int64(int32(binary.BigEndian.Uint32(f)))
	case 8:
		v = int64(binary.BigEndian.Uint64(f))
	}
	if c.null != nil && v == *c.null {
		to.AppendNull()
		return nil
	}
	switch to := to.(type) {
	case *array.Uint8Builder:
		to.Append(uint8(v))
	case *array.Int16Builder:
		to.Append(int16(v))
	case *array.Int32Builder:
		to.Append(int32(v))
	case *array.Int64Builder:
		to.Append(v)
	default:
		return errors.New("no builder for it")
	}
	return nil
}
