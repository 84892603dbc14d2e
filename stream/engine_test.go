package stream

import (
	"context"
	"io/fs"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// An engine's memory does not grow with the number of batches.
func TestEngineForgets(t *testing.T) {
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 500}, chunk: 1}
	m := newJob(t, src, store.NewMemory())
	m.Limits.Rows = 1
	e, err := m.start(t.Context())
	require.NoError(t, err)
	e.draining, e.limits.BacklogShare = true, 1
	require.NoError(t, e.loop(t.Context()))
	assert.Less(t, len(e.ownPlans), 10)
	assert.Less(t, len(e.peers), 10)
}

// A ledger in memory drops the records of batches that are done.
func TestMemoryLedgerDoesNotGrow(t *testing.T) {
	l, err := ledger.OpenMemory(t.Context())
	require.NoError(t, err)
	m := &MicroBatch{
		Source: &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 100}, chunk: 5}, Sink: SinkFunc(func(context.Context, Rows) error { return nil }),
		Ledger: l, Limits: Limits{Rows: 10},
	}
	require.NoError(t, m.Drain(t.Context()))
	require.EqualValues(t, 10, m.Progress().Batches)
	for n := range int64(10) {
		_, err := l.Plan(t.Context(), n+1)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		_, err = l.Commit(t.Context(), n+1)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	last, err := l.LastRecord(t.Context())
	require.NoError(t, err)
	assert.Zero(t, last)
}
