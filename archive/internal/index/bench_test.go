package index_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

var benchBatches = flag.Int64("batches", 1_000_000, "batches of the ledgers of benchmarks")

// hourBatches is the number of batches in an hour of the synthetic archive.
const hourBatches = 360

// synthetic writes the ledger of an archive with a batch every 10 s. If compacted, the
// last batch of each hour is a compaction of the others.
type synthetic struct {
	t         testing.TB
	root      string
	rng       *rand.Rand
	compacted bool
	hour      []ledger.File // to be compacted
}

func (s *synthetic) file(path string, at time.Time, rows int64) ledger.File {
	object := func() json.RawMessage { return fmt.Appendf(nil, `"ZTF%d%07x"`, 17+s.rng.IntN(9), s.rng.IntN(1<<28)) }
	id := 2_900_000_000_000_000_000 + s.rng.Int64N(1e17)
	return ledger.File{
		Table: ztf, Path: path, StagedPath: "staging/" + path, Rows: rows, Bytes: rows * (60_000 + s.rng.Int64N(5000)), First: at, Last: at.Add(9 * time.Second), Schema: 1,
		Stats: map[string][2]json.RawMessage{
			"alert_id":   {fmt.Appendf(nil, "%d", id), fmt.Appendf(nil, "%d", id+s.rng.Int64N(1e15))},
			"object_id":  {object(), object()},
			"ra":         {fmt.Appendf(nil, "%.7f", s.rng.Float64()*180), fmt.Appendf(nil, "%.7f", 180+s.rng.Float64()*180)},
			"dec":        {fmt.Appendf(nil, "%.7f", -30+s.rng.Float64()*50), fmt.Appendf(nil, "%.7f", 20+s.rng.Float64()*70)},
			"event_time": {at.AppendFormat(nil, `"`+time.RFC3339Nano+`"`), at.Add(9*time.Second).AppendFormat(nil, `"`+time.RFC3339Nano+`"`)},
			"night":      {at.AppendFormat(nil, "20060102"), at.AppendFormat(nil, "20060102")},
		},
	}
}

// batch returns the plan and the commit of a batch.
func (s *synthetic) batch(n int64) (plan, commit []byte) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 10 * time.Second)
	dir := ztf + "/" + at.Add(-10*time.Second).Format("2006/01/02/15")
	p := ledger.Plan{Batch: n, Token: fmt.Sprintf("%026x", s.rng.Uint64()), Created: at}
	c := ledger.Commit{Batch: n, Token: p.Token, Created: at, Bytes: 30e6, Seconds: 2.5}
	if s.compacted && n%hourBatches == 0 {
		r := &ledger.Replacement{Base: n - 1, Cleared: max(n-2*hourBatches, 0)}
		var rows int64
		for _, f := range s.hour {
			rows += f.Rows
			r.Files = append(r.Files, ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes})
		}
		c.Replaces, c.Needs, s.hour = r, []string{"replaces"}, nil
		c.Rejects.Data, _ = json.Marshal(map[string]any{"rewrite": r})
		c.Rows.Files = []ledger.File{s.file(fmt.Sprintf("%s/abcdefgh-rewrite-%012d-%08x-000000000001-0.parquet", dir, n-1, s.rng.Uint32()), at.Add(-time.Hour), rows)}
	} else {
		from := n * 500
		p.Ranges = []ledger.Range{{Partition: "5L6g3nShT-eMCtK--X86sw/ztf_programid1@SsQ3F9vPQl2GhGkh8gQX1w/0", From: from, To: from + 500}}
		c.Accounts = []ledger.Account{{Range: p.Ranges[0], Read: 500, Written: 500}}
		c.Rows.Files = []ledger.File{s.file(fmt.Sprintf("%s/abcdefgh-%012d-0.parquet", dir, n), at, 500)}
		if s.compacted {
			s.hour = append(s.hour, c.Rows.Files[0])
		}
	}
	plan, err := json.Marshal(p)
	require.NoError(s.t, err)
	commit, err = json.Marshal(c)
	require.NoError(s.t, err)
	return plan, commit
}

