package stream

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	g := newGate(10)
	var at [4]byte
	chunk := func(size int64, first ...int) map[*byte]int64 {
		out := map[*byte]int64{}
		for _, i := range first {
			out[&at[i]] = size
		}
		return out
	}
	require.NoError(t, g.enter(ctx, chunk(100, 0)), "a large chunk passes alone")
	in := make(chan error)
	go func() { in <- g.enter(ctx, chunk(1, 1)) }()
	select {
	case <-in:
		t.Error("the gate is full")
	default:
	}
	g.leave(chunk(100, 0))
	require.NoError(t, <-in)
	require.NoError(t, g.enter(ctx, chunk(9, 2)), "just fits")
	require.NoError(t, g.enter(ctx, chunk(9, 1, 2)), "both buffers are counted already")
	assert.EqualValues(t, 10, g.used)
	g.leave(chunk(9, 2))
	cancel()
	assert.ErrorIs(t, g.enter(ctx, chunk(1, 3)), context.Canceled, "the other chunk keeps the buffer")
	g.leave(chunk(9, 1, 2))
	g.leave(chunk(1, 1))
	assert.Zero(t, g.used)
	assert.Empty(t, g.inside)
}

// A chunk that is decoded waits for memory, unless it is the next to be delivered.
func TestGateGrow(t *testing.T) {
	g := newGate(100)
	a, b := map[*byte]int64{new(byte): 10}, map[*byte]int64{new(byte): 10}
	require.NoError(t, g.enter(t.Context(), a))
	require.NoError(t, g.enter(t.Context(), b))
	never, next := make(chan struct{}), make(chan struct{})
	g.grow(t.Context(), a, new(byte), 80, never)
	assert.EqualValues(t, 100, g.used)
	grown, buffer := make(chan bool), new(byte)
	go func() { g.grow(t.Context(), b, buffer, 50, next); grown <- true }()
	select {
	case <-grown:
		t.Error("the gate is full")
	default:
	}
	close(next)
	<-grown
	assert.EqualValues(t, 150, g.used)
	g.grow(t.Context(), b, buffer, 5, next)
	g.leave(b)
	assert.EqualValues(t, 90, g.used)
	waits, cancel := context.WithCancel(t.Context())
	cancel()
	g.grow(waits, a, new(byte), 50, never)
	g.leave(a)
	assert.Zero(t, g.used)
	assert.Empty(t, g.inside)
}

// A chunk counts its weight until it is decoded, then what it holds.
func TestGateResize(t *testing.T) {
	g := newGate(100)
	before, after := map[*byte]int64{new(byte): 3, new(byte): 90}, map[*byte]int64{new(byte): 40}
	require.NoError(t, g.enter(t.Context(), before))
	_, ok := g.admit(map[*byte]int64{new(byte): 8})
	assert.False(t, ok)
	g.resize(before, after)
	assert.EqualValues(t, 40, g.used)
	_, ok = g.admit(map[*byte]int64{new(byte): 60})
	assert.True(t, ok)
	g.leave(after)
	assert.EqualValues(t, 60, g.used)
}

// Heavy chunks are decoded one at a time, even if their messages are small.
func TestWeight(t *testing.T) {
	var decoding, most atomic.Int32
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 40}, chunk: 4}
	job := &MicroBatch{
		Source:  heavy{src},
		Workers: 8,
		Transforms: []Transform{TransformFunc(func(_ context.Context, in Rows) (Result, error) {
			n := decoding.Add(1)
			for {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(time.Millisecond)
			decoding.Add(-1)
			return Pass(in), nil
		})},
		Sink: SinkFunc(func(context.Context, Rows) error { return nil }),
	}
	require.NoError(t, job.Drain(t.Context()))
	assert.EqualValues(t, 40, job.Progress().Written)
	assert.EqualValues(t, 1, most.Load())
}

// heavy gives each chunk of a source more weight than the gate admits twice.
type heavy struct{ Source }

func (h heavy) Read(ctx context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for c, err := range h.Source.Read(ctx, ranges) {
			c.Weight = 30 << 20
			if !yield(c, err) {
				return
			}
		}
	}
}
