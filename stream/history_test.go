package stream

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// pastBatches puts n done batches of two partitions, ten offsets each, into a ledger,
// with the snapshots and the truncation of an engine.
func pastBatches(t *testing.T, l *Ledger, n int64) {
	t.Helper()
	v := newView()
	for b := int64(1); b <= n; b++ {
		v.tail = []entry{pastBatch(t, l, b)}
		require.NoError(t, v.settle())
		if b-v.through >= v.claims.period() {
			require.NoError(t, l.putSnapshot(t.Context(), newSnapshot(b, &v.claims)))
			require.NoError(t, l.truncate(t.Context()))
			v.through = b
		}
	}
}

func pastBatch(t *testing.T, l *Ledger, b int64) entry {
	p := &Plan{Batch: b, Token: "p", Ranges: []Range{{"0", 10 * (b - 1), 10 * b}, {"1", 10 * (b - 1), 10 * b}}}
	c := &Commit{Batch: b, Token: "c", Accounts: []Account{{Range: p.Ranges[0], Read: 10, Written: 10}, {Range: p.Ranges[1], Read: 10, Written: 10}}}
	_, err := put(t.Context(), l, b, kindPlan, p)
	require.NoError(t, err)
	_, err = put(t.Context(), l, b, kindCommit, c)
	require.NoError(t, err)
	_, err = put(t.Context(), l, b, kindDone, &Done{Batch: b})
	require.NoError(t, err)
	return entry{plan: p, committed: c, done: present}
}

// After a million batches a start is quick, the ledger's directory is small,
// and history has them all.
func TestManyBatches(t *testing.T) {
	n := int64(100_000)
	if text := os.Getenv("SKYFINCH_BATCHES"); text != "" { // a million takes 40 s
		var err error
		n, err = strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
	} else if testing.Short() {
		n = 5_000
	}
	ctx := t.Context()
	s := store.NewMemory()
	l, err := OpenLedger(ctx, s, "ledger", nil)
	require.NoError(t, err)
	pastBatches(t, l, n)

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
	for b, err := range m.Ledger.Batches(ctx) {
		require.NoError(t, err)
		require.Equal(t, want, b.Batch)
		require.Equal(t, want, b.Plan.Batch)
		require.Equal(t, want, b.Commit.Batch)
		want++
	}
	assert.Equal(t, n+2, want)
	t.Logf("read all in %v", time.Since(begun))
}

// A ledger is truncated beside its readers and by two processes at once, and
// whatever is interrupted there loses nothing.
func TestTruncateIsInterrupted(t *testing.T) {
	step := 3
	if testing.Short() {
		step = 31
	}
	for k := 1; ; k += step {
		s := store.NewMemory()
		l, err := OpenLedger(t.Context(), s, "ledger", nil)
		require.NoError(t, err)
		last := int64(8 * snapshotPeriod)
		pastBatches(t, l, last-1)
		pastBatch(t, l, last) // whose snapshot joins segments
		var c claims
		for p := range 2 {
			require.NoError(t, c.settle(Account{Range: Range{fmt.Sprint(p), 0, 10 * last}}))
		}
		require.NoError(t, l.putSnapshot(t.Context(), newSnapshot(last, &c)))
		hit := false
		l.records = &faultstore.Store{Store: s, Before: nth(k, func() error { hit = true; return errFault })}
		_ = l.truncate(t.Context())
		l.records = s
		want := int64(1)
		for b, err := range l.Batches(t.Context()) {
			require.NoError(t, err, "operation %d", k)
			require.Equal(t, want, b.Batch, "operation %d", k)
			want++
		}
		require.Equal(t, last+1, want, "operation %d", k)
		require.NoError(t, l.truncate(t.Context()))
		n := 0
		for e, err := range s.List(t.Context(), "ledger/") {
			require.NoError(t, err)
			if n++; testing.Verbose() && k == 1 {
				fmt.Println(e.Name, e.Size)
			}
		}
		require.Equal(t, 2+keepSnapshots, n, "ledger.json, one segment, some snapshots")
		if !hit {
			require.Greater(t, k, 20)
			return
		}
	}
}

