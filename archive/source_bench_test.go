//go:build unix

package archive_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// narrow are the columns of a service that looks at light curves.
var narrow = []string{"object_id", "candidate.jd", "candidate.magpsf", "candidate.fid", "candidate.rb"}

// sortedRows is the number of alerts of a batch of the archive that is sorted.
const sortedRows = 1000

// BenchmarkSource reads an archive of real packets, varied, in batches of 2,000 and of
// 200 alerts, and one that was sorted by objects: through Source, and the same row
// groups with the reader alone.
//
//	go test ./archive -run - -bench 'BenchmarkSource' -benchtime 5x
func BenchmarkSource(b *testing.B) {
	const n = 8000
	for _, rows := range []int64{2000, 200, sortedRows} {
		dir, registry := b.TempDir(), new(sim.Registry)
		night := filepath.Join(dir, "night")
		makeNight(b, night, "ztf-3.3", registry, n)
		s := &archive.Service{Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{night}}, Limits: stream.Limits{Rows: rows}}, Registry: registry, Dir: filepath.Join(dir, "sky")}
		require.NoError(b, s.Drain(context.Background()))
		name := fmt.Sprint(rows)
		if rows == sortedRows {
			_, err := (&archive.Compaction{Dir: s.Dir, Order: archive.ObjectOrder}).Run(context.Background())
			require.NoError(b, err)
			name = "sorted"
		}
		for what, columns := range map[string][]string{"whole": nil, "columns": narrow} {
			b.Run(what+"/"+name+"/source", func(b *testing.B) {
				measure(b, n, func() {
					source := &archive.Source{Dir: s.Dir, Columns: columns}
					all, err := source.Available(b.Context())
					require.NoError(b, err)
					var got int64
					for c, err := range source.Read(b.Context(), []stream.Range{all[0].Range}) {
						require.NoError(b, err)
						got += c.Messages.NumRows()
					}
					require.EqualValues(b, n, got)
				})
			})
			b.Run(what+"/"+name+"/reader", func(b *testing.B) {
				measure(b, n, func() { readAlone(b, s.Dir, columns) })
			})
		}
	}
}

func measure(b *testing.B, rows int64, f func()) {
	begun := cpuSeconds()
	for b.Loop() {
		f()
	}
	b.ReportMetric((cpuSeconds()-begun)/float64(b.N)/float64(rows)*1e6, "cpu-µs/row")
}

func readAlone(b *testing.B, dir string, columns []string) {
	st := openDir(b, dir)
	l, err := ledger.Open(b.Context(), st, "ledger", nil)
	require.NoError(b, err)
	x, err := index.Open(b.Context(), st, l)
	require.NoError(b, err)
	for _, f := range x.Table("alerts/ztf").Files {
		in, err := st.Open(b.Context(), f.Path)
		require.NoError(b, err)
		r, err := parquetfile.OpenReader(in, in.Size())
		require.NoError(b, err)
		for g := range r.NumRowGroups() {
			rec, err := r.ReadRowGroup(g, columns)
			require.NoError(b, err)
			rec.Release()
		}
		in.Close()
	}
}
