package avroarrow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var (
	errShort       = fmt.Errorf("cut short: %w", io.ErrUnexpectedEOF)
	errVarint      = errors.New("number beyond 64 bits")
	errInt         = errors.New("int beyond 32 bits")
	errBoolean     = errors.New("boolean that is neither 0 nor 1")
	errNotUTF8     = errors.New("text that is not UTF-8")
	errUnion       = errors.New("union branch out of range")
	errEnum        = errors.New("enum symbol out of range")
	errNegative    = errors.New("negative length")
	errEmptyValues = errors.New("too many values that take no bytes")
)

// long reads a zig-zag varint at pos and returns the position after it. A
// negative position is an error; see posError.
func long(data []byte, pos int) (int64, int) {
	if uint(pos) < uint(len(data)) {
		if b := data[pos]; b < 0x80 {
			return int64(b>>1) ^ -int64(b&1), pos + 1
		}
	}
	return longSlow(data, pos)
}

const (
	posShort = -1 - iota
	posVarint
)

func longSlow(data []byte, pos int) (int64, int) {
	v, n := binary.Varint(data[pos:])
	switch {
	case n > 0:
		return v, pos + n
	case n == 0:
		return 0, posShort
	}
	return 0, posVarint
}

// posError returns the error of a negative position.
func posError(pos int) error {
	if pos == posVarint {
		return errVarint
	}
	return errShort
}

// lengthPrefixed reads the length at pos and returns where the bytes that it
// counts begin and end.
func lengthPrefixed(data []byte, pos int) (begin, end int, err error) {
	n, pos := long(data, pos)
	if pos < 0 {
		return 0, 0, posError(pos)
	}
	if uint64(n) > uint64(len(data)-pos) {
		if n < 0 {
			return 0, 0, errNegative
		}
		return 0, 0, errShort
	}
	return pos, pos + int(n), nil
}

// blockCount reads the count of a block of an array or a map, and the size in
// bytes that follows a negative count.
func blockCount(data []byte, pos int) (int64, int, error) {
	n, pos := long(data, pos)
	if pos < 0 {
		return 0, 0, posError(pos)
	}
	if n >= 0 {
		return n, pos, nil
	}
	size, pos := long(data, pos)
	switch {
	case pos < 0:
		return 0, 0, posError(pos)
	case size < 0 || n == -n: // n is the least int64
		return 0, 0, errNegative
	case size > int64(len(data)-pos):
		return 0, 0, errShort
	}
	return -n, pos, nil
}

// checkBlock checks the count of a block of list n against the bytes left, and
// charges elements that take none to budget.
func checkBlock(count int64, n *node, left int, budget *int) error {
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
	if count > int64(*budget/n.elem.cost) {
		return errEmptyValues
	}
	*budget -= int(count) * n.elem.cost
	return nil
}

// emptyBudget returns the cost of values that take no bytes, such as the columns
// of null records, that a datum of size bytes may hold. Nulls of single columns
// never exhaust it, for each takes a byte.
func emptyBudget(size int) int { return 1<<16 + 2*size }
