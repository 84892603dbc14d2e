package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

var errFault = errors.New("fault")

func sizes() map[string]int64 { return map[string]int64{"0": 23, "1": 0, "2": 31, "3": 4} }

// nth returns a hook that calls f at the k-th operation.
func nth(k int, f func() error) func(faultstore.Op) error {
	var mu sync.Mutex
	n := 0
	return func(faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == k {
			return f()
		}
		return nil
	}
}

// fault is a way to fail at the k-th operation of a store.
type fault struct {
	name  string
	tries int // if 1, the engine stops; else it must recover
	wrap  func(s store.Store, k int, cancel func()) *faultstore.Store
}

var faults = []fault{
	{"prevented", 1, func(s store.Store, k int, _ func()) *faultstore.Store {
		return &faultstore.Store{Store: s, Before: nth(k, func() error { return errFault })}
	}},
	{"reply lost", 1, func(s store.Store, k int, _ func()) *faultstore.Store {
		return &faultstore.Store{Store: s, After: nth(k, func() error { return errFault })}
	}},
	{"prevented, retried", 3, func(s store.Store, k int, _ func()) *faultstore.Store {
		return &faultstore.Store{Store: s, Before: nth(k, func() error { return errFault })}
	}},
	{"reply lost, retried", 3, func(s store.Store, k int, _ func()) *faultstore.Store {
		return &faultstore.Store{Store: s, After: nth(k, func() error { return errFault })}
	}},
	{"cancelled before", 1, func(s store.Store, k int, cancel func()) *faultstore.Store {
		return &faultstore.Store{Store: s, Before: nth(k, func() error { cancel(); return nil })}
	}},
	{"cancelled after", 1, func(s store.Store, k int, cancel func()) *faultstore.Store {
		return &faultstore.Store{Store: s, After: nth(k, func() error { cancel(); return nil })}
	}},
}

// After a fault at any operation of the store, a new start finishes the work, and
// every message is archived once.
func TestEveryOperationFails(t *testing.T) {
	for _, open := range []bool{false, true} {
		for _, f := range faults {
			t.Run(fmt.Sprintf("%s open=%v", f.name, open), func(t *testing.T) {
				for k := 1; failAt(t, f, k, open); k++ {
					require.Less(t, k, 1000)
				}
			})
		}
	}
}

// failAt lets the k-th operation fail, and reports whether there was one.
func failAt(t *testing.T, f fault, k int, open bool) bool {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	s := store.NewMemory()
	src := &counter{mem: mem, sizes: sizes(), chunk: 6, open: open}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hit := false
	bad := f.wrap(s, k, func() { hit = true; cancel() })
	seen := nth(k, func() error { hit = true; return nil })
	inner := bad.Before
	bad.Before = func(op faultstore.Op) error {
		seen(op)
		if inner != nil {
			return inner(op)
		}
		return nil
	}
	l := openThrough(t, s, bad)
	m := newJob(t, src, s)
	m.Ledger, m.Sink, m.Rejects = l, &jsonSink{bad, "rows"}, &jsonSink{bad, "rejected"}
	m.Retry.Tries = f.tries
	if err := m.Drain(ctx); f.tries > 1 {
		require.NoError(t, err, "operation %d", k)
	} else if err != nil && ctx.Err() == nil {
		require.ErrorIs(t, err, errFault)
	}
	require.NoError(t, newJob(t, src, s).Drain(context.Background()), "operation %d", k)
	checkArchive(t, s, src.sizes)
	return hit
}

// A process stalls at any operation of its store, and another does all the work
// before it continues.
func TestStalledProcess(t *testing.T) {
	for _, after := range []bool{false, true} {
		hit := true
		for k := 1; hit; k++ {
			hit = false
			s := store.NewMemory()
			src := &counter{mem: memory.DefaultAllocator, sizes: sizes(), chunk: 6}
			bad := &faultstore.Store{Store: s}
			other := nth(k, func() error {
				hit = true
				o := newJob(t, src, s)
				o.Limits.Rows = 9 // it claims other ranges
				return o.Drain(context.Background())
			})
			if after {
				bad.After = other
			} else {
				bad.Before = other
			}
			m := newJob(t, src, s)
			m.Ledger, m.Sink = openThrough(t, s, bad), &jsonSink{bad, "rows"} // rejects: one sink at a time stalls
			require.NoError(t, m.Drain(context.Background()), "operation %d", k)
			for e := range s.List(context.Background(), "staging/") { // staged after the other's sweep
				require.NoError(t, s.Delete(context.Background(), e.Name))
			}
			checkArchive(t, s, src.sizes)
		}
	}
}

