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

// compressor is one worker's own.
type compressor struct {
	zstd *zstd.Encoder
}

// append appends src compressed, or as it is, to dst.
func (c *compressor) append(dst, src []byte, codec int32) ([]byte, error) {
	switch codec {
	case codecSnappy:
		at := len(dst)
		dst = grown(dst, at+s2.MaxEncodedLen(len(src)))
		return dst[:at+len(s2.EncodeSnappy(dst[at:], src))], nil
	case codecZstd:
		if c.zstd == nil {
			// The pages' own sizes are in their headers; a checksum of zstd's
			// would be read by nobody.
			z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
				zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
			if err != nil {
				return dst, err
			}
			c.zstd = z
		}
		return c.zstd.EncodeAll(src, dst), nil
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
