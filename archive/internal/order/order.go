// Package order encodes where a sorted file of an archive has the rows in commit
// order. A compacted file that is not in commit order has such a block between its
// last row group and its footer, where no column refers to it, and its place under
// Key in the footer's metadata.
//
// The block of a file of n rows holds n numbers of w bits, the least that hold
// n−1: number i is the place in the file of the row that is number i in commit
// order. Numbers follow each other without gaps, the least significant bit first;
// the last byte is filled with zeros. Four bytes follow: the CRC-32 (IEEE) of the
// bytes before them, the lowest byte first.
package order

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"strings"
)

// Key is the key in a file's metadata whose value is a Block.
const Key = "skyfinch.order"

// Block is the order of a file's rows, and where its block of places is.
type Block struct {
	Name   string // of the order: "object", "sky"
	Offset int64  // of the block in the file, in bytes
	Size   int64  // in bytes
}

// String returns the value for the metadata, such as "object 4096 1254".
func (b Block) String() string { return fmt.Sprintf("%s %d %d", b.Name, b.Offset, b.Size) }

// ParseBlock is the inverse of String.
func ParseBlock(s string) (b Block, err error) {
	name, rest, _ := strings.Cut(s, " ")
	_, err = fmt.Sscanf(rest, "%d %d", &b.Offset, &b.Size)
	b.Name = name
	if err != nil || b.String() != s || name == "" || b.Offset < 0 || b.Size < checksumSize {
		return Block{}, fmt.Errorf("order: %q is not a name, an offset and a size", s)
	}
	return b, nil
}

const checksumSize = 4

// Size returns the size of the block of a file of n rows, in bytes.
func Size(n int64) int64 { return (n*int64(width(n))+7)/8 + checksumSize }

// width returns the number of bits of a place.
func width(n int64) int { return bits.Len64(uint64(max(n-1, 0))) }

// Append appends the block of a file to dst. places must hold each of 0 to
// len(places)−1 once.
func Append(dst []byte, places []uint32) []byte {
	from, w := len(dst), width(int64(len(places)))
	var word uint64
	have := 0
	for _, p := range places {
		word |= uint64(p) << have
		for have += w; have >= 8; have -= 8 {
			dst = append(dst, byte(word))
			word >>= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(word))
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[from:]))
}

// Parse returns the places that the block of a file of n rows holds. It returns an
// error unless each of 0 to n−1 occurs once.
func Parse(block []byte, n int64) ([]uint32, error) {
	if n < 0 || n > 1<<32 || int64(len(block)) != Size(n) {
		return nil, fmt.Errorf("order: the block of %d rows has %d bytes", n, len(block))
	}
	data, sum := block[:len(block)-checksumSize], block[len(block)-checksumSize:]
	if crc32.ChecksumIEEE(data) != binary.LittleEndian.Uint32(sum) {
		return nil, errors.New("order: the checksum of the block is wrong")
	}
	places, seen := make([]uint32, n), make([]uint64, (n+63)/64)
	w := width(n)
	var word uint64
	have := 0
	for i := range places {
		for ; have < w; have += 8 {
			word |= uint64(data[0]) << have
			data = data[1:]
		}
		p := word & (1<<w - 1)
		word >>= w
		have -= w
		if p >= uint64(n) || seen[p/64]&(1<<(p%64)) != 0 {
			return nil, fmt.Errorf("order: place %d is out of range or occurs twice", p)
		}
		places[i], seen[p/64] = uint32(p), seen[p/64]|1<<(p%64)
	}
	if word != 0 {
		return nil, errors.New("order: the last byte of the block is not filled with zeros")
	}
	return places, nil
}
