package ocf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testSync = [SyncSize]byte{0: 0xab, 15: 0xcd}

func long(v int64) []byte { return binary.AppendVarint(nil, v) }

func blob(b string) []byte { return append(long(int64(len(b))), b...) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func header(entries ...[]byte) []byte {
	return join([]byte("Obj\x01"), join(entries...), long(0), testSync[:])
}

func block(count int64, data []byte) []byte {
	return join(long(count), long(int64(len(data))), data, testSync[:])
}

func TestHeader(t *testing.T) {
	schema, codec := join(blob("avro.schema"), blob(`"int"`)), join(blob("avro.codec"), blob("deflate"))
	other := join(blob("who"), blob("me"))
	sized := join(schema, codec)
	for name, c := range map[string]struct {
		data  []byte
		codec string
	}{
		"plain":    {header(long(2), schema, codec), "deflate"},
		"reversed": {header(long(2), codec, schema), "deflate"},
		"no codec": {header(long(1), schema), "null"},
		"others":   {header(long(3), other, schema, other), "null"},
		"blocks":   {header(long(1), schema, long(1), codec, long(1), other), "deflate"},
		"sized":    {header(long(-2), long(int64(len(sized))), sized), "deflate"},
	} {
		h, err := ParseHeader(append(c.data, 1, 2, 3))
		require.NoError(t, err, name)
		assert.Equal(t, `"int"`, string(h.Schema), name)
		assert.Equal(t, c.codec, h.Codec, name)
		assert.Equal(t, testSync, h.Sync, name)
		assert.Equal(t, len(c.data), h.Size, name)
		for n := range c.data {
			_, err := ParseHeader(c.data[:n])
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s cut at %d", name, n)
		}
	}
}

func TestHeaderAliasesInput(t *testing.T) {
	data := header(long(1), blob("avro.schema"), blob(`"int"`))
	h, err := ParseHeader(data)
	require.NoError(t, err)
	data[bytes.Index(data, []byte("int"))] = 'I'
	assert.Equal(t, `"Int"`, string(h.Schema))
	assert.Equal(t, len(h.Schema), cap(h.Schema), "an append must not write over the input")
}

func TestHeaderErrors(t *testing.T) {
	schema := join(blob("avro.schema"), blob(`"int"`))
	cutShort := io.ErrUnexpectedEOF
	for name, c := range map[string]struct {
		data []byte
		cut  bool
	}{
		"magic":               {[]byte("Obj\x02aaaaaaaaaaaaaaaaaaaaa"), false},
		"magic, short":        {[]byte("Ox"), false},
		"no schema":           {header(long(1), blob("avro.codec"), blob("null")), false},
		"empty map":           {header(), false},
		"count 2^40":          {join([]byte("Obj\x01"), long(1<<40), schema), true},
		"count least":         {header(long(math.MinInt64), long(1), schema), false},
		"size negative":       {header(long(-1), long(-1), schema), false},
		"size 2^40":           {header(long(-1), long(1<<40), schema), true},
		"key 2^40":            {header(long(1), long(1<<40), schema), true},
		"key 2^63-1":          {header(long(1), long(math.MaxInt64), schema), true},
		"key negative":        {header(long(1), long(-1), schema), false},
		"value negative":      {header(long(1), blob("x"), long(-9), schema), false},
		"varint of 11 bytes":  {header(bytes.Repeat([]byte{0xff}, 11), schema), false},
		"varint of 65 bits":   {header(bytes.Repeat([]byte{0xff}, 9), []byte{2}, schema), false},
		"varint without end":  {join([]byte("Obj\x01"), []byte{0xff, 0xff}), true},
		"nothing after magic": {[]byte("Obj\x01"), true},
	} {
		_, err := ParseHeader(c.data)
		require.Error(t, err, name)
		assert.Equal(t, c.cut, errors.Is(err, cutShort), "%s: %v", name, err)
		assert.Contains(t, err.Error(), "ocf: header: ", name)
	}
}

func TestLongNumbers(t *testing.T) {
	for _, data := range [][]byte{
		append(bytes.Repeat([]byte{0xff}, 9), 2), bytes.Repeat([]byte{0x80}, 11),
	} {
		_, err := ParseHeader(header(data))
		assert.ErrorContains(t, err, "beyond 64 bits")
	}
}

func TestBlocks(t *testing.T) {
	first := block(2, []byte("abcd"))
	data := join(first, block(0, nil))
	b, rest, err := NextBlock(data, testSync)
	require.NoError(t, err)
	assert.Equal(t, Block{Count: 2, Data: []byte("abcd")}, b)
	b, rest, err = NextBlock(rest, testSync)
	require.NoError(t, err)
	assert.Equal(t, int64(0), b.Count)
	assert.Empty(t, b.Data)
	_, _, err = NextBlock(rest, testSync)
	assert.Equal(t, io.EOF, err)
	for n := 1; n < len(first); n++ {
		_, _, err := NextBlock(first[:n], testSync)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d", n)
	}
}

func TestBlockErrors(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		cut  bool
	}{
		"count negative":    {join(long(-1), long(1), []byte{0}, testSync[:]), false},
		"size negative":     {join(long(1), long(-1), []byte{0}, testSync[:]), false},
		"size 2^40":         {join(long(1), long(1<<40), []byte{0}, testSync[:]), true},
		"size 2^63-1":       {join(long(1), long(math.MaxInt64), []byte{0}, testSync[:]), true},
		"sync":              {append(block(1, []byte("x"))[:18], 0), false},
		"size one too few":  {join(long(1), long(1), []byte("xy"), testSync[:]), false},
		"size one too many": {join(long(1), long(3), []byte("xy"), testSync[:]), true},
		"zeros":             {make([]byte, 100), false},
	} {
		_, _, err := NextBlock(c.data, testSync)
		require.Error(t, err, name)
		assert.Equal(t, c.cut, errors.Is(err, io.ErrUnexpectedEOF), "%s: %v", name, err)
	}
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.DefaultCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func snapped(b []byte) []byte {
	return binary.BigEndian.AppendUint32(snappy.Encode(nil, b), crc32.ChecksumIEEE(b))
}

func zstded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	defer func() { _ = w.Close() }()
	return w.EncodeAll(b, nil)
}

