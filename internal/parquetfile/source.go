package parquetfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

var errBounds = errors.New("an offset is outside of the array")

// source gives access to one node's array of one segment. The positions that its
// methods take are those of a valueRange; base is added to index the buffers.
type source struct {
	mode  readMode
	base  int
	valid []byte // bitmap, nil if nothing is null
	data  []byte // values, offsets or views
	text  []byte // what offsets point to
	views []*memory.Buffer
	limit int // length of a list's child
}

// newSource returns the source of an array. It checks the sizes of the buffers,
// so that the methods need not.
func newSource(b *binding, data arrow.ArrayData, n *node, shift int) (source, error) {
	s := source{mode: b.mode}
	if b.mode == readAbsent {
		return s, nil
	}
	s.base = shift + data.Offset()
	end := data.Offset() + data.Len()
	buffers := data.Buffers()
	if data.NullN() != 0 && len(buffers) > 0 && buffers[0] != nil && buffers[0].Len() > 0 {
		s.valid = buffers[0].Bytes()
		if len(s.valid)*8 < end {
			return s, shortBuffer(n)
		}
	}
	if n.typ.ID() == arrow.STRUCT || data.Len() == 0 {
		return s, nil
	}
	if len(buffers) < 2 || buffers[1] == nil {
		return s, shortBuffer(n)
	}
	s.data = buffers[1].Bytes()
	if len(s.data) < s.mode.size(end, n.leaf) {
		return s, shortBuffer(n)
	}
	switch {
	case s.mode == readNested:
		s.limit = data.Children()[0].Len()
	case s.mode == readText && len(buffers) > 2 && buffers[2] != nil:
		s.text = buffers[2].Bytes()
	case s.mode == readView:
		s.views = buffers[2:]
	}
	return s, nil
}

// size returns the size of the buffer of n values, offsets or views.
func (m readMode) size(n int, l *leaf) int {
	switch m {
	case readPlain:
		return n * l.width
	case readBool:
		return (n + 7) / 8
	case readDecimal, readView:
		return n * 16
	case readInt32, readFloat32:
		return n * 4
	case readText, readNested:
		return (n + 1) * 4
	}
	return 0
}

func shortBuffer(n *node) error {
	return fmt.Errorf("parquetfile: %s: the array's buffers are shorter than the array", n.path)
}

func (s *source) isNull(i int) bool {
	if s.valid == nil {
		return s.mode == readAbsent
	}
	i += s.base
	return s.valid[i>>3]>>(i&7)&1 == 0
}

// hasNull reports whether a value in the range is null.
func (s *source) hasNull(from, to int) bool {
	if s.valid == nil {
		return s.mode == readAbsent
	}
	for i := from; i < to; i++ {
		if j := i + s.base; j&7 == 0 && to-i >= 8 && s.valid[j>>3] == 0xff {
			i += 7
			continue
		}
		if s.isNull(i) {
			return true
		}
	}
	return false
}

// appendValid appends 1 for each value and 0 for each null, and returns the
// number of values.
func (s *source) appendValid(dst []byte, from, to int) ([]byte, int) {
	n := to - from
	at := len(dst)
	dst = grown(dst, at+n)
	out := dst[at:]
	if s.valid == nil {
		v := byte(1)
		if s.mode == readAbsent {
			v, n = 0, 0
		}
		fill(out, v)
		return dst, n
	}
	count := 0
	i := from + s.base
	for len(out) > 0 {
		if i&7 != 0 || len(out) < 8 {
			bit := s.valid[i>>3] >> (i & 7) & 1
			out[0] = bit
			count += int(bit)
			out = out[1:]
			i++
			continue
		}
		// Spread eight bits over eight bytes: the multiplication copies the
		// byte, the mask leaves bit k in byte k, the sum carries it to the top.
		b := s.valid[i>>3]
		x := uint64(b) * 0x0101010101010101 & 0x8040201008040201
		x = (x + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101
		binary.LittleEndian.PutUint64(out, x)
		count += bits.OnesCount8(b)
		out = out[8:]
		i += 8
	}
	return dst, count
}

// elements returns the range of the elements of the list at i.
func (s *source) elements(i int) (from, to int, err error) {
	at := (i + s.base) * 4
	from = int(int32(binary.LittleEndian.Uint32(s.data[at:])))
	to = int(int32(binary.LittleEndian.Uint32(s.data[at+4:])))
	if from < 0 || to < from || to > s.limit {
		return 0, 0, errBounds
	}
	return from, to, nil
}

// appendValues appends the values in a range of a binary or string column whose
// valid is not 0. If valid is nil, it appends all. The values share the array's
// memory.
func (s *source) appendValues(dst [][]byte, from, to int, valid []byte) ([][]byte, error) {
	value := s.textAt
	if s.mode == readView {
		value = s.viewAt
	}
	for i := from; i < to; i++ {
		if valid != nil && valid[i-from] == 0 {
			continue
		}
		v, err := value(i + s.base)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

func (s *source) textAt(i int) ([]byte, error) {
	from := int(int32(binary.LittleEndian.Uint32(s.data[i*4:])))
	to := int(int32(binary.LittleEndian.Uint32(s.data[i*4+4:])))
	if from < 0 || to < from || to > len(s.text) {
		return nil, errBounds
	}
	return s.text[from:to:to], nil
}

// viewAt reads a view: its length in four bytes, then either a value of up to 12
// bytes, or a prefix, the index of a buffer and an offset.
func (s *source) viewAt(i int) ([]byte, error) {
	v := s.data[i*16 : i*16+16 : i*16+16]
	n := int(int32(binary.LittleEndian.Uint32(v)))
	if n < 0 {
		return nil, errBounds
	}
	if n <= 12 {
		return v[4 : 4+n : 4+n], nil
	}
	b := int(int32(binary.LittleEndian.Uint32(v[8:])))
	from := int(int32(binary.LittleEndian.Uint32(v[12:])))
	if b < 0 || b >= len(s.views) || from < 0 || s.views[b] == nil {
		return nil, errBounds
	}
	buf := s.views[b].Bytes()
	if from > len(buf) || n > len(buf)-from {
		return nil, errBounds
	}
	return buf[from : from+n : from+n], nil
}
