package votable

import (
	"bufio"
	"fmt"
	"io"
)

// source passes the bytes of a VOTable to the XML decoder one by one, so that rows
// can be read without it: the decoder is slow, and reads a whole base64 stream as
// one token.
type source struct {
	r     *bufio.Reader
	back  []byte // to read again
	left  int    // bytes that the token may still have
	fresh bool   // the token may yet turn out to be a tag
	line  int
	latin bool    // the encoding is Latin-1
	last  [2]byte // the last bytes read
}

func newSource(from io.Reader) *source {
	const bom = "\xef\xbb\xbf"
	s := &source{r: bufio.NewReaderSize(from, 64<<10), line: 1}
	if b, _ := s.r.Peek(len(bom)); string(b) == bom {
		s.r.Discard(len(bom))
	}
	return s
}

// ReadByte implements io.ByteReader, which the decoder reads without a buffer.
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
		return 0, fmt.Errorf("text of more than %d MiB, or a tag of more than %d", maxBuffer>>20, maxTag>>20)
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

// readByte implements io.Reader with a function that reads a byte.
func readByte(b []byte, next func() (byte, error)) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c, err := next()
	if err != nil {
		return 0, err
	}
	b[0] = c
	return 1, nil
}

// maxTag bounds a tag with its attributes, in bytes: the decoder takes ten times
// the memory for the shortest ones.
const maxTag = 4 << 20

// tokenSource is the source as the XML decoder reads it: tags are bounded.
type tokenSource struct {
	*source
	prev byte
}

// ReadByte implements io.ByteReader.
func (t *tokenSource) ReadByte() (byte, error) {
	c, err := t.source.ReadByte()
	if t.fresh && t.prev == '<' {
		t.fresh = false
		if c != '!' && c != '?' { // neither CDATA nor a comment
			t.left = min(t.left, maxTag)
		}
	}
	t.prev = c
	return c, err
}

// Read implements io.Reader, as the decoder requires.
func (t *tokenSource) Read(b []byte) (int, error) { return readByte(b, t.ReadByte) }

// inside is ReadByte within an element, where the document must not end.
func (s *source) inside() (byte, error) {
	c, err := s.ReadByte()
	return c, unexpected(err)
}

// letters reads buffered text without blanks, if there is any.
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

// chars appends buffered text of the same line, if there is any.
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

// plainTag reads the rest of a tag after its <, if it is buffered and a plain TD or
// TR, as most are.
func (s *source) plainTag() (t tag, ok bool) {
	const size = len("/TD>")
	if len(s.back) > 0 || s.r.Buffered() < size || s.left < size {
		return t, false
	}
	b, _ := s.r.Peek(size)
	n := size - 1
	if t.end = b[0] == '/'; t.end {
		b, n = b[1:], size
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

// unread makes bytes be read again.
func (s *source) unread(b string) { s.back = append([]byte(b), s.back...) }

// closed reports whether the last tag is that of an empty element.
func (s *source) closed() bool { return s.last == [2]byte{'/', '>'} }
