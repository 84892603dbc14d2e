package files

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// A container that may inflate a thousandfold does not share a chunk with
// others unless all of them together stay below the bound.
func TestWeight(t *testing.T) {
	plain, deflated, snappy := containerOf("null", 1, 1), containerOf("deflate", 1, 1), containerOf("snappy", 1, 1)
	zstd := append(header("zstandard", testSchema), block(1, record(1))...)
	cut := deflated[:len(deflated)-5]
	heavy := int64(1032 * len(deflated))
	light := int64(22 * len(snappy))
	dir := write(t, member{"a.avro", deflated}, member{"b.avro", deflated}, member{"c.avro", plain}, member{"d.avro", snappy},
		member{"e.avro", zstd}, member{"f.avro", cut}, member{"g.avro", containerOf("deflate", 3, 3)}, member{"h.bin", nil})
	for _, c := range []struct {
		chunk   int
		limit   int64
		rows    []int
		weights []int64
	}{
		{1 << 26, 1 << 24, []int{10}, []int64{2*heavy + light + 1<<24 + 1032*int64(len(cut))}},
		{int(2 * heavy), 1 << 24, []int{2, 2, 1, 5}, []int64{2 * heavy, light, 1 << 24, 1032 * int64(len(cut))}},
		{int(heavy) + 10_000, 1 << 24, []int{1, 3, 1, 5}, []int64{heavy, heavy + light, 1 << 24, 1032 * int64(len(cut))}},
		{10_000, 1 << 24, []int{1, 1, 2, 1, 1, 4}, []int64{heavy, heavy, light, 1 << 24, 1032 * int64(len(cut)), 0}},
		{10_000, 12_000, []int{1, 1, 2, 1, 1, 4}, []int64{12_000, 12_000, light, 12_000, 12_000, 0}},
	} {
		r := readAll(t, &Source{Patterns: []string{dir}, ChunkBytes: c.chunk, MaxMessage: c.limit})
		require.NoError(t, r.err)
		assert.Equal(t, c.rows, r.perChunk, "chunks of %d", c.chunk)
		assert.Equal(t, c.weights, r.weights, "chunks of %d", c.chunk)
	}
	tar := write(t, member{"a.tar", tarOf(t, member{"1", deflated}, member{"2", deflated})}) + "/a.tar"
	r := read(t, &Source{ChunkBytes: 10_000}, open(tar, 0))
	assert.Equal(t, []int64{heavy, heavy}, r.weights)
	assert.Equal(t, []stream.Account{account(tar, 0, 2, true)}, r.accounts)
}
