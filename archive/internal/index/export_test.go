package index

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
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

// SaveMillion saves the index of 976 segments, without the ledger's records.
func SaveMillion(b *testing.B, st store.Store, l *ledger.Ledger, compacted bool) (last int64) {
	const perHour, segments = 360, 976
	x := &Index{store: st, ledger: l, tables: map[string]*Table{}, current: &segment{}}
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	file := func(batch int64, kind string, rows int64) ledger.File {
		hour := begun.Add(time.Duration(batch/perHour) * time.Hour)
		return ledger.File{Table: layout.Alerts + "/ztf", Path: fmt.Sprintf("alerts/ztf/%s/abcdefgh-%s%012d-0.parquet", hour.Format("2006/01/02/15"), kind, batch),
			Rows: rows, Bytes: 20e6, First: hour, Last: hour.Add(time.Hour), Schema: 1,
			Stats: map[string][2]json.RawMessage{"alert_id": {[]byte("123456789012345"), []byte("123456789099999")}, "object_id": {[]byte(`"ZTF18aaaaaaa"`), []byte(`"ZTF26zzzzzzz"`)},
				"ra": {[]byte("0.123456789"), []byte("359.123456789")}, "dec": {[]byte("-29.123456789"), []byte("88.123456789")},
				"event_time": {[]byte(`"2026-01-01T00:00:00Z"`), []byte(`"2026-01-01T00:00:10Z"`)}, "night": {[]byte("20260101"), []byte("20260101")}}}
	}
	var hour []ledger.File
	for n := int64(1); n <= segments*segmentBatches; n++ {
		c := &ledger.Commit{Batch: n, Created: begun.Add(time.Duration(n) * 10 * time.Second)}
		if compacted && len(hour) >= perHour-1 {
			var rows int64
			c.Replaces = &ledger.Replacement{Base: n - 1, Cleared: max(n-2*perHour, 0)}
			for _, f := range hour {
				rows += f.Rows
				c.Replaces.Files = append(c.Replaces.Files, ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes})
			}
			out := file(n, "rewrite-", rows)
			out.Path = layout.Alerts + "/ztf/" + dirOf(hour[0]) + fmt.Sprintf("/abcdefgh-rewrite-%012d-0.parquet", n)
			c.Rows.Files, hour = []ledger.File{out}, nil
		} else {
			f := file(n, "", 500)
			if compacted {
				if len(hour) > 0 && dirOf(hour[0]) != dirOf(f) {
					f.Path = layout.Alerts + "/ztf/" + dirOf(hour[0]) + f.Path[len("alerts/ztf/2026/01/01/00"):]
				}
				hour = append(hour, f)
			}
			c.Rows.Files = []ledger.File{f}
		}
		require.NoError(b, x.add(ledger.Batch{Number: n, Commit: c, Done: true}))
		if n%segmentBatches == 0 {
			require.NoError(b, x.endSegment(b.Context()))
		}
	}
	return x.through
}