func (s *synthetic) write(name string, data []byte) {
	name = filepath.Join(s.root, layout.Ledger, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(s.t, os.WriteFile(name, data, 0o666))
}

func pack(t testing.TB, text []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = z.Write(text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// ledger writes the ledger through a batch. All but the last 100 batches are in history,
// in segments as large as they get.
func (s *synthetic) ledger(last int64) {
	const tail, member, segment = 100, 1024, 16 << 20
	var lines, data []byte
	from, inHistory := int64(1), last-tail
	for n := int64(1); n <= inHistory; n++ {
		plan, commit := s.batch(n)
		lines = fmt.Appendf(lines, "{\"plan\":%s,\"commit\":%s}\n", plan, commit)
		if n%member == 0 || n == inHistory {
			data, lines = append(data, pack(s.t, lines)...), lines[:0]
		}
		if len(data) > segment-1<<20 || n == inHistory {
			data, lines = append(data, pack(s.t, lines)...), lines[:0]
			s.write(fmt.Sprintf("history/%012d-%012d", from, n), data)
			from, data = n+1, nil
		}
	}
	s.write(fmt.Sprintf("snapshots/%012d", inHistory), pack(s.t, fmt.Appendf(nil, `{"version":"1","through":%d,"parts":{}}`, inHistory)))
	for n := inHistory + 1; n <= last; n++ {
		plan, commit := s.batch(n)
		s.write(fmt.Sprintf("%012d.plan", n), plan)
		s.write(fmt.Sprintf("%012d.commit", n), commit)
		s.write(fmt.Sprintf("%012d.done", n), fmt.Appendf(nil, `{"batch":%d,"created":"2026-01-01T00:00:00Z"}`, n))
	}
}

// sizeOf returns the bytes of the files of a directory of the ledger.
func (s *synthetic) sizeOf(dir string) (files int, size int64) {
	entries, err := os.ReadDir(filepath.Join(s.root, layout.Ledger, dir))
	require.NoError(s.t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(s.t, err)
		size += info.Size()
	}
	return len(entries), size
}

// BenchmarkOpen opens the index of an archive of a million batches, each hour of which
// is compacted, or none. It needs several minutes and 2 GB of disk to make the archives.
//
//	go test ./archive/internal/index -run - -bench Open -timeout 1h [-batches N]
func BenchmarkOpen(b *testing.B) {
	for _, compacted := range []bool{true, false} {
		w := &synthetic{t: b, root: b.TempDir(), rng: rand.New(rand.NewPCG(1, 2)), compacted: compacted}
		st, err := store.OpenDir(w.root)
		require.NoError(b, err)
		l, err := ledger.Open(b.Context(), st, layout.Ledger, nil)
		require.NoError(b, err)
		w.ledger(*benchBatches)
		_, history := w.sizeOf("history")
		begun := time.Now()
		_, err = index.OpenToSave(b.Context(), st, l)
		require.NoError(b, err)
		saved := time.Since(begun)
		segments, size := w.sizeOf("index")
		var x *index.Index
		b.Run(fmt.Sprintf("compacted=%v", compacted), func(b *testing.B) {
			for b.Loop() {
				x, err = index.Open(b.Context(), st, l)
				require.NoError(b, err)
			}
			require.Equal(b, *benchBatches, x.Through())
			require.Empty(b, x.Unusable())
			b.ReportMetric(float64(len(x.Table(ztf).Files)), "files")
			b.ReportMetric(float64(history)/1e6, "MB-history")
			b.ReportMetric(float64(size)/1e6, "MB-index")
			b.ReportMetric(float64(segments), "segments")
			b.ReportMetric(saved.Seconds(), "s-first")
		})
		b.Run(fmt.Sprintf("compacted=%v/RowsBefore", compacted), func(b *testing.B) {
			for b.Loop() {
				at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.rng.Int64N(*benchBatches)) * 10 * time.Second)
				_, err := x.RowsBefore(b.Context(), ztf, at)
				require.NoError(b, err)
			}
		})
	}
}
