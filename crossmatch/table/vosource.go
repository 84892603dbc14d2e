package table

import (
	"bufio"
	"fmt"
)

// voSource hands the bytes of a VOTable to the XML decoder one by one, so that
// rows can be read past it: the decoder is slow, and holds a whole base64
// stream as one token.
type voSource struct {
	r     *bufio.Reader
	back  []byte // to be read again
	left  int    // of what a token may have
	line  int
	latin bool    // the encoding
	last  [2]byte // that were read
}

// ReadByte makes it an io.ByteReader, which the decoder does not buffer.
func (s *voSource) ReadByte() (byte, error) {
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
func (s *voSource) Read(b []byte) (int, error) {
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

// unread gives bytes back.
func (s *voSource) unread(b string) { s.back = append([]byte(b), s.back...) }

// closed tells whether the tag that was read last is a whole element.
func (s *voSource) closed() bool { return s.last == [2]byte{'/', '>'} }
