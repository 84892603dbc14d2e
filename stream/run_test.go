package stream

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// strict is a store that checks its context, as a remote one does.
type strict struct{ store.Store }

func (s strict) PutIfAbsent(ctx context.Context, name string, data []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Store.PutIfAbsent(ctx, name, data)
}

func (s strict) Get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, name)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 50}, chunk: 10}
		s := store.NewMemory()
		m := newJob(t, src, s)
		m.Interval = time.Minute
		var at []time.Duration
		begun := time.Now()
		m.Observe = onPublished(func() { at = append(at, time.Since(begun)) })
		end := make(chan error)
		go func() { end <- m.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, 0, 0}, at, "what waits, at once")
		src.set("0", 55)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, 0, 0, time.Minute}, at, "new messages, after the interval")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Len(t, at, 4)
		assert.EqualValues(t, 55, m.Progress().Read)
		cancel()
		assert.NoError(t, <-end)
		checkArchive(t, s, src.sizes)
	})
}

// A new ledger that begins at the newest messages skips what is there at the first
// plan, but nothing that arrives later, even if there was nothing to read at
// first.
func TestLatestWithoutMessages(t *testing.T) {
	ctx := context.Background()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 0}, chunk: 10, starts: map[string]int64{}}
	m := newJob(t, src, store.NewMemory())
	require.NoError(t, m.Drain(ctx))
	src.set("0", 5)
	src.starts["0"] = 5
	require.NoError(t, m.Drain(ctx))
	assert.EqualValues(t, 5, m.Progress().Read)
}

func TestDrainIgnoresLaterMessages(t *testing.T) {
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 50}, chunk: 10}
	m := newJob(t, src, store.NewMemory())
	m.Observe = onPublished(func() { src.set("0", 1000) })
	require.NoError(t, m.Drain(context.Background()))
	assert.EqualValues(t, 50, m.Progress().Read)
	assert.EqualValues(t, 3, m.Progress().Batches)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, m.Drain(ctx), context.Canceled)
	assert.NoError(t, m.Run(ctx))
	assert.Error(t, (&MicroBatch{}).Run(context.Background()))
}

// A batch is published even if the context ends when its commit has been put.
func TestGracePeriod(t *testing.T) {
	for _, last := range []string{"000000000001.commit", "000000000001.done"} {
		ctx, cancel := context.WithCancel(context.Background())
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 20}, chunk: 10}
		m := newJob(t, src, s)
		m.Ledger = openThrough(t, s, &faultstore.Store{Store: strict{s}, Before: func(op faultstore.Op) error {
			if op.Name == "ledger/"+last {
				if op.Kind == faultstore.PutIfAbsent {
					cancel()
				}
			}
			return nil
		}})
		require.NoError(t, m.Run(ctx))
		checkArchive(t, s, src.sizes)
		_, err := s.Get(context.Background(), "ledger/000000000001.done")
		assert.NoError(t, err)
		cancel()
	}
}

// Run also returns nil when the grace period ends.
func TestGracePeriodEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 20}, chunk: 10}
		m := newJob(t, src, store.NewMemory())
		m.Retry = Retry{Tries: 1000}
		m.Sink = &failingSink{m.Sink, nil, func() error { return errFault }}
		begun := time.Now()
		require.NoError(t, m.Run(ctx))
		assert.Equal(t, 11*time.Second, time.Since(begun).Truncate(time.Second))
	})
}

// The sink gets the rows in the order of reading, although workers finish in
// another order.
func TestRowOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer mem.AssertSize(t, 0)
		var got []int64
		m := &MicroBatch{
			Source: &counter{mem: mem, sizes: map[string]int64{"0": 200}, chunk: 3},
			Transforms: []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) {
				time.Sleep(time.Duration(numbersOf(in.Record)[0]*7919%50) * time.Millisecond)
				return Filter(in, func(int) bool { return true }), nil
			})},
			Sink: SinkFunc(func(_ context.Context, r Rows) error {
				got = append(got, r.Record.Column(0).(*array.Int64).Int64Values()...)
				return nil
			}),
			Workers: 8, Log: quiet(), Limits: Limits{InFlight: 4096},
		}
		require.NoError(t, m.Drain(context.Background()))
		require.Len(t, got, 200)
		for i, v := range got {
			require.EqualValues(t, i, v)
		}
	})
}

// earlySink returns before it has read all rows.
type earlySink struct{ SinkFunc }

func (earlySink) Stage(context.Context, Batch) (Receipt, error) { return Receipt{}, nil }

func TestSinkReturnsEarly(t *testing.T) {
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: sizes(), chunk: 5}, store.NewMemory())
	m.Sink = earlySink{}
	err := m.Drain(context.Background())
	assert.ErrorContains(t, err, "returned before the end of the batch")
}

// Without a sink for them, rejects are only counted.
func TestWithoutRejects(t *testing.T) {
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 5}, store.NewMemory())
	m.Rejects, m.Ledger = nil, nil
	require.NoError(t, m.Drain(context.Background()))
	p := m.Progress()
	assert.Equal(t, []int64{10, 8, 1, 1, 1}, []int64{p.Read, p.Written, p.Rejected, p.Dropped, p.Files})
}

// What is staged when the context ends is published within the grace period, even
// if the source blocks.
func TestStagedRowsDoNotWaitForSource(t *testing.T) {
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

// What waits falls with each batch that is published, not only when the source
// is asked again.
func TestWaitingFalls(t *testing.T) {
	for _, open := range []bool{false, true} {
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 50}, chunk: 10, open: open}
		m := newJob(t, src, store.NewMemory())
		var waiting []int64
		m.Observe = onPublished(func() { waiting = append(waiting, m.Progress().Waiting) })
		require.NoError(t, m.Drain(t.Context()))
		if want := []int64{30, 10, 0}; open {
			assert.Equal(t, []int64{0, 0, 0}, waiting, "the end is unknown")
		} else {
			assert.Equal(t, want, waiting)
		}
	}
}
