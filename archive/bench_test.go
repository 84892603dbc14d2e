//go:build unix

package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// BenchmarkArchive archives real packets from files, with fsync, ledger and
// statistics: ZTF as container files, LSST as Confluent messages with plain
// FITS cutouts. Each packet is different: ids, times, positions and cutouts are
// varied, so that dictionaries do not help. Six event hours.
//
//	go test ./archive -run - -bench Archive/ztf-3.3 -benchtime 20000x
//	go test ./archive -run - -bench Archive/lsst-9.0 -benchtime 10000x
//
// cpu-s/1000 counts user and system time of the whole process.
func BenchmarkArchive(b *testing.B) {
	for _, set := range []string{"ztf-3.3", "lsst-9.0"} {
		for _, c := range []sink.Compression{sink.Zstd, sink.Snappy} {
			b.Run(set+"/"+c.String(), func(b *testing.B) { benchmarkArchive(b, set, c) })
		}
	}
}

func benchmarkArchive(b *testing.B, set string, c sink.Compression) {
	dir := b.TempDir()
	night, registry := filepath.Join(dir, "night"), new(sim.Registry)
	size := makeNight(b, night, set, registry, b.N)
	s := &archive.Service{
		Job:      stream.MicroBatch{Source: &files.Source{Patterns: []string{night}}},
		Registry: registry, Dir: filepath.Join(dir, "out"), Compression: c,
	}
	syscall.Sync() // what was made before is not to be counted
	runtime.GC()
	b.SetBytes(size / int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	begun, cpu := time.Now(), cpuSeconds()
	require.NoError(b, s.Drain(context.Background()))
	b.StopTimer()
	require.EqualValues(b, b.N, s.Progress().Written)
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "alerts/s")
	b.ReportMetric((cpuSeconds()-cpu)/float64(b.N)*1000, "cpu-s/1000")
	b.ReportMetric(float64(s.Progress().Bytes)/float64(b.N), "out-B/alert")
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// makeNight writes n packets over six event hours, simulated or made of a set of
// real ones, and returns their size.
func makeNight(b *testing.B, dir, set string, registry *sim.Registry, n int) (size int64) {
	simulated := sim.Simulator{Survey: sim.ZTF, Night: 6 * time.Hour, Alerts: n}
	packets := simulated.Packets(int64(n))
	if set != "simulated" {
		set = filepath.Join("../../shared/alerts", set)
		if _, err := os.Stat(set); err != nil {
			b.Skip("no real packets here")
		}
		r := sim.Replay{Patterns: []string{set}, Registry: registry, Vary: &sim.Vary{Span: 6 * time.Hour}}
		packets = r.Packets(b.Context(), int64(n))
	}
	i := 0
	for p, err := range packets {
		require.NoError(b, err)
		name := filepath.Join(dir, fmt.Sprintf("%03d/%06d.bin", i/1000, i))
		if i%1000 == 0 {
			require.NoError(b, os.MkdirAll(filepath.Dir(name), 0o777))
		}
		require.NoError(b, os.WriteFile(name, p.Value, 0o666))
		size, i = size+int64(len(p.Value)), i+1
	}
	return size
}
