package stream

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A rewrite runs beside an engine that is alone: its claim is left to it for a
// while, and then decided as empty.
func TestAloneLeavesClaimToRewrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, src := store.NewMemory(), &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 10}
		m := newJob(t, src, s)
		require.NoError(t, m.Drain(t.Context()))
		plan, err := m.Ledger.PutPlan(t.Context(), &ledger.Plan{Batch: 2, Token: "rewrite"})
		require.NoError(t, err)
		require.Equal(t, "rewrite", plan.Token)
		src.set("0", 20)
		done := make(chan error)
		begun := time.Now()
		go func() { done <- m.Drain(t.Context()) }()
		time.Sleep(takeoverAfter - time.Second)
		_, err = m.Ledger.Commit(t.Context(), 2)
		assert.Error(t, err, "it is undecided")
		_, err = m.Ledger.Commit(t.Context(), 3)
		assert.NoError(t, err, "and holds up nothing")
		require.NoError(t, <-done)
		assert.GreaterOrEqual(t, time.Since(begun), takeoverAfter)
		commit, err := m.Ledger.PutCommit(t.Context(), &ledger.Commit{Batch: 2, Token: "rewrite"})
		require.NoError(t, err)
		assert.NotEqual(t, "rewrite", commit.Token, "it is decided")
		checkArchive(t, s, src.sizes)
	})
}

// A process that is late to publish a batch finds neither the staged file nor
// the final one, because another has published the batch and a rewrite has
// replaced its file.
func TestPublishAfterRewrite(t *testing.T) {
	for name, truncate := range map[string]bool{"done": false, "covered": true} {
		t.Run(name, func(t *testing.T) {
			ctx, s := t.Context(), store.NewMemory()
			m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 10}, s)
			require.NoError(t, m.Drain(ctx))
			late, err := m.Ledger.Commit(ctx, 1)
			require.NoError(t, err)
			old := late.Rows.Files[0]

			merged := File{StagedPath: "staging/merged", Path: "rows/merged", Rows: old.Rows, Bytes: old.Bytes}
			data, err := s.Get(ctx, old.Path)
			require.NoError(t, err)
			w, err := s.Stage(ctx, merged.StagedPath, merged.Path)
			require.NoError(t, err)
			w.Write(data)
			require.NoError(t, w.Close())
			c := &ledger.Commit{Rows: Receipt{Files: []File{merged}}, Replaces: &ledger.Replacement{
				Base: 1, Files: []ledger.ReplacedFile{{Name: old.Path, Rows: old.Rows, Bytes: old.Bytes}}}}
			require.NoError(t, m.Ledger.Rewrite(ctx, c, nil))
			require.NoError(t, Publish(ctx, m.Ledger, c, m.Sink, m.Rejects))
			require.NoError(t, s.Delete(ctx, old.Path))

			if truncate {
				require.NoError(t, m.Ledger.PutDone(ctx, 2))
				require.NoError(t, m.Ledger.PutSnapshot(ctx, ledger.Snapshot{Through: 2, Settled: map[string]ledger.Settled{"0": {Ranges: [][2]int64{{0, 10}}}}}))
				require.NoError(t, m.Ledger.Truncate(ctx))
			}
			require.NoError(t, Publish(ctx, m.Ledger, late, m.Sink, m.Rejects))
			require.NoError(t, m.Drain(ctx))
			checkArchive(t, s, map[string]int64{"0": 10})
		})
	}
}

// A file that is in neither place and whose batch is not done is an error.
func TestPublishWithoutFile(t *testing.T) {
	ctx, s := t.Context(), store.NewMemory()
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 10}, s)
	_, err := m.Ledger.PutPlan(ctx, &ledger.Plan{Batch: 1, Ranges: []Range{{Partition: "0", To: 10}}})
	require.NoError(t, err)
	c := &ledger.Commit{Batch: 1, Token: "x", Rows: Receipt{Files: []File{{StagedPath: "staging/x", Path: "rows/x", Bytes: 3}}}}
	_, err = m.Ledger.PutCommit(ctx, c)
	require.NoError(t, err)
	assert.ErrorIs(t, Publish(ctx, m.Ledger, c, m.Sink, m.Rejects), fs.ErrNotExist)
}

// A record of a newer version, which needs what this one does not know, stops
// the engine.
func TestUnknownFeature(t *testing.T) {
	for _, record := range []string{"plan", "commit"} {
		t.Run(record, func(t *testing.T) {
			ctx, s := t.Context(), store.NewMemory()
			m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 10}, s)
			plan := `{"batch":1,"token":"x","ranges":[{"partition":"0","from":0,"to":5}]`
			if record == "plan" {
				plan += `,"needs":["replaces","wings"]`
			}
			s.PutIfAbsent(ctx, "ledger/000000000001.plan", []byte(plan+"}"))
			if record == "commit" {
				s.PutIfAbsent(ctx, "ledger/000000000001.commit", []byte(`{"batch":1,"token":"x","needs":["wings"]}`))
			}
			err := m.Drain(ctx)
			var newer *ledger.FeatureError
			require.ErrorAs(t, err, &newer)
			assert.Equal(t, ledger.FeatureError{Batch: 1, Name: "ledger/000000000001." + record, Feature: "wings"}, *newer)
			var failed *BatchError
			require.True(t, errors.As(err, &failed))
			assert.Equal(t, 1, failed.Tries, "it is not tried again")
			assert.Empty(t, published(t, s, "rows"))
		})
	}
}
