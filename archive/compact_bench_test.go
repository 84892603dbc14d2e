//go:build unix

package archive_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// BenchmarkCompact compacts an archive of simulated or of real packets, 200 in a file,
// by one core: the inputs are read, sorted, written, read again and compared.
//
//	go test ./archive -run - -bench Compact/simulated -benchtime 20000x -cpu 1
//	go test ./archive -run - -bench Compact/lsst-9.0 -benchtime 5000x -cpu 1
//
// MB/cpu-s is the size of the replaced files in MB by the CPU time of the process.
func BenchmarkCompact(b *testing.B) {
	for _, set := range []string{"simulated", "ztf-3.3", "lsst-9.0"} {
		for _, order := range []archive.Order{archive.CommitOrder, archive.ObjectOrder, archive.SkyOrder} {
			b.Run(fmt.Sprintf("%s/%v", set, order), func(b *testing.B) { benchmarkCompact(b, set, order) })
		}
	}
}

func benchmarkCompact(b *testing.B, set string, order archive.Order) {
	dir, registry := b.TempDir(), new(sim.Registry)
	night := filepath.Join(dir, "night")
	makeNight(b, night, set, registry, b.N)
	s := &archive.Service{
		Job:      stream.MicroBatch{Source: &files.Source{Patterns: []string{night}}, Limits: stream.Limits{Rows: 200}},
		Registry: registry, Dir: filepath.Join(dir, "sky"),
	}
	require.NoError(b, s.Drain(context.Background()))
	syscall.Sync()
	b.ResetTimer()
	cpu := cpuSeconds()
	done, err := (&archive.Compaction{Dir: s.Dir, Order: order, Workers: 1}).Run(context.Background())
	cpu = cpuSeconds() - cpu
	b.StopTimer()
	require.NoError(b, err)
	if b.N > 1 {
		require.EqualValues(b, b.N, done.Rows)
	}
	b.SetBytes(done.Bytes / int64(b.N))
	b.ReportMetric(float64(done.Bytes)/1e6/cpu, "MB/cpu-s")
	b.ReportMetric(float64(done.Files), "files")
	b.ReportMetric(float64(done.NewFiles), "new-files")
}
