package stream

import (
	"context"
	"iter"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// vanishing is a counter with partitions that no longer exist.
type vanishing struct {
	*counter
	gone    map[string]bool
	unseen  bool             // the ends of those partitions are unknown
	settled map[string]int64 // as of the last Resume
	resumed int
}

func (s *vanishing) Resume(_ context.Context, settled map[string]int64) error {
	s.settled, s.resumed = maps.Clone(settled), s.resumed+1
	return nil
}

func (s *vanishing) Available(ctx context.Context) ([]Extent, error) {
	out, err := s.counter.Available(ctx)
	for i, e := range out {
		if out[i].Gone = s.gone[e.Partition]; out[i].Gone && s.unseen {
			out[i].To = ledger.UnknownEnd
		}
	}
	return out, err
}

func (s *vanishing) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for _, r := range ranges {
			if !s.gone[r.Partition] {
				if !s.readRange(1, r, yield) {
					return
				}
				continue
			}
			a := Account{Range: r, Lost: r.Len()}
			if r.To == ledger.UnknownEnd {
				a = Account{Range: Range{Partition: r.Partition, From: r.From, To: r.From}, End: true}
			}
			if !yield(Chunk{Accounts: []Account{a}}, nil) {
				return
			}
		}
	}
}

func newVanishing(sizes map[string]int64) *vanishing {
	return &vanishing{counter: &counter{mem: memory.DefaultAllocator, sizes: sizes, chunk: 5}, gone: map[string]bool{}}
}

// If a partition vanishes before all of it was read, the engine stops until
// RecordLost is set. Once the loss is recorded it does not stop again.
func TestGone(t *testing.T) {
	for name, unseen := range map[string]bool{"seen": false, "unseen": true} {
		t.Run(name, func(t *testing.T) {
			s := store.NewMemory()
			src := newVanishing(map[string]int64{"0": 10, "1": 10})
			require.NoError(t, newJob(t, src, s).Drain(t.Context()))
			assert.Empty(t, src.settled)

			src.set("0", 25)
			src.gone["0"], src.unseen = true, unseen
			m := newJob(t, src, s)
			var lost *LostError
			require.ErrorAs(t, m.Drain(t.Context()), &lost)
			want := Range{Partition: "0", From: 10, To: 25}
			if unseen {
				want.To = ledger.UnknownEnd
			}
			assert.Equal(t, want, lost.Range)
			assert.Equal(t, map[string]int64{"0": 10, "1": 10}, src.settled)

			m.RecordLost = true
			require.NoError(t, m.Drain(t.Context()))
			if !unseen {
				assert.EqualValues(t, 15, m.Progress().Lost)
			}
			src.unseen = true // another process, later
			m = newJob(t, src, s)
			require.NoError(t, m.Drain(t.Context()))
			assert.Zero(t, m.Progress().Batches)
			assert.Equal(t, 4, src.resumed, "once a Drain")
		})
	}
}

// A partition that vanished after all of it was read is not a loss, also for a
// process that starts later.
func TestGoneAfterAllWasRead(t *testing.T) {
	s := store.NewMemory()
	src := newVanishing(map[string]int64{"0": 10, "1": 10})
	src.starts = map[string]int64{"1": 10}
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	src.gone = map[string]bool{"0": true, "1": true}
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	src.unseen = true
	m := newJob(t, src, s)
	require.NoError(t, m.Drain(t.Context()))
	assert.Zero(t, m.Progress().Batches)
}

// In a partition that ends before what was archived, new messages get offsets
// that count as archived.
func TestTruncated(t *testing.T) {
	s := store.NewMemory()
	src := newVanishing(map[string]int64{"0": 10, "1": 10})
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	src.set("0", 7)
	m := newJob(t, src, s)
	m.Retry.Tries = 1
	var cut *TruncatedError
	err := m.Drain(t.Context())
	require.ErrorAs(t, err, &cut)
	assert.Equal(t, TruncatedError{"0", 10, 7}, *cut)
	assert.ErrorContains(t, err, "0 ends at offset 7, but offsets up to 9 have been archived: it was truncated")
	m.RecordLost = true
	require.NoError(t, m.Drain(t.Context()))
	assert.Zero(t, m.Progress().Read)
	src.set("0", 12)
	require.NoError(t, m.Drain(t.Context()))
	assert.EqualValues(t, 2, m.Progress().Read)
}

// stale is a source that cannot reach the leader of partition 1, which is assigned
// to another member.
type stale struct {
	*counter
	to    int64
	block bool // Available does not return
}

func (s *stale) Available(ctx context.Context) ([]Extent, error) {
	if s.block {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	out, err := s.counter.Available(ctx)
	out[1].AssignedElsewhere, out[1].To = true, s.to
	return out, err
}

// A partition that is assigned to another member is not checked for truncation:
// what this one last saw of it may be outdated.
func TestTruncatedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10, "1": 10}, chunk: 5}
		require.NoError(t, newJob(t, src, s).Drain(t.Context()))
		src.set("0", 20)
		src.set("1", 20)
		require.NoError(t, newJob(t, src, s).Drain(t.Context())) // the other member
		src.set("0", 30)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.NoError(t, newJob(t, &stale{counter: src, to: 10}, s).Run(ctx))
	})
}
