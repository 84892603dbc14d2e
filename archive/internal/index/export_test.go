package index

import (
	"testing"
	"time"
)

// SetSegments sets the sizes of segments during a test.
func SetSegments(t *testing.T, batches, join int64) {
	oldBatches, oldJoined := segmentBatches, joined
	segmentBatches, joined = batches, join
	t.Cleanup(func() { segmentBatches, joined = oldBatches, oldJoined })
}

// EncodeSegment returns a segment with a file.
func EncodeSegment(f File) ([]byte, error) {
	s := &segment{from: 0, to: 4, points: []point{{4, time.Unix(5, 6), []rowCount{{f.Table, 3}}}}, files: []File{f}, removed: []string{"a", "ab"},
		pending: []Pending{{Of: 2, Batch: 3}}, cleared: 1, gaps: []gap{{f.Table, f.Dir, f.Runs}}}
	s.compact()
	return s.encode()
}

// DecodeSegment decodes a segment, and what it says is encoded again.
func DecodeSegment(data []byte) (again []byte, err error) {
	z, err := newDecoder()
	if err != nil {
		return nil, err
	}
	defer z.Close()
	s, err := decodeSegment(data, z)
	if err != nil {
		return nil, err
	}
	err = s.each(func(f *File) {
		f.Stat("ra")
		s.files = append(s.files, *f)
	})
	if err != nil {
		return nil, err
	}
	return s.encode()
}
