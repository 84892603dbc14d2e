package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Processes that are alive, and slow or stuck, are not taken for dead: what they
// are at is not rejected, however many try it.
func TestSlowProcessesAreNotDead(t *testing.T) {
	for _, slow := range []time.Duration{20 * time.Second, 10 * time.Minute} {
		t.Run(slow.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.NewMemory()
				src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 1}, chunk: 5}
				release := make(chan struct{})
				tried := 0
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 6 {
					m := newJob(t, src, s)
					m.Alone = false
					m.Transforms = []Transform{TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
						mu.Lock()
						tried++
						mu.Unlock()
						<-release
						return Filter(in, func(int) bool { return true }), nil
					})}
					wg.Go(func() { assert.NoError(t, m.Drain(t.Context()), "%d", i) })
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(slow)
				mu.Lock()
				if slow < stuckAfter {
					assert.Equal(t, 1, tried, "whoever gets on is left alone")
				} else {
					assert.Greater(t, tried, 3, "one that is stuck is not waited for")
				}
				mu.Unlock()
				close(release)
				wg.Wait()
				assert.Equal(t, []int64{0}, published(t, s, "rows"))
				assert.Empty(t, published(t, s, "rejected"))
			})
		})
	}
}

// When a message that kills has been found, the rest of its batch is soon read
// in pieces as large as ever.
func TestPoisonDoesNotSlowTheRest(t *testing.T) {
	for _, n := range []int64{300, 900} {
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": n}, chunk: 64}
		for dying(t, src, s, 0).Drain(t.Context()) != nil {
		}
		l, err := ledger.Open(t.Context(), s, "ledger", nil)
		require.NoError(t, err)
		batches := 0
		for _, err := range l.Batches(t.Context()) {
			require.NoError(t, err)
			batches++
		}
		t.Logf("%d messages, one of them poison: %d batches", n, batches)
		assert.Less(t, batches, 16)
	}
}

// No process dies here: each ends by itself, because its commit cannot be put.
func TestEndsAfterStagingAreNoDeaths(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 1}, chunk: 5}
	for range 6 {
		m := newJob(t, src, s)
		m.Ledger = openBehind(t, s, &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
			if op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, ".commit") {
				return errFault
			}
			return nil
		}})
		require.Error(t, m.Drain(t.Context()))
	}
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	assert.Empty(t, published(t, s, "rejected"))
}

// An engine that has been at work for years holds no more than one that has just
// begun.
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

// stale is a source that cannot reach the leader of partition 1, which another
// member works on.
type stale struct {
	*counter
	to    int64
	block bool // no broker answers at all
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

// What a member last saw of a partition that another one reads is no proof that
// it was truncated.
func TestOthersPartitionsAreNotTruncated(t *testing.T) {
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

// What is staged when the context ends is published in the time of grace, though
// the source does not answer.
func TestStagedRowsWaitForNoSource(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprint("foreign=", foreign), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.NewMemory()
				src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10, "1": 10}, chunk: 5}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				from := &stale{counter: src, to: 10}
				m := newJob(t, from, s)
				m.Alone = false
				if foreign {
					p := &ledger.Plan{Batch: 1, Token: "x", Ranges: []Range{{Partition: "1", From: 0, To: 10}}, Starts: []ledger.Start{{Partition: "0"}}}
					_, err := m.Ledger.PutPlan(ctx, p)
					require.NoError(t, err)
				}
				m.Transforms = append(m.Transforms, timed(1100*time.Millisecond))
				m.Interval = time.Minute
				m.Sink = &cancelling{m.Sink, func() { from.block = true }, cancel}
				require.NoError(t, m.Run(ctx))
				assert.Len(t, published(t, s, "rows"), 8)
			})
		})
	}
}

type cancelling struct {
	Sink
	before func()
	cancel func()
}

func (c *cancelling) Stage(ctx context.Context, b Batch) (Receipt, error) {
	r, err := c.Sink.Stage(ctx, b)
	c.before()
	go func() { time.Sleep(2 * time.Second); c.cancel() }()
	return r, err
}
