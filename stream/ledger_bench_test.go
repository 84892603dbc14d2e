package stream

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// BenchmarkClaims has engines claim, commit and finish batches of one message
// each, on one ledger in a directory, with fsync: what numbering all batches
// of all processes allows at most. Each engine works on a partition of its own.
//
//	go test ./stream -run - -bench Claims -benchtime 1600x
func BenchmarkClaims(b *testing.B) {
	for _, n := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("engines=%d", n), func(b *testing.B) { benchmarkClaims(b, n) })
	}
}

func benchmarkClaims(b *testing.B, engines int) {
	dir, err := store.OpenDir(b.TempDir())
	require.NoError(b, err)
	each := int64(b.N+engines-1) / int64(engines)
	all := each * int64(engines)
	var done atomic.Int64
	var elapsed time.Duration
	var running sync.WaitGroup
	errs := make([]error, engines)
	b.ResetTimer()
	begun := time.Now()
	for i := range engines {
		l, err := ledger.Open(b.Context(), dir, "ledger", nil)
		require.NoError(b, err)
		m := &MicroBatch{
			Source: &spread{engines: engines, mine: i, size: each}, Ledger: l, Limits: Limits{Rows: 1}, Workers: 1, Log: quiet(),
			Sink: SinkFunc(func(context.Context, Rows) error { return nil }),
			Observe: onPublished(func() {
				if done.Add(1) == all {
					elapsed = time.Since(begun) // what follows is to see that there is no more
				}
			}),
		}
		running.Go(func() { errs[i] = m.Drain(b.Context()) })
	}
	running.Wait()
	b.StopTimer()
	for _, err := range errs {
		require.NoError(b, err)
	}
	require.GreaterOrEqual(b, done.Load(), all) // an engine that was slow had a batch published for it
	b.ReportMetric(float64(all)/elapsed.Seconds(), "claims/s")
	b.ReportMetric(float64(done.Load()-all), "published-again")
}

// spread is a source of a partition for each engine.
type spread struct {
	engines, mine int
	size          int64
}

func (s *spread) Available(context.Context) (out []Extent, err error) {
	for i := range s.engines {
		out = append(out, Extent{Range: Range{Partition: fmt.Sprint(i), To: s.size}, AssignedElsewhere: i != s.mine})
	}
	return out, nil
}

func (s *spread) Read(_ context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for _, r := range ranges {
			rec := numberRecord(memory.DefaultAllocator, make([]int64, r.Len())...)
			more := yield(Chunk{Messages: rec, Accounts: []Account{{Range: r, Read: r.Len()}}}, nil)
			rec.Release()
			if !more {
				return
			}
		}
	}
}
