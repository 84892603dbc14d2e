package ocf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// ErrTooLarge reports a block that inflates beyond the caller's limit.
var ErrTooLarge = errors.New("inflates beyond the limit")

// ErrCodec reports an unknown codec.
var ErrCodec = errors.New("unknown codec")

var errTrailing = errors.New("bytes left over after the compressed data")

// Decompress appends the records of a block to dst and returns the extended
// slice. With codec "null" it ignores dst and returns data itself, without copying.
// The error wraps [ErrTooLarge] if the records exceed limit bytes, and [ErrCodec]
// if the codec is not null, deflate, snappy or zstandard.
func Decompress(dst []byte, codec string, data []byte, limit int) ([]byte, error) {
	out, err := decompress(dst, codec, data, limit)
	if err != nil {
		return nil, fmt.Errorf("ocf: codec %.40q: %w", codec, err)
	}
	return out, nil
}

func decompress(dst []byte, codec string, data []byte, limit int) ([]byte, error) {
	switch codec {
	case "null":
		if len(data) > limit {
			return nil, ErrTooLarge
		}
		return data, nil
	case "deflate":
		return inflate(dst, data, limit)
	case "snappy":
		return unsnap(dst, data, limit)
	case "zstandard":
		return unzstd(dst, data, limit)
	}
	return nil, ErrCodec
}

// largeOutput is the size of an output that is inflated twice, first to count it,
// because a growing buffer would take up to three times its memory.
const largeOutput = 4 << 20

// inflate grows the output as bytes arrive, since deflate does not give its size.
func inflate(dst, data []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(data) // an io.ByteReader, so that z does not read past the stream
	z := flate.NewReader(in)
	start := len(dst)
	dst = slices.Grow(dst, min(4*len(data), limit)+1)
	for {
		n, err := z.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			return nil, ErrTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(dst) < cap(dst):
		case cap(dst) < largeOutput:
			dst = slices.Grow(dst, 1)
		default:
			left, err := io.Copy(io.Discard, io.LimitReader(z, int64(limit)+1))
			if err != nil {
				return nil, err
			}
			n := len(dst) - start + int(left)
			if n > limit {
				return nil, ErrTooLarge
			}
			in.Reset(data)
			z = flate.NewReader(in)
			dst = slices.Grow(dst[:start:start], n+1) // the end is found by reading beyond it
		}
	}
	if !isAdlerRest(data[len(data)-in.Len():], dst[start:]) {
		return nil, errTrailing
	}
	return dst, nil
}

// isAdlerRest reports whether rest may follow a raw deflate stream of out: some
// writers cut it out of a zlib stream, of whose Adler-32 fastavro leaves three of
// the four bytes.
func isAdlerRest(rest, out []byte) bool {
	if len(rest) == 0 {
		return true
	}
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], adler32.Checksum(out))
	return bytes.HasPrefix(sum[:], rest)
}

// snappyRatio bounds the bytes that a byte of snappy can become: a copy of three
// bytes yields at most 64. A larger length is invalid and must not be allocated.
const snappyRatio = 22

func unsnap(dst, data []byte, limit int) ([]byte, error) {
	if len(data) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	body, sum := data[:len(data)-4], binary.BigEndian.Uint32(data[len(data)-4:])
	n, err := snappy.DecodedLen(body)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, ErrTooLarge
	}
	if n > snappyRatio*len(body) {
		return nil, snappy.ErrCorrupt
	}
	dst = slices.Grow(dst, n)
	out, err := snappy.Decode(dst[len(dst):len(dst)+n:len(dst)+n], body)
	if err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(out) != sum {
		return nil, errors.New("checksum differs")
	}
	return dst[:len(dst)+n], nil
}

// zstdWindow is the window that every zstandard decoder should support; even small
// frames may require it.
const zstdWindow = 8 << 20

func unzstd(dst, data []byte, limit int) ([]byte, error) {
	if len(data) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(max(limit, zstdWindow))))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	start := len(dst)
	dst, err = z.DecodeAll(data, dst)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, err
	}
	if len(dst)-start > limit {
		return nil, ErrTooLarge
	}
	return dst, nil
}
