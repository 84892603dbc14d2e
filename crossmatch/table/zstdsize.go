package table

import (
	"encoding/binary"
	"errors"
	"io"
)

var errZstd = errors.New("a page is not valid zstd")

// zstdSize returns an upper bound on the unpacked size of zstd frames. It reads the
// headers of blocks only; the decoder would unpack them all.
func zstdSize(in input, at, n int64) (int64, error) {
	r := &byteReader{in: in, at: at, end: at + n}
	var total int64
	for r.at < r.end && r.err == nil {
		magic := r.uint(4)
		if magic&^0xf == 0x184d2a50 { // a skippable frame
			r.skip(int64(r.uint(4)))
			continue
		}
		if magic != 0xfd2fb528 {
			return 0, errZstd
		}
		size, err := zstdFrame(r)
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, r.err
}

// zstdBlock is the maximum unpacked size of a block.
const zstdBlock = 128 << 10

// zstdFrame returns the size that a frame declares, which the decoder enforces, or
// else the upper bound of its blocks.
func zstdFrame(r *byteReader) (int64, error) {
	desc := r.uint(1)
	declared, known := zstdDeclared(r, desc)
	if declared > 1<<40 {
		return 0, errZstd
	}
	bound, err := zstdBlocks(r)
	if err != nil {
		return 0, err
	}
	if desc&4 != 0 {
		r.skip(4) // the checksum
	}
	if known {
		return int64(declared), r.err
	}
	return bound, r.err
}

// zstdDeclared reads the rest of a frame's header, which may declare the size.
func zstdDeclared(r *byteReader, desc uint64) (size uint64, known bool) {
	single := desc&0x20 != 0
	if !single {
		r.skip(1) // the window
	}
	r.skip([]int64{0, 1, 2, 4}[desc&3]) // the dictionary
	switch desc >> 6 {
	case 0:
		if !single {
			return 0, false
		}
		return r.uint(1), true
	case 1:
		return r.uint(2) + 256, true
	case 2:
		return r.uint(4), true
	default:
		return r.uint(8), true
	}
}

// zstdBlocks skips the blocks of a frame and returns an upper bound on their
// unpacked size.
func zstdBlocks(r *byteReader) (bound int64, err error) {
	for r.err == nil {
		head := r.uint(3)
		last, kind, size := head&1 != 0, head>>1&3, int64(head>>3)
		switch kind {
		case 0:
			bound += size
			r.skip(size)
		case 1:
			bound += size
			r.skip(1)
		case 2:
			bound += zstdBlock
			r.skip(size)
		default:
			return 0, errZstd
		}
		if last {
			break
		}
	}
	return bound, nil
}

// byteReader reads little-endian numbers of an input. Its error sticks.
type byteReader struct {
	in      input
	at, end int64
	buf     [8]byte
	err     error
}

func (r *byteReader) skip(n int64) {
	if r.at += n; r.at > r.end && r.err == nil {
		r.err = io.ErrUnexpectedEOF
	}
}

// uint reads a number of n bytes.
func (r *byteReader) uint(n int) uint64 {
	r.buf = [8]byte{}
	if r.skip(int64(n)); r.err == nil {
		var got int
		if got, r.err = r.in.r.ReadAt(r.buf[:n], r.at-int64(n)); got == n {
			r.err = nil
		}
	}
	if r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(r.buf[:])
}