// Who is at a batch that others have long decided, and whose records are in
// history, does not take what it puts there for what stands.
func TestClaimUnderSnapshot(t *testing.T) {
	ctx := t.Context()
	s := store.NewMemory()
	l, err := OpenLedger(ctx, s, "ledger", nil)
	require.NoError(t, err)
	pastBatches(t, l, snapshotPeriod-2)
	for i, token := range []string{"other", "mine"} {
		n := int64(snapshotPeriod - 1 + i)
		mine, err := l.Claim(ctx, n)
		require.NoError(t, err)
		assert.True(t, mine)
		mine, err = l.Decide(ctx, &Commit{Batch: n, Token: token})
		require.NoError(t, err)
		assert.True(t, mine)
		require.NoError(t, l.Finish(ctx, n))
	}
	v := newView()
	require.NoError(t, l.putSnapshot(ctx, newSnapshot(snapshotPeriod, &v.claims)))
	require.NoError(t, l.truncate(ctx))

	for n := int64(1); n <= snapshotPeriod; n++ {
		mine, err := l.Claim(ctx, n)
		require.NoError(t, err)
		assert.False(t, mine, "batch %d", n)
	}
	mine, err := l.Decide(ctx, &Commit{Batch: snapshotPeriod - 1, Token: "mine"})
	require.NoError(t, err)
	assert.False(t, mine, "what stood there had been removed")
	mine, err = l.Decide(ctx, &Commit{Batch: snapshotPeriod, Token: "mine"})
	require.NoError(t, err)
	assert.True(t, mine, "it stood, and is in history")
}

// A batch whose records go into history while it is read is yielded as decided
// as it is.
func TestBatchesWhileTruncated(t *testing.T) {
	const last = 10
	s := store.NewMemory()
	l, err := OpenLedger(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	pastBatches(t, l, last)
	var c claims
	for _, p := range []string{"0", "1"} {
		require.NoError(t, c.settle(Account{Range: Range{p, 0, 10 * last}}))
	}
	other, err := OpenLedger(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	var once sync.Once
	l.records = &faultstore.Store{Store: s, After: func(op faultstore.Op) error {
		if strings.HasSuffix(op.Name, "000000000005.plan") {
			once.Do(func() {
				require.NoError(t, other.putSnapshot(t.Context(), newSnapshot(last, &c)))
				require.NoError(t, other.truncate(t.Context()))
			})
		}
		return nil
	}}
	n := int64(0)
	for b, err := range l.Batches(t.Context()) {
		require.NoError(t, err)
		n++
		assert.Equal(t, n, b.Batch)
		assert.NotNil(t, b.Commit, "batch %d", b.Batch)
	}
	assert.Equal(t, int64(last), n)
}

// Batches that a snapshot covers and no segment has are damage, and no reason to
// look for ever.
func TestBatchesWithoutHistory(t *testing.T) {
	s := store.NewMemory()
	l, err := OpenLedger(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	pastBatches(t, l, snapshotPeriod)
	for e, err := range s.List(t.Context(), "ledger/history/") {
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), e.Name))
	}
	var wrong []error
	for _, err := range l.Batches(t.Context()) {
		wrong = append(wrong, err)
	}
	require.Len(t, wrong, 1)
	var damaged *DamagedError
	require.ErrorAs(t, wrong[0], &damaged)
	assert.Equal(t, int64(1), damaged.Batch)
}

// A process that died between a snapshot and history left the batches' records:
// they are as good as ever.
func TestBatchesNotYetInHistory(t *testing.T) {
	s := store.NewMemory()
	l, err := OpenLedger(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	pastBatches(t, l, 10)
	require.NoError(t, l.putSnapshot(t.Context(), newSnapshot(10, &claims{})))
	n := 0
	for b, err := range l.Batches(t.Context()) {
		require.NoError(t, err)
		n++
		assert.NotNil(t, b.Commit)
	}
	assert.Equal(t, 10, n)
}
