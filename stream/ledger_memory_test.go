package stream

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A job without a ledger keeps nothing of the batches that are done.
func TestMemoryLedgerDoesNotGrow(t *testing.T) {
	l, err := newMemoryLedger(t.Context())
	require.NoError(t, err)
	m := &MicroBatch{
		Source: &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 100}, chunk: 5}, Sink: SinkFunc(func(context.Context, Rows) error { return nil }),
		Ledger: l, Limits: Limits{Rows: 10},
	}
	require.NoError(t, m.Drain(t.Context()))
	require.EqualValues(t, 10, m.Progress().Batches)
	n := 0
	for _, err := range l.memory.List(t.Context(), "") {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 1, n, "ledger.json")
}