// sample is a few hundred KB, neither random nor constant.
func sample() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for range 20_000 {
		b = append(b, "alert"[:r.IntN(5)]...)
		b = append(b, byte(r.Uint32()))
	}
	return b
}

func TestDecompress(t *testing.T) {
	plain := sample()
	for codec, pack := range map[string]func([]byte) []byte{"deflate": deflated, "snappy": snapped, "zstandard": zstded} {
		for _, want := range [][]byte{plain, {}, {7}, make([]byte, 1<<20)} {
			packed := pack(want)
			out, err := Decompress([]byte("before"), codec, packed, len(want))
			require.NoError(t, err, "%s of %d", codec, len(want))
			assert.True(t, bytes.Equal(append([]byte("before"), want...), out), codec)
			if len(want) > 0 {
				_, err = Decompress(nil, codec, packed, len(want)-1)
				assert.ErrorIs(t, err, ErrTooLarge, codec)
			}
		}
		packed := pack(plain)
		for _, n := range []int{0, 1, 3, 4, 5, len(packed) / 2, len(packed) - 1} {
			_, err := Decompress(nil, codec, packed[:n], 1<<24)
			assert.Error(t, err, "%s cut at %d of %d", codec, n, len(packed))
		}
		_, err := Decompress(nil, codec, append(bytes.Clone(packed), "tail"...), 1<<24)
		assert.Error(t, err, "%s with a tail", codec)
	}
}

func TestDecompressNull(t *testing.T) {
	data := []byte("abc")
	out, err := Decompress([]byte("before"), "null", data, 3)
	require.NoError(t, err)
	assert.Same(t, &data[0], &out[0])
	_, err = Decompress(nil, "null", data, 2)
	assert.ErrorIs(t, err, ErrTooLarge)
}

func TestDecompressUnknown(t *testing.T) {
	_, err := Decompress(nil, "brotli", nil, 1)
	assert.ErrorIs(t, err, ErrCodec)
	assert.EqualError(t, err, `ocf: codec "brotli": unknown codec`)
}

func TestDeflateAdlerRest(t *testing.T) {
	plain := []byte("some records, compressed by a writer that cut a zlib stream")
	sum := binary.BigEndian.AppendUint32(nil, adler32.Checksum(plain))
	for n := range 5 {
		out, err := Decompress(nil, "deflate", append(deflated(plain), sum[:n]...), 100)
		require.NoError(t, err)
		assert.Equal(t, plain, out)
	}
	sum[1]++
	_, err := Decompress(nil, "deflate", append(deflated(plain), sum[:3]...), 100)
	assert.ErrorIs(t, err, errTrailing)
}

func TestSnappyDamage(t *testing.T) {
	data := snapped([]byte("abcdefgh"))
	data[len(data)-1]++
	_, err := Decompress(nil, "snappy", data, 100)
	assert.ErrorContains(t, err, "checksum differs")
	claim := append(binary.AppendUvarint(nil, 1<<30), "abcdefgh"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Decompress(nil, "snappy", claim, 1<<31-1)
	runtime.ReadMemStats(&after)
	assert.Error(t, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// alerts returns the files of the shared sample of real alerts, if it is there.
func alerts(tb testing.TB, pattern string) [][]byte {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(tb, dir, filepath.Dir(dir), "no go.mod above")
		dir = filepath.Dir(dir)
	}
	names, err := filepath.Glob(filepath.Join(dir, "../shared/alerts", pattern))
	require.NoError(tb, err)
	if len(names) == 0 {
		tb.Skip("no real alerts here")
	}
	var out [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(tb, err)
		out = append(out, data)
	}
	return out
}

func TestRealAlerts(t *testing.T) {
	for _, data := range alerts(t, "*/*.avro") {
		h, err := ParseHeader(data)
		require.NoError(t, err)
		assert.Equal(t, byte('{'), h.Schema[0])
		records := int64(0)
		for rest := data[h.Size:]; ; {
			b, next, err := NextBlock(rest, h.Sync)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			out, err := Decompress(nil, h.Codec, b.Data, 64<<20)
			require.NoError(t, err)
			assert.NotEmpty(t, out)
			records += b.Count
			rest = next
		}
		assert.Equal(t, int64(1), records)
	}
}

func BenchmarkHeaderAndBlock(b *testing.B) {
	all := alerts(b, "ztf-3.3/*.avro")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		data := all[n%len(all)]
		n++
		h, err := ParseHeader(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := NextBlock(data[h.Size:], h.Sync); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "alerts/s")
}
