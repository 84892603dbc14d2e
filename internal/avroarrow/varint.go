package avroarrow

import (
	"encoding/binary"
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
	errUnion    = errors.New("union branch out of range")
	errEnum     = errors.New("enum symbol out of range")
	errNegative = errors.New("negative length")
	errMemory   = fmt.Errorf("list elements and enum symbols take more than %d bytes, or %d for each byte of the datum",
		maxElements, elementRatio)
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
// charges its elements, which take size bytes of memory each, to budget.
func checkBlock(count int64, n *node, left, size int, budget *int) error {
	least := n.elem.min
	if n.kind == kindMap {
		least++ // the key's length
	}
	if least > 0 && count > int64(left/least) {
		return errShort
	}
	if count > int64(*budget/size) {
		return errMemory
	}
	*budget -= int(count) * size
	return nil
}

// chargeSymbol charges an enum's symbol to budget: its index takes one byte.
func chargeSymbol(symbol string, budget *int) error {
	if *budget -= len(symbol); *budget < 0 {
		return errMemory
	}
	return nil
}

// The memory of a datum's list elements and enum symbols in bytes is bounded, and
// so is its ratio to the datum's size. An element's value takes at least a byte in
// a datum, and 17 in memory at most, unless it is in a null record or the table
// has columns that the writer lacks.
const (
	maxElements  = 32 << 20
	freeElements = 256 << 10 // of any datum, however short
	elementRatio = 32
)

// memoryBudget returns how many bytes of memory the list elements and enum symbols
// of a datum of size bytes may take.
func memoryBudget(size int) int { return min(freeElements+elementRatio*size, maxElements) }
