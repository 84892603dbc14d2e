package stream

import (
	"context"
	"sync"
)

// gate bounds the bytes in flight.
type gate struct {
	mu    sync.Mutex
	limit int64
	used  int64
	freed chan struct{} // closed, and made anew, when somebody leaves
}

func newGate(limit int64) *gate { return &gate{limit: limit, freed: make(chan struct{})} }

// enter waits until n bytes fit below the limit, or nothing else is inside.
func (g *gate) enter(ctx context.Context, n int64) error {
	for {
		g.mu.Lock()
		if g.used == 0 || g.used+n <= g.limit {
			g.used += n
			g.mu.Unlock()
			return nil
		}
		freed := g.freed
		g.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gate) leave(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= n
	close(g.freed)
	g.freed = make(chan struct{})
}
