package avroarrow

import (
	"errors"
	"fmt"
	"io"
)

var (
	errShort    = fmt.Errorf("cut short: %w", io.ErrUnexpectedEOF)
	errVarint   = errors.New("number beyond 64 bits")
	errInt      = errors.New("int beyond 32 bits")
	errBoolean  = errors.New("boolean that is neither 0 nor 1")
	errNotUTF8  = errors.New("text that is not UTF-8")
	errUnion    = errors.New("union branch that is not there")
	errEnum     = errors.New("enum symbol that is not there")
	errNegative = errors.New("negative length")
	errFree     = errors.New("too many values that take no bytes")
)

// long reads a zig-zag varint at pos and returns the position behind it, or an
// error's code, which is negative.
func long(data []byte, pos int) (int64, int) {
	if uint(pos) < uint(len(data)) {
		if b := data[pos]; b < 0x80 {
			return int64(b>>1) ^ -int64(b&1), pos + 1
		}
	}
	return longSlow(data, pos)
}

const (
	codeShort = -1 - iota
	codeVarint
)

func longSlow(data []byte, pos int) (int64, int) {
	var v uint64
	for shift := uint(0); shift < 70; shift += 7 {
		if uint(pos) >= uint(len(data)) {
			return 0, codeShort
		}
		b := data[pos]
		pos++
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int64(v>>1) ^ -int64(v&1), pos
		}
	}
	return 0, codeVarint
}

// codeErr is the error of a negative position.
func codeErr(code int) error {
	if code == codeVarint {
		return errVarint
	}
	return errShort
}

// span reads a length at pos and returns where its bytes begin and end. The
// error's code is in end.
func span(data []byte, pos int) (begin, end int, err error) {
	n, pos := long(data, pos)
	if pos < 0 {
		return 0, 0, codeErr(pos)
	}
	if uint64(n) > uint64(len(data)-pos) {
		if n < 0 {
			return 0, 0, errNegative
		}
		return 0, 0, errShort
	}
	return pos, pos + int(n), nil
}

// blockCount reads the count that begins a block of an array or a map, and
// the size in bytes that follows a negative one.
func blockCount(data []byte, pos int) (int64, int, error) {
	n, pos := long(data, pos)
	if pos < 0 {
		return 0, 0, codeErr(pos)
	}
	if n >= 0 {
		return n, pos, nil
	}
	size, pos := long(data, pos)
	switch {
	case pos < 0:
		return 0, 0, codeErr(pos)
	case size < 0 || n == -n: // the least number has no positive
		return 0, 0, errNegative
	case size > int64(len(data)-pos):
		return 0, 0, errShort
	}
	return -n, pos, nil
}

// checkBlock holds the count of a block of list n against the bytes that are
// left, and charges elements that take none.
func checkBlock(count int64, n *node, left int, free *int) error {
	least := n.elem.min
	if n.kind == kindMap {
		least++ // the key's length
	}
	if least > 0 {
		if count > int64(left/least) {
			return errShort
		}
		return nil
	}
	if count > int64(*free/n.elem.cost) {
		return errFree
	}
	*free -= int(count) * n.elem.cost
	return nil
}

// freeBudget is what a datum of so many bytes may hold of columns whose values
// take no bytes: those of null records, and elements that are nothing. A null
// of one column has taken a byte for its union, so these never run out.
func freeBudget(size int) int { return 1<<16 + 2*size }
