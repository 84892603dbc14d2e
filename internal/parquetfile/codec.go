package parquetfile

import (
	"io"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec is how pages are compressed.
type Codec int

const (
	// Zstd is Zstandard at its fastest level.
	Zstd Codec = iota
	// Snappy is faster than Zstd and compresses less.
	Snappy
	// None stores pages uncompressed.
	None
)

// Parquet's numbers for the codecs.
const (
	codecUncompressed = 0
	codecSnappy       = 1
	codecZstd         = 6
)

var codecNumbers = [...]int32{Zstd: codecZstd, Snappy: codecSnappy, None: codecUncompressed}

// maxCompressed returns the largest size that n bytes can have after compression.
func maxCompressed(n int, codec int32) int {
	switch codec {
	case codecSnappy:
		return s2.MaxEncodedLen(n)
	case codecZstd:
		return n + n>>8 + 64
	}
	return n
}

// compressor compresses pages. Each worker has one.
type compressor struct {
	zstd      [2]*zstd.Encoder // by noEntropy
	noEntropy int              // 1: zstd does not entropy-code the bytes between matches
}

// newZstd returns an encoder. Pages have checksums of their own.
func newZstd(out io.Writer, noEntropy bool) (*zstd.Encoder, error) {
	return zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false),
		zstd.WithNoEntropyCompression(noEntropy))
}

// append appends src, compressed with the codec, to dst.
func (c *compressor) append(dst, src []byte, codec int32) ([]byte, error) {
	switch codec {
	case codecSnappy:
		at := len(dst)
		dst = grown(dst, at+s2.MaxEncodedLen(len(src)))
		return dst[:at+len(s2.EncodeSnappy(dst[at:], src))], nil
	case codecZstd:
		if c.zstd[c.noEntropy] == nil {
			z, err := newZstd(nil, c.noEntropy == 1)
			if err != nil {
				return dst, err
			}
			c.zstd[c.noEntropy] = z
		}
		return c.zstd[c.noEntropy].EncodeAll(src, dst), nil
	}
	return append(dst, src...), nil
}

// sampleBytes is how much of a binary column is compressed to decide whether to
// compress the rest.
const sampleBytes = 64 << 10

// worthCompressing reports whether to compress a binary column that begins with
// vals. The cutouts of most surveys are gzipped and would not shrink.
func (c *compressor) worthCompressing(vals [][]byte, codec int32, scratch *[]byte) (bool, error) {
	sample := (*scratch)[:0]
	for _, v := range vals {
		if len(sample) == 0 && len(v) > 2 && v[0] == 0x1f && v[1] == 0x8b {
			return false, nil
		}
		if len(sample) >= sampleBytes {
			break
		}
		sample = append(sample, v[:min(len(v), sampleBytes)]...)
	}
	n := len(sample)
	sample, err := c.append(sample, sample, codec)
	*scratch = sample
	return len(sample)-n < n-n/10, err
}

// maxNoEntropyLoss is the fraction, 1/8, by which a page without entropy coding
// may be larger.
const maxNoEntropyLoss = 8

// tryNoEntropy decides from a page, which was compressed to size bytes, whether
// the rest of its column is entropy-coded. Cutouts that are not gzipped are
// mostly pixels with noise: entropy coding would save 4 to 6% and take a third of
// zstd's time.
func (c *compressor) tryNoEntropy(page []byte, size int, scratch []byte) error {
	c.noEntropy = 1
	out, err := c.append(scratch[:0], page, codecZstd)
	if len(out) > size+size/maxNoEntropyLoss {
		c.noEntropy = 0
	}
	return err
}
