package stream

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// After many batches a start is quick, the ledger's directory is small, and
// history has them all.
func TestManyBatches(t *testing.T) {
	n := int64(5_000)
	if text := os.Getenv("SKYFINCH_BATCHES"); text != "" { // a million takes 40 s
		var err error
		n, err = strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
	} else if os.Getenv("SKYFINCH_LONG") != "" {
		n = 100_000
	}
	ctx := t.Context()
	s := store.NewMemory()
	l, err := ledger.Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, n)

	dir := t.TempDir()
	files, bytes := 0, int64(0)
	for e, err := range s.List(ctx, "") {
		require.NoError(t, err)
		data, err := s.Get(ctx, e.Name)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, e.Name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, e.Name), data, 0o666))
		files, bytes = files+1, bytes+e.Size
	}
	begun := time.Now()
	disk, err := store.OpenDir(dir)
	require.NoError(t, err)
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10*n + 5, "1": 10 * n}, chunk: 5}, disk)
	m.Limits.Rows = 100
	require.NoError(t, m.Drain(ctx))
	took := time.Since(begun)
	assert.EqualValues(t, 5, m.Progress().Read)
	assert.Less(t, files, 400)
	assert.Less(t, took, time.Second, "8 ms on a machine with nothing else to do")
	t.Logf("%d batches: %d files, %d bytes, a start and a batch in %v", n, files, bytes, took)

	begun = time.Now()
	want := int64(1)
	for b, err := range m.Ledger.Batches(ctx, 1) {
		require.NoError(t, err)
		require.Equal(t, want, b.Number)
		require.Equal(t, want, b.Plan.Batch)
		require.Equal(t, want, b.Commit.Batch)
		want++
	}
	assert.Equal(t, n+2, want)
	t.Logf("read all in %v", time.Since(begun))
}

// putBatches puts n done batches of two partitions, ten offsets each, into a
// ledger, with the snapshots and the truncation of an engine.
func putBatches(t *testing.T, l *ledger.Ledger, n int64) {
	t.Helper()
	var c protocol.Coverage
	for b := int64(1); b <= n; b++ {
		p := &ledger.Plan{Batch: b, Token: "p"}
		r := &ledger.Commit{Batch: b, Token: "c"}
		for _, name := range []string{"0", "1"} {
			p.Ranges = append(p.Ranges, Range{Partition: name, From: 10 * (b - 1), To: 10 * b})
			r.Accounts = append(r.Accounts, Account{Range: p.Ranges[len(p.Ranges)-1], Read: 10, Written: 10})
		}
		_, err := l.PutPlan(t.Context(), p)
		require.NoError(t, err)
		_, err = l.PutCommit(t.Context(), r)
		require.NoError(t, err)
		require.NoError(t, l.PutDone(t.Context(), b))
		require.NoError(t, fold(&c, p, r.Accounts...))
		if b%64 == 0 {
			require.NoError(t, l.PutSnapshot(t.Context(), c.Snapshot(b)))
			require.NoError(t, l.Truncate(t.Context()))
		}
	}
}
