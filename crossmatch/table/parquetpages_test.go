package table

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckRuns(t *testing.T) {
	for _, c := range []struct {
		runs    []byte
		entries int64
		sound   bool
	}{
		{nil, 0, true},
		{[]byte{2, 8 << 1, 3}, 4, true},
		{[]byte{2, 8 << 1, 4}, 4, false},                  // no such entry
		{[]byte{31, 3, 0xff, 0xff, 0xff, 0x7f}, 4, false}, // as many bits as 2^31 entries have
		{[]byte{2, 1<<1 | 1, 0xe4, 0xe4}, 4, true},
		{[]byte{2, 1<<1 | 1, 0xe4}, 4, true}, // truncated after the values
		{[]byte{33}, 1 << 40, false},
		{[]byte{2, 0xff}, 4, false},
	} {
		err := checkRuns(c.runs, c.entries)
		assert.Equal(t, c.sound, err == nil, "%v: %v", c.runs, err)
	}
}

// TestZstdBomb packs zeros so that the frame does not say how many there are.
func TestZstdBomb(t *testing.T) {
	const size = 40 << 20
	var frame bytes.Buffer
	w, err := zstd.NewWriter(&frame)
	require.NoError(t, err)
	for range size >> 20 {
		_, err = w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	in := input{bytes.NewReader(frame.Bytes()), int64(frame.Len())}
	most, err := zstdSize(in, 0, in.size)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, most, int64(size))
	assert.Less(t, most, int64(size+size/8))

	page := pageHeader{packed: in.size, unpacked: 100}
	assert.Error(t, checkPage(in, 0, page, compress.Codecs.Zstd))
	page.unpacked = size
	assert.NoError(t, checkPage(in, 0, page, compress.Codecs.Zstd))
	page.packed-- // and cut short
	assert.Error(t, checkPage(in, 0, page, compress.Codecs.Zstd))
}

func TestSnappyBomb(t *testing.T) {
	b := []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}
	in := input{bytes.NewReader(b), int64(len(b))}
	assert.Error(t, checkPage(in, 0, pageHeader{packed: in.size, unpacked: 1 << 20}, compress.Codecs.Snappy))
}

// A schema nested 200,000 deep, in 1.6 MB, is an error. The library would descend
// until the stack is full, which no recover catches.
func TestParquetDeepSchema(t *testing.T) {
	const depth = 200_000
	group := []byte{0x35, 0, 0x18, 1, 'a', 0x15, 2, 0} // required, "a", one child
	footer := []byte{0x15, 2, 0x19, 0xfc}              // version 1; the schema, a list of structs
	footer = binary.AppendUvarint(footer, depth+1)
	footer = append(footer, bytes.Repeat(group, depth)...)
	footer = append(footer, 0x15, 10, 0x25, 0, 0x18, 1, 'a', 0) // a double
	footer = append(footer, 0x16, 0, 0x19, 0x0c, 0)             // no rows, no row groups
	file := append([]byte("PAR1"), footer...)
	file = append(binary.LittleEndian.AppendUint32(file, uint32(len(footer))), "PAR1"...)
	_, err := NewReader(bytes.NewReader(file), int64(len(file)), "x", Options{})
	assert.ErrorContains(t, err, "its schema has 200001 elements")
}
