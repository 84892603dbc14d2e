package votable

import (
	"bufio"
	"fmt"
	"io"
)

// source hands the bytes of a VOTable to the XML decoder one by one, so that
// rows can be read past it: the decoder is slow, and holds a whole base64
// stream as one token.
type source struct {
	r     *bufio.Reader
	back  []byte // to be read again
	left  int    // of what a token may have
	line  int
	latin bool    // the encoding
	last  [2]byte // that were read
}

func newSource(from io.Reader) *source {
	const bom = "\xef\xbb\xbf"
	s := &source{r: bufio.NewReaderSize(from, 64<<10), line: 1}
	if b, _ := s.r.Peek(len(bom)); string(b) == bom {
		s.r.Discard(len(bom))
	}
	return s
}

// ReadByte makes it an io.ByteReader, which the decoder does not buffer.
func (s *source) ReadByte() (byte, error) {
	if len(s.back) > 0 {
		c := s.back[0]
		s.back = s.back[1:]
		return c, nil
	}
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if s.left--; s.left < 0 {
		return 0, fmt.Errorf("a text or tag of more than %d MiB", maxUnit>>20)
	}
	if c == '\n' {
		s.line++
	}
	s.last[0], s.last[1] = s.last[1], c
	if c >= 0x80 && s.latin {
		s.back = []byte{0x80 | c&0x3f}
		c = 0xc0 | c>>6
	}
	return c, nil
}

// Read is there for the decoder's sake.
func (s *source) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	b[0] = c
	return 1, nil
}

// inside is ReadByte where the document must not end.
func (s *source) inside() (byte, error) {
	c, err := s.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// letters reads what there is at hand of text without blanks: none, perhaps.
func (s *source) letters(b []byte) (n int) {
	if len(s.back) > 0 {
		return 0
	}
	ahead, _ := s.r.Peek(min(s.r.Buffered(), len(b)))
	for n < len(ahead) && ahead[n] > ' ' && ahead[n] < 0x80 && ahead[n] != '<' {
		n++
	}
	copy(b, ahead[:n])
	s.r.Discard(n)
	return n
}

// chars appends what there is at hand of text on the same line: none, perhaps.
func (s *source) chars(b []byte) []byte {
	if len(s.back) > 0 {
		return b
	}
	ahead, _ := s.r.Peek(min(s.r.Buffered(), s.left))
	n := 0
	for n < len(ahead) && ahead[n] >= ' ' && (ahead[n] < 0x80 || !s.latin) && ahead[n] != '<' && ahead[n] != '&' {
		n++
	}
	s.left -= n
	s.r.Discard(n)
	return append(b, ahead[:n]...)
}

// plainTag reads what stands behind the < of a tag of rows as most are, and that
// is at hand.
func (s *source) plainTag() (t tag, ok bool) {
	const most = len("/TD>")
	if len(s.back) > 0 || s.r.Buffered() < most || s.left < most {
		return t, false
	}
	b, _ := s.r.Peek(most)
	n := most - 1
	if t.end = b[0] == '/'; t.end {
		b, n = b[1:], most
	}
	switch string(b[:3]) {
	case "TD>":
		t.raw, t.name = "TD", "TD"
	case "TR>":
		t.raw, t.name = "TR", "TR"
	default:
		return tag{}, false
	}
	s.r.Discard(n)
	s.left -= n
	return t, true
}

// unread gives bytes back.
func (s *source) unread(b string) { s.back = append([]byte(b), s.back...) }

// closed tells whether the tag that was read last is a whole element.
func (s *source) closed() bool { return s.last == [2]byte{'/', '>'} }
