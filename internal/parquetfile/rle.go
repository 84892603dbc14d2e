package parquetfile

import (
	"encoding/binary"
	"math/bits"
)

// appendRun appends n times v as one run of Parquet's RLE/bit-packing hybrid
// encoding.
func appendRun(dst []byte, v uint32, n, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for k := 0; k < width; k += 8 {
		dst = append(dst, byte(v>>k))
	}
	return dst
}

// appendHybrid appends vals, each of width bits, in the hybrid encoding. Eight or
// more equal values become a run; the values between runs are bit-packed in
// groups of eight.
func appendHybrid[T uint8 | uint32](dst []byte, vals []T, width int) []byte {
	if width == 0 {
		return appendRun(dst, 0, len(vals), 0)
	}
	from := 0 // vals[from:i] is to be packed
	for i := 0; i < len(vals); {
		n := runLength(vals[i:])
		// The last packed group is filled with values of the run.
		fill := -(i - from) & 7
		if n < fill+8 {
			i += n
			continue
		}
		dst = appendPacked(dst, vals[from:i+fill], width)
		dst = appendRun(dst, uint32(vals[i]), n-fill, width)
		i += n
		from = i
	}
	return appendPacked(dst, vals[from:], width)
}

// runLength counts the values at the beginning of vals that are equal.
func runLength[T uint8 | uint32](vals []T) int {
	v := vals[0]
	n := 1
	for n < len(vals) && vals[n] == v {
		n++
	}
	return n
}

// appendPacked appends vals bit-packed, the last group padded with zeros.
func appendPacked[T uint8 | uint32](dst []byte, vals []T, width int) []byte {
	if len(vals) == 0 {
		return dst
	}
	groups := (len(vals) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	end := len(dst) + groups*width
	dst = packBits(dst, vals, width)
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}

// packBits appends the lowest width bits of each value, the last byte padded with
// zeros.
func packBits[T uint8 | uint32](dst []byte, vals []T, width int) []byte {
	var acc uint64
	var have int
	for _, v := range vals {
		acc |= uint64(v) << have
		have += width
		for have >= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
			have -= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// appendLevels appends levels of up to limit as in a version 1 data page: their
// size in four bytes, then the hybrid encoding.
func appendLevels(dst, levels []byte, limit uint8) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendHybrid(dst, levels, bits.Len8(limit))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendLevelRun is appendLevels for n equal levels.
func appendLevelRun(dst []byte, level uint8, n int, limit uint8) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendRun(dst, uint32(level), n, bits.Len8(limit))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
