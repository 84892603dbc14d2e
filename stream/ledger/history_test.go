package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// period is the number of batches between two snapshots in these tests.
const period = 64

// putBatches puts n done batches of two partitions, ten offsets each, with the
// snapshots and the truncation of an engine.
func putBatches(t *testing.T, l *Ledger, n int64) {
	t.Helper()
	for b := int64(1); b <= n; b++ {
		putBatch(t, l, b)
		if b%period == 0 {
			require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(b)))
			require.NoError(t, l.Truncate(t.Context()))
		}
	}
}

func putBatch(t *testing.T, l *Ledger, b int64) {
	p := &Plan{Batch: b, Token: "p", Ranges: []Range{{"0", 10 * (b - 1), 10 * b}, {"1", 10 * (b - 1), 10 * b}}}
	c := &Commit{Batch: b, Token: "c", Accounts: []Account{{Range: p.Ranges[0], Read: 10, Written: 10}, {Range: p.Ranges[1], Read: 10, Written: 10}}}
	_, err := l.PutPlan(t.Context(), p)
	require.NoError(t, err)
	_, err = l.PutCommit(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, l.PutDone(t.Context(), b))
}

// snapshotOf returns the snapshot of putBatches.
func snapshotOf(through int64) Snapshot {
	settled := Settled{Ranges: [][2]int64{{0, 10 * through}}}
	return Snapshot{Through: through, Settled: map[string]Settled{"0": settled, "1": settled}}
}

var errFault = errors.New("fault")

// nth calls f at the k-th operation.
func nth(k int, f func() error) func(faultstore.Op) error {
	n := 0
	return func(faultstore.Op) error {
		if n++; n == k {
			return f()
		}
		return nil
	}
}

// An error at any operation of Truncate loses nothing, and the next call
// continues.
func TestTruncateIsInterrupted(t *testing.T) {
	step := 3
	if testing.Short() {
		step = 31
	}
	for k := 1; ; k += step {
		s := store.NewMemory()
		l, err := Open(t.Context(), s, "ledger", nil)
		require.NoError(t, err)
		last := int64(8 * period)
		putBatches(t, l, last-1)
		putBatch(t, l, last) // its snapshot merges segments
		require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(last)))
		hit := false
		l.records = &faultstore.Store{Store: s, Before: nth(k, func() error { hit = true; return errFault })}
		_ = l.Truncate(t.Context())
		l.records = s
		want := int64(1)
		for b, err := range l.Batches(t.Context(), 1) {
			require.NoError(t, err, "operation %d", k)
			require.Equal(t, want, b.Number, "operation %d", k)
			want++
		}
		require.Equal(t, last+1, want, "operation %d", k)
		require.NoError(t, l.Truncate(t.Context()))
		n := 0
		for e, err := range s.List(t.Context(), "ledger/") {
			require.NoError(t, err)
			if n++; testing.Verbose() && k == 1 {
				fmt.Println(e.Name, e.Size)
			}
		}
		require.Equal(t, 2+keptSnapshots, n, "ledger.json, one segment, some snapshots")
		if !hit {
			require.Greater(t, k, 20)
			return
		}
	}
}

// If a record cannot be removed, Truncate removes the others, but no snapshots
// until it can.
func TestTruncateContinuesAfterError(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	const last = keptSnapshots + 3
	for n := int64(1); n <= last; n++ {
		putBatch(t, l, n)
		require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(n)))
	}
	l.records = &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
		if op.Kind == faultstore.Delete && op.Name == l.CommitPath(2) {
			return errFault
		}
		return nil
	}}
	names := func(under string) (out []string) {
		for e, err := range s.List(t.Context(), under) {
			require.NoError(t, err)
			out = append(out, e.Name)
		}
		return out
	}
	require.ErrorIs(t, l.Truncate(t.Context()), errFault)
	assert.Equal(t, []string{l.CommitPath(2)}, names("ledger/0"))
	assert.Len(t, names("ledger/snapshots/"), last)
	l.records = s
	require.NoError(t, l.Truncate(t.Context()))
	assert.Empty(t, names("ledger/0"))
	assert.Len(t, names("ledger/snapshots/"), keptSnapshots)
}

// A process that puts records of a batch which has moved into history learns that
// they are void.
func TestClaimCoveredBatch(t *testing.T) {
	ctx := t.Context()
	s := store.NewMemory()
	l, err := Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, period-2)
	for i, token := range []string{"other", "mine"} {
		n := int64(period - 1 + i)
		mine, err := l.claim(ctx, n)
		require.NoError(t, err)
		assert.True(t, mine)
		mine, err = l.decide(ctx, &Commit{Batch: n, Token: token})
		require.NoError(t, err)
		assert.True(t, mine)
		require.NoError(t, l.PutDone(ctx, n))
	}
	require.NoError(t, l.PutSnapshot(ctx, snapshotOf(period)))
	require.NoError(t, l.Truncate(ctx))

	for n := int64(1); n <= period; n++ {
		mine, err := l.claim(ctx, n)
		require.NoError(t, err)
		assert.False(t, mine, "batch %d", n)
	}
	mine, err := l.decide(ctx, &Commit{Batch: period - 1, Token: "mine"})
	require.NoError(t, err)
	assert.False(t, mine, "the original record had been removed")
	mine, err = l.decide(ctx, &Commit{Batch: period, Token: "mine"})
	require.NoError(t, err)
	assert.True(t, mine, "it is the one in history")
}

