package index_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

func exampleSegment(t require.TestingT) ([]byte, [][]byte) {
	data, err := index.EncodeSegment(index.File{
		File: ledger.File{Table: ztf, Path: ztf + "/2026/01/01/01/a.parquet", Rows: 3, First: time.Unix(5, 7), Stats: map[string][2]json.RawMessage{"ra": {[]byte("1"), []byte("2")}}},
		Dir:  "2026/01/01/01", Runs: []index.Run{{1, 2}, {5, 1}}})
	require.NoError(t, err)
	return data, index.Frames(data)
}

func TestSegmentIsEncodedAgain(t *testing.T) {
	data, frames := exampleSegment(t)
	again, err := index.DecodeSegment(data)
	require.NoError(t, err)
	assert.Equal(t, data, again)
	for i := range data {
		damaged := append([]byte{}, data...)
		damaged[i] ^= 4
		_, err := index.DecodeSegment(damaged)
		assert.Error(t, err, "byte %d", i)
	}
	for i := range len(frames[1]) {
		_, err := index.DecodeSegment(index.Seal(frames[0], frames[1][:i], frames[2]))
		assert.Error(t, err, "files cut at %d", i)
	}
	for i := range len(frames[0]) {
		_, err := index.DecodeSegment(index.Seal(frames[0][:i], frames[1], frames[2]))
		assert.Error(t, err, "cut at %d", i)
	}
	for _, frames := range [][][]byte{{frames[0]}, {frames[0], frames[1]}, {frames[0], frames[1], frames[2], frames[1], frames[2]}} {
		_, err := index.DecodeSegment(index.Seal(frames...))
		assert.Error(t, err, "%d frames", len(frames))
	}
}

// FuzzSegment decodes any content. What can be decoded can be encoded.
func FuzzSegment(f *testing.F) {
	data, _ := exampleSegment(f)
	f.Add(data)
	f.Add([]byte("skyfinch index 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = index.DecodeSegment(data) })
}

// FuzzFrames decodes any frames, with the right checksum.
func FuzzFrames(f *testing.F) {
	_, frames := exampleSegment(f)
	f.Add(frames[0], frames[1], frames[2])
	f.Fuzz(func(t *testing.T, state, files, stats []byte) {
		again, err := index.DecodeSegment(index.Seal(state, files, stats))
		if err != nil {
			return
		}
		third, err := index.DecodeSegment(again)
		require.NoError(t, err)
		require.Equal(t, again, third)
	})
}
