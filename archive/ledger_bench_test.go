//go:build unix

package archive_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

const (
	ledgerBatch = 2000 // messages: ten seconds of 200 a second
	ledgerOld   = 58   // batches that are there before, so that a snapshot falls due
	ledgerPairs = 3
)

// BenchmarkLedger archives the same alerts with the service and with a job of the
// same parts whose ledger is in memory. The ratio of the CPU times is the cost of
// the ledger with its fsyncs, snapshots and history. Each is the best of three.
// BenchmarkRealLedger does the same with a real Kafka and a group.
//
//	go test ./archive -run - -bench Ledger -benchtime 20000x
func BenchmarkLedger(b *testing.B) {
	night := filepath.Join(b.TempDir(), "night")
	makeNight(b, night, "ztf-3.3", nil, b.N)
	benchmarkLedger(b, int64(b.N), func(bool) stream.Source { return &files.Source{Patterns: []string{night}} })
}

// benchmarkLedger reads n alerts of a source, which joins a group if shared.
func benchmarkLedger(b *testing.B, n int64, source func(shared bool) stream.Source) {
	with, without := math.Inf(1), math.Inf(1)
	for range ledgerPairs {
		without = min(without, cpuOf(b, n, func(dir string) engine { return bareJob(b, source(false), dir) }))
		with = min(with, cpuOf(b, n, func(dir string) engine { return oldService(b, source(true), dir) }))
	}
	b.ReportMetric(without/float64(n)*1000, "without-cpu-s/1000")
	b.ReportMetric(with/float64(n)*1000, "with-cpu-s/1000")
	b.ReportMetric(with/without, "ratio")
	b.ReportMetric(0, "ns/op")
}

// cpuOf returns the CPU seconds that it takes to drain an engine.
func cpuOf(b *testing.B, n int64, open func(dir string) engine) float64 {
	dir, err := os.MkdirTemp(b.TempDir(), "")
	require.NoError(b, err)
	defer os.RemoveAll(dir)
	e := open(dir)
	syscall.Sync()
	runtime.GC()
	begun := cpuSeconds()
	require.NoError(b, e.Drain(b.Context()))
	used := cpuSeconds() - begun
	p := e.Progress()
	require.Equal(b, n, p.Written)
	b.Logf("%T: %d batches, %.2f s", e, p.Batches, used)
	if c, ok := source(e).(interface{ Close() error }); ok {
		require.NoError(b, c.Close())
	}
	return used
}

// engine is a service or a job.
type engine interface {
	Drain(context.Context) error
	Progress() stream.Progress
}

func source(e engine) stream.Source {
	if s, ok := e.(*archive.Service); ok {
		return s.Job.Source
	}
	return e.(*stream.MicroBatch).Source
}

// oldService is a service whose ledger has seen some batches.
func oldService(b *testing.B, source stream.Source, dir string) *archive.Service {
	s := &archive.Service{Job: stream.MicroBatch{Source: source, Limits: stream.Limits{Rows: ledgerBatch}}, Dir: dir, Shared: true}
	st, err := store.OpenDir(dir)
	require.NoError(b, err)
	l, err := ledger.Open(b.Context(), st, "ledger", map[string]string{"clock": s.Clock.String(), "layout": s.Clock.Layout()})
	require.NoError(b, err)
	for i := range int64(ledgerOld) {
		_, err = l.PutPlan(b.Context(), &ledger.Plan{Batch: i + 1, Token: "old"})
		require.NoError(b, err)
		_, err = l.PutCommit(b.Context(), &ledger.Commit{Batch: i + 1, Token: "old"})
		require.NoError(b, err)
		require.NoError(b, l.PutDone(b.Context(), i+1))
	}
	return s
}

// bareJob is what a service does, without what makes it exactly once.
func bareJob(b *testing.B, source stream.Source, dir string) *stream.MicroBatch {
	st, err := store.OpenDir(dir)
	require.NoError(b, err)
	schemas, err := ledger.Open(context.Background(), store.NewMemory(), "ledger", nil)
	require.NoError(b, err)
	decoder := &alert.Decoder{Schemas: schemas}
	b.Cleanup(func() { decoder.Close() })
	spill := filepath.Join(dir, "staging")
	return &stream.MicroBatch{
		Source: source, Transforms: []stream.Transform{decoder}, Limits: stream.Limits{Rows: ledgerBatch},
		Sink:    &sink.Parquet{Store: st, Spill: spill, Schemas: schemas},
		Rejects: &sink.Parquet{Store: st, Spill: spill, Clock: sink.IngestTime},
	}
}