// A batch whose records move into history while it is read is yielded with its
// commit.
func TestBatchesWhileTruncated(t *testing.T) {
	const last = 10
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, last)
	other, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	var once sync.Once
	l.records = &faultstore.Store{Store: s, After: func(op faultstore.Op) error {
		if strings.HasSuffix(op.Name, "000000000005.plan") {
			once.Do(func() {
				require.NoError(t, other.PutSnapshot(t.Context(), snapshotOf(last)))
				require.NoError(t, other.Truncate(t.Context()))
			})
		}
		return nil
	}}
	n := int64(0)
	for b, err := range l.Batches(t.Context(), 1) {
		require.NoError(t, err)
		n++
		assert.Equal(t, n, b.Number)
		assert.NotNil(t, b.Commit, "batch %d", b.Number)
	}
	assert.Equal(t, int64(last), n)
}

// If a snapshot covers batches that no segment has, Batches reports damage and
// ends.
func TestBatchesWithoutHistory(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, period)
	for e, err := range s.List(t.Context(), "ledger/history/") {
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), e.Name))
	}
	var wrong []error
	for _, err := range l.Batches(t.Context(), 1) {
		wrong = append(wrong, err)
	}
	require.Len(t, wrong, 1)
	var damaged *DamagedError
	require.ErrorAs(t, wrong[0], &damaged)
	assert.Equal(t, int64(1), damaged.Batch)
}

// If a process dies after it has put a snapshot and before it truncates, Batches
// still reads the batches' own records.
func TestBatchesNotYetInHistory(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	putBatches(t, l, 10)
	require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(10)))
	n := 0
	for b, err := range l.Batches(t.Context(), 1) {
		require.NoError(t, err)
		n++
		assert.NotNil(t, b.Commit)
	}
	assert.Equal(t, 10, n)
}

// History keeps the fields that a later version has added to records.
func TestHistoryKeepsUnknownFields(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	for name, data := range map[string]string{
		"plan":   `{"batch":1,"token":"p","created":"2030-01-01T00:00:00Z","later":{"a":1}}`,
		"commit": `{"batch":1,"token":"c","created":"2030-01-01T00:00:00Z","rows":{"files":[{"stage":"s","name":"n","rows":1,"bytes":2,"later":[3]}]},"rejects":{},"bytes":4,"seconds":5}`,
		"done":   `{"batch":1,"created":"2030-01-01T00:00:00Z"}`,
	} {
		_, err := s.PutIfAbsent(t.Context(), "ledger/000000000001."+name, []byte(data+"\n"))
		require.NoError(t, err)
	}
	require.NoError(t, l.PutSnapshot(t.Context(), Snapshot{Through: 1}))
	require.NoError(t, l.Truncate(t.Context()))
	data, err := s.Get(t.Context(), "ledger/history/000000000001-000000000001")
	require.NoError(t, err)
	line, err := decompress(data)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"later":{"a":1}}`)
	assert.Contains(t, string(line), `"later":[3]}`)
}

// The first release does not know Commit.Replaces, and drops it when it moves a
// commit into history.
func TestFirstReleaseKeepsReplaces(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	putBatch(t, l, 1)
	c := &Commit{Replaces: &Replacement{Base: 1, Files: []ReplacedFile{{"old", 3, 4}}}}
	require.NoError(t, l.Rewrite(t.Context(), c, nil))
	assert.Empty(t, c.Rejects.Data)
	require.NoError(t, l.PutDone(t.Context(), 2))

	var lines bytes.Buffer
	for n := range 2 {
		var fields [2]map[string]any
		for i, kind := range []recordKind{kindPlan, kindCommit} {
			data, err := s.Get(t.Context(), "ledger/"+recordName(int64(n+1), kind))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(data, &fields[i]))
			delete(fields[i], "replaces")
			delete(fields[i], "needs")
		}
		require.NoError(t, json.NewEncoder(&lines).Encode(map[string]any{"plan": fields[0], "commit": fields[1]}))
	}
	_, err = s.PutIfAbsent(t.Context(), "ledger/history/000000000001-000000000002", compress(lines.Bytes()))
	require.NoError(t, err)
	for b, err := range l.Batches(t.Context(), 2) {
		require.NoError(t, err)
		assert.NotEmpty(t, b.Segment)
		assert.Equal(t, c.Replaces, b.Commit.Replaces)
		assert.Empty(t, b.Commit.Rejects.Data)
	}
}

// Batches may begin at any batch of a segment, also if the segment was merged from
// others that overlapped, so that some batches have two lines.
func TestBatchesFromWithinHistory(t *testing.T) {
	lines := func(from, to int64) (text string) {
		for b := from; b <= to; b++ {
			unknown := strings.Repeat("x", int(b)*20_000) // longer than a buffer
			text += fmt.Sprintf(`{"plan":{"batch":%d,"token":"p","unknown":"%s"},"commit":{"batch":%d,"token":"c"}}`+"\n", b, unknown, b)
		}
		return text
	}
	st := store.NewMemory()
	l, err := Open(t.Context(), st, "ledger", nil)
	require.NoError(t, err)
	merged := append(compress([]byte(lines(1, 5))), compress([]byte(lines(4, 9)))...)
	_, err = st.PutIfAbsent(t.Context(), "ledger/history/000000000001-000000000009", merged)
	require.NoError(t, err)
	require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(9)))
	for from := int64(1); from <= 10; from++ {
		next := from
		for b, err := range l.Batches(t.Context(), from) {
			require.NoError(t, err)
			require.Equal(t, next, b.Number)
			next++
		}
		require.EqualValues(t, 10, next, "from %d", from)
	}

	_, err = st.PutIfAbsent(t.Context(), "ledger/history/000000000010-000000000012", compress([]byte(lines(10, 11))))
	require.NoError(t, err)
	require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(12)))
	var damaged *DamagedError
	for _, err := range l.Batches(t.Context(), 12) {
		require.ErrorAs(t, err, &damaged)
		return
	}
	t.Error("a segment without its last line")
}
