package archive_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A service saves the index of its archive, so that readers start fast.
func TestServiceSavesIndex(t *testing.T) {
	st := store.NewMemory()
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 3)}, Store: st}
	require.NoError(t, s.Drain(t.Context()))
	l, err := ledger.Open(t.Context(), st, "ledger", nil)
	require.NoError(t, err)
	first, err := l.LastRecord(t.Context())
	require.NoError(t, err)
	for n := first + 1; n <= 1024; n++ {
		_, err := l.PutPlan(t.Context(), &ledger.Plan{Batch: n, Token: "p"})
		require.NoError(t, err)
		_, err = l.PutCommit(t.Context(), &ledger.Commit{Batch: n, Token: "c"})
		require.NoError(t, err)
		require.NoError(t, l.PutDone(t.Context(), n))
	}
	assert.Empty(t, names(t, st, "ledger/index/"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	assert.Eventually(t, func() bool { return len(names(t, st, "ledger/index/")) > 0 }, time.Minute, 10*time.Millisecond)
	stop()
	<-ended
	assert.Equal(t, []string{"ledger/index/000000000001-000000001024"}, names(t, st, "ledger/index/"))
}