// Two processes share a ledger, with random faults.
func TestTwoProcesses(t *testing.T) {
	for range 30 {
		synctest.Test(t, twoProcesses) // they wait for each other
	}
}

func twoProcesses(t *testing.T) {
	{
		seed := rand.Uint64()
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: sizes(), chunk: 6}
		var all sync.WaitGroup
		for i := range uint64(2) {
			var mu sync.Mutex
			rnd := rand.New(rand.NewPCG(seed, i))
			sometimes := func(faultstore.Op) error {
				mu.Lock()
				defer mu.Unlock()
				if rnd.IntN(20) == 0 {
					return errFault
				}
				return nil
			}
			bad := &faultstore.Store{Store: s, Before: sometimes, After: sometimes}
			m := newJob(t, src, s)
			m.Ledger, m.Retry.Tries, m.Alone = openThrough(t, s, bad), 30, false
			m.Sink, m.Rejects = &jsonSink{bad, "rows"}, &jsonSink{bad, "rejected"}
			all.Go(func() { assert.NoError(t, m.Drain(context.Background()), "seed %d", seed) })
		}
		all.Wait()
		require.NoError(t, newJob(t, src, s).Drain(context.Background()))
		// An attempt that lost its batch may have staged after the sweep.
		for e := range s.List(context.Background(), "staging/") {
			s.Delete(context.Background(), e.Name)
		}
		checkContent(t, s, src.sizes)
		require.False(t, t.Failed(), "seed %d", seed)
	}
}

func TestErrorStages(t *testing.T) {
	once := func(f func() error) func() error {
		var o sync.Once
		return func() (err error) { o.Do(func() { err = f() }); return err }
	}
	for name, test := range map[string]struct {
		stage Stage
		plant func(m *MicroBatch, src *counter, fail func() error)
	}{
		"source": {StageRead, func(_ *MicroBatch, src *counter, fail func() error) {
			src.fault = func(_ int, at int64) error {
				if at == 12 {
					return fail()
				}
				return nil
			}
		}},
		"transform": {StageTransform, func(m *MicroBatch, _ *counter, fail func() error) {
			m.Transforms = append(m.Transforms, TransformFunc(func(_ context.Context, in Rows) (Result, error) {
				if numbersOf(in.Record)[0]%1000 > 10 {
					if err := fail(); err != nil {
						return Result{}, err
					}
				}
				return Filter(in, func(int) bool { return true }), nil
			}))
		}},
		"sink": {StageWrite, func(m *MicroBatch, _ *counter, fail func() error) {
			m.Sink = &failingSink{m.Sink, fail, nil}
		}},
		"publish": {StagePublish, func(m *MicroBatch, _ *counter, fail func() error) {
			m.Sink = &failingSink{m.Sink, nil, fail}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			for _, permanent := range []bool{false, true} {
				s := store.NewMemory()
				src := &counter{mem: mem, sizes: sizes(), chunk: 6}
				m := newJob(t, src, s)
				test.plant(m, src, once(func() error {
					if permanent {
						return Permanent(errFault)
					}
					return errFault
				}))
				err := m.Drain(context.Background())
				if permanent {
					var b *BatchError
					require.ErrorAs(t, err, &b)
					assert.ErrorIs(t, err, errFault)
					assert.Equal(t, test.stage, b.Stage)
					assert.Equal(t, 1, b.Tries)
					assert.NotEmpty(t, b.Ranges)
					err = m.Drain(context.Background())
				}
				require.NoError(t, err)
				if _, ok := m.Sink.(*failingSink); ok { // it hides Sweep
					m.Sink.(*failingSink).Sink.(Sweeper).Sweep(context.Background(), BatchID{Number: 1})
				}
				checkArchive(t, s, src.sizes)
			}
		})
	}
}

// failingSink fails after it has read the rows, or before it publishes.
type failingSink struct {
	Sink
	stage, publish func() error
}

func (f *failingSink) Stage(ctx context.Context, b Batch) (Receipt, error) {
	r, err := f.Sink.Stage(ctx, b)
	if err == nil && f.stage != nil {
		err = f.stage()
	}
	return r, err
}

func (f *failingSink) Publish(ctx context.Context, id BatchID, r Receipt) error {
	if f.publish != nil {
		if err := f.publish(); err != nil {
			return err
		}
	}
	return f.Sink.Publish(ctx, id, r)
}
