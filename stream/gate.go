package stream

import (
	"context"
	"sync"
)

// gate bounds the memory in flight. A source may cut several chunks from one
// buffer; it counts once, until the last of them has left.
type gate struct {
	mu     sync.Mutex
	limit  int64
	used   int64
	inside map[*byte]inside // by their first bytes
	freed  chan struct{}    // closed, and made anew, when somebody leaves
}

// inside is a buffer of chunks in flight.
type inside struct {
	chunks int
	size   int64
}

func newGate(limit int64) *gate {
	return &gate{limit: limit, inside: map[*byte]inside{}, freed: make(chan struct{})}
}

// enter waits until a chunk's buffers fit below the limit, or nothing else is
// inside.
func (g *gate) enter(ctx context.Context, buffers map[*byte]int64) error {
	for {
		freed, ok := g.admit(buffers)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// admit lets a chunk in, or returns what to wait for before it is asked again.
func (g *gate) admit(buffers map[*byte]int64) (freed chan struct{}, ok bool) {
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

func (g *gate) add(buffers map[*byte]int64) {
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

// become takes a chunk that has been decoded for what it holds now, whether
// that fits or not: the chunks behind it wait.
func (g *gate) become(old, now map[*byte]int64) {
	g.mu.Lock()
	g.add(now)
	g.mu.Unlock()
	g.leave(old)
}

// leave gives back what a chunk entered with.
func (g *gate) leave(buffers map[*byte]int64) {
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
