package stream

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// trimmed is a counter whose offsets below a mark are gone.
type trimmed struct {
	*counter
	mark int64
}

func (s *trimmed) Available(ctx context.Context) ([]Extent, error) {
	out, err := s.counter.Available(ctx)
	for i := range out {
		out[i].From = min(s.mark, out[i].To)
	}
	return out, err
}

func (s *trimmed) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for _, r := range ranges {
			if to := min(s.mark, r.To); r.From < to {
				gone := Account{Range: Range{Partition: r.Partition, From: r.From, To: to}, Lost: to - r.From}
				if !yield(Chunk{Accounts: []Account{gone}}, nil) {
					return
				}
				r.From = to
			}
			if !s.readRange(1, r, yield) {
				return
			}
		}
	}
}

func TestRecordLost(t *testing.T) {
	ctx, s := context.Background(), store.NewMemory()
	src := &trimmed{&counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 5}, 0}
	require.NoError(t, newJob(t, src, s).Drain(ctx))
	src.set("0", 50)
	src.mark = 20
	m := newJob(t, src, s)
	var lost *LostError
	require.ErrorAs(t, m.Drain(ctx), &lost)
	assert.Equal(t, Range{Partition: "0", From: 10, To: 20}, lost.Range)
	m.RecordLost = true
	require.NoError(t, m.Drain(ctx))
	p := m.Progress()
	assert.Equal(t, []int64{10, 30, 24}, []int64{p.Lost, p.Read, p.Written})
	assert.EqualValues(t, 8*30, p.BytesIn, "of messages, not of buffers")
	require.NoError(t, m.Drain(ctx))
	assert.Zero(t, m.Progress().Batches)
}

// Messages that vanish after they were planned stop each start until RecordLost
// is set.
func TestLostAfterThePlan(t *testing.T) {
	ctx, s := context.Background(), store.NewMemory()
	src := &trimmed{&counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 30}, chunk: 5}, 0}
	src.fault = func(int, int64) error { return Permanent(errFault) }
	require.ErrorIs(t, newJob(t, src, s).Drain(ctx), errFault)
	src.fault, src.mark = nil, 7
	for range 2 {
		var lost *LostError
		err := newJob(t, src, s).Drain(ctx)
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, Range{Partition: "0", From: 0, To: 7}, lost.Range)
		assert.ErrorContains(t, err, ": read: ")
	}
	m := newJob(t, src, s)
	m.RecordLost = true
	require.NoError(t, m.Drain(ctx))
	assert.Equal(t, []int64{7, 23}, []int64{m.Progress().Lost, m.Progress().Read})
}

func TestProgressCauses(t *testing.T) {
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 60}, chunk: 5}, store.NewMemory())
	m.Transforms = []Transform{TransformFunc(func(_ context.Context, in Rows) (out Result, err error) {
		for i, v := range numbersOf(in.Record) {
			cause := "even"
			if v%2 == 1 {
				cause = fmt.Sprint(v)
			}
			out.Rejects = append(out.Rejects, Reject{Row: i, Cause: cause}, Reject{Row: i, Cause: "second cause"})
		}
		return out, nil
	})}
	require.NoError(t, m.Drain(context.Background()))
	got := m.Progress().Causes
	assert.EqualValues(t, 30, got["even"])
	assert.EqualValues(t, 1, got["1"])
	assert.EqualValues(t, 30-19, got[otherCauses])
	assert.Len(t, got, maxCauses+1)
	got["even"] = 0
	assert.EqualValues(t, 30, m.Progress().Causes["even"], "a copy")
	require.NoError(t, m.Drain(context.Background()))
	assert.Empty(t, m.Progress().Causes, "nothing was done")
}

// The causes are those of the attempt that decided the batch.
func TestCausesOfAnotherAttempt(t *testing.T) {
	var m meter
	m.begin()
	m.staged(stagedBatch{token: "mine", rejects: rejects{{cause: "x"}: 2}})
	m.published(&ledger.Commit{Token: "theirs"}, time.Now())
	assert.Empty(t, m.now().Causes)
	m.staged(stagedBatch{token: "mine", rejects: rejects{{cause: "x"}: 3}})
	m.published(&ledger.Commit{Token: "mine"}, time.Now())
	m.published(&ledger.Commit{Token: "mine"}, time.Now())
	assert.Equal(t, map[string]int64{"x": 3}, m.now().Causes, "once")
}
