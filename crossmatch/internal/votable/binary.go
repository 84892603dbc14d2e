package votable

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// binaryRows reads the rows of BINARY and BINARY2.
type binaryRows struct {
	from  *bufio.Reader
	nulls []byte // of BINARY2: a bit for each field, the highest first
	width int    // minimum size of a row
}

// newBinaryRows reads up to the first byte of the STREAM. It returns nil if the
// stream is empty.
func (r *Reader) newBinaryRows() (rows, error) {
	if err := r.stream(); err != nil {
		return nil, err
	}
	b := &binaryRows{}
	if r.kind == "BINARY2" {
		b.nulls = make([]byte, (len(r.fields)+7)/8)
		b.width = len(b.nulls)
	}
	for i := range r.fields {
		f := &r.fields[i]
		switch {
		case f.Err != nil:
			return nil, f.Err
		case f.Repeat == Variable:
			b.width += 4
		default:
			b.width += f.width(f.Repeat)
		}
	}
	if r.src.closed() {
		return nil, nil
	}
	letters := &letterReader{markup: markup{r.src}}
	b.from = bufio.NewReaderSize(base64.NewDecoder(base64.StdEncoding, letters), 64<<10)
	return b, nil
}

// stream reads the STREAM tag.
func (r *Reader) stream() error {
	for {
		tok, err := r.inside()
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.EndElement:
			return r.errorf("<%.60s> without a STREAM", e.Name.Local)
		case xml.StartElement:
			if e.Name.Local != "STREAM" {
				return r.errorf("<%.60s> instead of a STREAM", e.Name.Local)
			}
			if href := attribute(e, "href"); href != "" {
				return r.errorf("its rows are elsewhere, at %.60q: such rows are not read", href)
			}
			if enc := strings.ToLower(attribute(e, "encoding")); enc != "base64" && enc != "" {
				return r.errorf("the encoding %.60q of its rows is not supported: request base64", enc)
			}
			return nil
		}
	}
}

// letterReader reads the text before the next tag, without blanks.
type letterReader struct {
	markup
	cdata []byte // to read first
	done  bool
}

func (l *letterReader) Read(b []byte) (int, error) {
	if len(l.cdata) == 0 && !l.done {
		if n := l.src.letters(b); n > 0 {
			return n, nil
		}
	}
	return readByte(b, l.letter)
}

// letter reads the next letter. It returns io.EOF before the tag.
func (l *letterReader) letter() (byte, error) {
	for !l.done {
		c, err := l.char()
		switch {
		case err != nil:
			return 0, err
		case c > ' ' && !l.done:
			return c, nil
		}
	}
	return 0, io.EOF
}

// char reads the next byte of the text, with blanks. It handles markup within the
// text, and returns a blank for it.
func (l *letterReader) char() (byte, error) {
	if len(l.cdata) > 0 {
		c := l.cdata[0]
		l.cdata = l.cdata[1:]
		return c, nil
	}
	l.src.left = maxBuffer
	c, err := l.src.inside()
	if err != nil || c != '<' {
		return c, err
	}
	if c, err = l.src.inside(); err != nil {
		return 0, err
	}
	switch c {
	case '!':
		err = l.declaration(&l.cdata)
	case '?':
		err = l.until("?>", nil)
	default:
		l.src.unread(string([]byte{'<', c}))
		l.done = true
	}
	return ' ', err
}

func (b *binaryRows) next(r *row) error {
	if _, err := b.from.Peek(1); err != nil {
		return base64Error(err)
	}
	if b.width == 0 {
		return errors.New("rows without bytes")
	}
	if b.nulls != nil {
		if err := b.fill(b.nulls); err != nil {
			return err
		}
	}
	for i := range r.fields {
		null := b.nulls != nil && b.nulls[i/8]&(0x80>>(i%8)) != 0
		if err := b.cell(r, &r.fields[i], null); err != nil {
			return fmt.Errorf("column %.60q: %w", r.fields[i].Name, base64Error(err))
		}
	}
	return nil
}

func base64Error(err error) error {
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return errors.New("not valid base64")
	}
	return err
}

// fill fills a buffer. It does not return io.EOF: the stream must not end in a row.
func (b *binaryRows) fill(into []byte) error {
	_, err := io.ReadFull(b.from, into)
	return unexpected(err)
}

func (b *binaryRows) cell(r *row, f *Field, null bool) error {
	count := f.Repeat
	if count == Variable {
		var n [4]byte
		if err := b.fill(n[:]); err != nil {
			return err
		}
		v := binary.BigEndian.Uint32(n[:])
		if v > maxBuffer {
			return fmt.Errorf("%d elements: too many for a row", v)
		}
		count = int(v)
	}
	size, from := f.width(count), len(r.buf)
	if size > maxBuffer-from {
		return fmt.Errorf("%d bytes: too many for a row", size)
	}
	if !r.wanted[len(r.bounds)] {
		r.add(from, count, null)
		_, err := b.from.Discard(size)
		return unexpected(err)
	}
	if err := b.append(r, size); err != nil {
		return err
	}
	if f.Text() {
		return r.addChars(f, from, null)
	}
	r.add(from, count, null)
	return nil
}

// append appends bytes to a row's buffer, which grows with the data.
func (b *binaryRows) append(r *row, size int) error {
	const step = 1 << 20
	for size > 0 {
		n, from := min(size, max(step, len(r.buf))), len(r.buf)
		r.buf = append(r.buf, make([]byte, n)...)
		if err := b.fill(r.buf[from:]); err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// addChars adds a cell of chars, which end at a NUL.
func (r *row) addChars(f *Field, from int, null bool) error {
	if f.Datatype == "unicodeChar" {
		units := len(r.buf)
		r.buf = appendUTF16(r.buf, r.buf[from:])
		from = units
	}
	if i := bytes.IndexByte(r.buf[from:], 0); i >= 0 {
		r.buf = r.buf[:from+i]
	}
	r.add(from, text, null)
	return nil
}
