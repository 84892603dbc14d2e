package parquetfile

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec compresses pages.
type Codec int

const (
	// Zstd is Zstandard at its fastest level.
	Zstd Codec = iota
	// Snappy is quicker to write and larger.
	Snappy
	// None stores the pages as they are.
	None
)

// Parquet's numbers for the codecs.
const (
	codecUncompressed = 0
	codecSnappy       = 1
	codecZstd         = 6
)

func (c Codec) number() (int32, error) {
	switch c {
	case Zstd:
		return codecZstd, nil
	case Snappy:
		return codecSnappy, nil
	case None:
		return codecUncompressed, nil
	}
	return 0, fmt.Errorf("parquetfile: no codec %d", int(c))
}

// compressedRoom is how much n bytes take at most once they are compressed.
func compressedRoom(n int, codec int32) int {
	switch codec {
	case codecSnappy:
		return s2.MaxEncodedLen(n)
	case codecZstd:
		return n + n>>8 + 64
	}
	return n
}

// compressor is one worker's own.
type compressor struct {
	zstd  [2]*zstd.Encoder
	light int // 1: zstd leaves the bytes between matches as they are
}

// append appends src compressed, or as it is, to dst.
func (c *compressor) append(dst, src []byte, codec int32) ([]byte, error) {
	switch codec {
	case codecSnappy:
		at := len(dst)
		dst = grown(dst, at+s2.MaxEncodedLen(len(src)))
		return dst[:at+len(s2.EncodeSnappy(dst[at:], src))], nil
	case codecZstd:
		if c.zstd[c.light] == nil {
			// The pages' own sizes are in their headers; a checksum of zstd's
			// would be read by nobody.
			z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
				zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false),
				zstd.WithNoEntropyCompression(c.light == 1))
			if err != nil {
				return dst, err
			}
			c.zstd[c.light] = z
		}
		return c.zstd[c.light].EncodeAll(src, dst), nil
	}
	return append(dst, src...), nil
}

// trialBytes is how much of a binary column is compressed to see whether the
// rest is worth it.
const trialBytes = 64 << 10

// pays tells whether to compress a binary column that begins with vals. The
// cutouts of most surveys are gzipped already: a codec would only burn time.
func (c *compressor) pays(vals [][]byte, codec int32, scratch *[]byte) (bool, error) {
	sample := (*scratch)[:0]
	for _, v := range vals {
		if len(sample) == 0 && len(v) > 2 && v[0] == 0x1f && v[1] == 0x8b {
			return false, nil
		}
		if len(sample) >= trialBytes {
			break
		}
		sample = append(sample, v[:min(len(v), trialBytes)]...)
	}
	n := len(sample)
	sample, err := c.append(sample, sample, codec)
	*scratch = sample
	return len(sample)-n < n-n/10, err
}

// lightLoss is the part of its size that a page compressed lightly may be
// larger.
const lightLoss = 8

// lighten settles how the pages of a column are compressed that come after a
// page, which took size bytes. What is not gzipped in cutouts are mostly
// pixels, whose noise hardly has a shorter code than itself: it would take
// zstd a third of its time to find one that saves 4 to 6%.
func (c *compressor) lighten(page []byte, size int, scratch []byte) error {
	c.light = 1
	out, err := c.append(scratch[:0], page, codecZstd)
	if len(out) > size+size/lightLoss {
		c.light = 0
	}
	return err
}
