package stream

import (
	"context"
	"sync"

	"github.com/skyfinch/skyfinch/internal/recordsize"
)

// gate bounds the memory of chunks in flight. A buffer that several chunks share
// counts once, until the last of them has left.
type gate struct {
	mu     sync.Mutex
	limit  int64
	used   int64
	inside map[*byte]bufferUse // by the buffers' first bytes
	freed  chan struct{}       // closed and replaced when a chunk leaves
	full   func(bool)          // if not nil, called when enter begins and ends to wait
}

// bufferUse is a buffer of chunks in flight.
type bufferUse struct {
	chunks int
	size   int64
}

func newGate(limit int64) *gate {
	return &gate{limit: limit, inside: map[*byte]bufferUse{}, freed: make(chan struct{})}
}

// enter waits until a chunk's buffers fit within the limit, or nothing else is
// in flight.
func (g *gate) enter(ctx context.Context, buffers recordsize.Buffers) error {
	for waits := false; ; waits = true {
		freed, ok := g.admit(buffers)
		if ok {
			return nil
		}
		if !waits && g.full != nil {
			g.full(true)
			defer g.full(false)
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// admit lets a chunk in, or returns a channel that is closed when to try again.
func (g *gate) admit(buffers recordsize.Buffers) (freed chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var n int64
	for b, size := range buffers {
		if g.inside[b].chunks == 0 {
			n += size
		}
	}
	if g.used > 0 && g.used+n > g.limit {
		return g.freed, false
	}
	g.add(buffers)
	return nil, true
}

func (g *gate) add(buffers recordsize.Buffers) {
	for b, size := range buffers {
		v := g.inside[b]
		if v.chunks == 0 {
			v.size = size
			g.used += size
		}
		v.chunks++
		g.inside[b] = v
	}
}

// grow counts n more bytes for a chunk, under the address of a buffer that it will
// have. It waits until they fit within the limit, or until the chunk is the next to
// be delivered: then no other has to be waited for.
func (g *gate) grow(ctx context.Context, chunk recordsize.Buffers, buffer *byte, n int64, next <-chan struct{}) {
	for {
		freed, ok := g.admitGrowth(buffer, n, next)
		if ok {
			chunk[buffer] += n
			return
		}
		select {
		case <-freed:
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}

// admitGrowth grows a buffer of a chunk, or returns a channel that is closed when
// to try again.
func (g *gate) admitGrowth(buffer *byte, n int64, next <-chan struct{}) (freed chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used+n > g.limit {
		select {
		case <-next:
		default:
			return g.freed, false
		}
	}
	v := g.inside[buffer]
	g.used += n
	g.inside[buffer] = bufferUse{1, v.size + n}
	return nil, true
}

// resize replaces the buffers of a chunk, even if that exceeds the limit: then
// later chunks wait.
func (g *gate) resize(before, after recordsize.Buffers) {
	g.mu.Lock()
	g.add(after)
	g.mu.Unlock()
	g.leave(before)
}

// leave takes a chunk's buffers out.
func (g *gate) leave(buffers recordsize.Buffers) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for b := range buffers {
		v := g.inside[b]
		if v.chunks--; v.chunks > 0 {
			g.inside[b] = v
			continue
		}
		g.used -= v.size
		delete(g.inside, b)
	}
	close(g.freed)
	g.freed = make(chan struct{})
}
