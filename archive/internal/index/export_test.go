package index

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// SetSegments sets the sizes of segments during a test.
func SetSegments(t *testing.T, batches, join int64) {
	oldBatches, oldJoined := segmentBatches, joined
	segmentBatches, joined = batches, join
	t.Cleanup(func() { segmentBatches, joined = oldBatches, oldJoined })
}

// EncodeSegment returns a segment with a file.
func EncodeSegment(f File) ([]byte, error) {
	f.packStats()
	s := &segment{from: 0, to: 4, points: []point{{4, time.Unix(5, 6), []rowCount{{f.Table, 3}}}}, files: []File{f}, removed: []string{"a", "ab"},
		pending: []Pending{{Of: 2, Batch: 3}}, cleared: 1, gaps: []gap{{f.Table, f.Dir, f.Runs}}}
	s.compact()
	return s.encode()
}

// Frames returns the frames of a segment, decompressed.
func Frames(data []byte) (frames [][]byte) {
	z, _ := newDecoder() // it cannot fail
	for rest := data[len(segmentHead) : len(data)-4]; len(rest) > 0; {
		size := binary.LittleEndian.Uint32(rest)
		f, err := z.DecodeAll(rest[4:4+size], nil)
		if err != nil {
			panic(err)
		}
		frames, rest = append(frames, f), rest[4+size:]
	}
	return frames
}

// Seal returns the content of a segment with these frames.
func Seal(frames ...[]byte) []byte {
	z, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) // it cannot fail
	defer z.Close()
	out := []byte(segmentHead)
	for _, f := range frames {
		f = z.EncodeAll(f, nil)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(f))), f...)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// DecodeSegment decodes a segment, and encodes it again.
func DecodeSegment(data []byte) (again []byte, err error) {
	z, err := newDecoder()
	if err != nil {
		return nil, err
	}
	s, err := decodeSegment(data, z)
	if err != nil {
		return nil, err
	}
	all, err := join([]*segment{s})
	if err != nil {
		return nil, err
	}
	for i := range all.files {
		all.files[i].Stat("ra")
	}
	return all.encode()
}
