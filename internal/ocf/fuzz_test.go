package ocf

import (
	"io"
	"testing"
)

func FuzzContainer(f *testing.F) {
	schema := join(blob("avro.schema"), blob(`"int"`))
	body := []byte("some records some records some records")
	for codec, data := range map[string][]byte{
		"null": body, "deflate": deflated(body), "snappy": snapped(body), "zstandard": zstded(body), "x": nil,
	} {
		f.Add(join(header(long(2), schema, blob("avro.codec"), blob(codec)), block(3, data), block(0, nil)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		h, err := ParseHeader(data)
		if err != nil {
			return
		}
		if h.Size > len(data) || len(h.Schema) > h.Size {
			t.Fatalf("header of %d bytes in %d", h.Size, len(data))
		}
		for rest := data[h.Size:]; ; {
			b, next, err := NextBlock(rest, h.Sync)
			if err == io.EOF && len(rest) > 0 {
				t.Fatal("io.EOF before the end")
			}
			if err != nil {
				return
			}
			if len(next)+len(b.Data)+SyncSize >= len(rest) || b.Count < 0 {
				t.Fatalf("block of %d, then %d, in %d bytes", len(b.Data), len(next), len(rest))
			}
			out, err := Decompress(nil, h.Codec, b.Data, limit)
			if err == nil && len(out) > limit {
				t.Fatalf("%d bytes", len(out))
			}
			rest = next
		}
	})
}

func FuzzDecompress(f *testing.F) {
	for _, body := range [][]byte{nil, []byte("aaaaaaaaaaaaaaaaaaaaaaaaaab"), sample()[:1000]} {
		f.Add(byte(0), deflated(body))
		f.Add(byte(1), snapped(body))
		f.Add(byte(2), zstded(body))
	}
	codecs := []string{"deflate", "snappy", "zstandard"}
	f.Fuzz(func(t *testing.T, codec byte, data []byte) {
		const limit = 1 << 16
		out, err := Decompress([]byte("x"), codecs[int(codec)%len(codecs)], data, limit)
		if err == nil && (len(out) > limit+1 || out[0] != 'x') {
			t.Fatalf("%d bytes, first %q", len(out), out[0])
		}
	})
}
