package ledger

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

// slowList is a store that calls meanwhile after listing one snapshot.
type slowList struct {
	store.Store
	meanwhile func()
}

func (h *slowList) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range h.Store.List(ctx, prefix) {
			if !yield(e, err) {
				return
			}
			if f := h.meanwhile; f != nil && strings.Contains(prefix, "snapshots") {
				h.meanwhile = nil
				f()
			}
		}
	}
}

// A process that is stopped during a listing, and so misses all newer snapshots,
// finds the newest one nevertheless.
func TestSnapshotDuringListing(t *testing.T) {
	s, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	put := func(n int64) { require.NoError(t, l.PutSnapshot(t.Context(), Snapshot{Through: n})) }
	put(64)
	put(128)
	slow := &Ledger{dir: "ledger", records: &slowList{s, func() {
		put(192)
		put(256)
		for _, n := range []int64{64, 128} {
			require.NoError(t, s.Delete(t.Context(), "ledger/"+snapshotName(n)))
		}
	}}}
	got, err := slow.Snapshot(t.Context(), 64)
	require.NoError(t, err)
	require.NotNil(t, got, "those through 128, 192 and 256 were put after that through 64")
	assert.EqualValues(t, 256, got.Through)
}

// The name of a ledger's directory need not be clean.
func TestDirectoryNames(t *testing.T) {
	s := store.NewMemory()
	for i, dir := range []string{"a/ledger", "a/ledger/", "a//ledger", "a/b/../ledger"} {
		l, err := Open(t.Context(), s, dir, nil)
		require.NoError(t, err)
		n := int64(i + 1)
		putBatch(t, l, n)
		last, err := l.LastRecord(t.Context())
		require.NoError(t, err)
		assert.Equal(t, n, last, dir)
		require.NoError(t, l.PutSnapshot(t.Context(), snapshotOf(n)))
		got, err := l.Snapshot(t.Context(), n-1)
		require.NoError(t, err)
		require.NotNil(t, got, dir)
		assert.Equal(t, n, got.Through)
	}
}

// Other names are ignored, and a known snapshot that vanishes is damage.
func TestSnapshotNames(t *testing.T) {
	s := store.NewMemory()
	l, err := Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	require.NoError(t, l.PutSnapshot(t.Context(), Snapshot{Through: 64}))
	_, err = s.PutIfAbsent(t.Context(), "ledger/snapshots/128", []byte("x")) // not 12 digits
	require.NoError(t, err)
	got, err := l.Snapshot(t.Context(), 0)
	require.NoError(t, err)
	require.EqualValues(t, 64, got.Through)

	require.NoError(t, s.Delete(t.Context(), "ledger/"+snapshotName(64)))
	_, err = l.Snapshot(t.Context(), 64)
	var damaged *DamagedError
	assert.ErrorAs(t, err, &damaged)
}
