package stream

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/attempts"
)

// stuckAfter is how long an attempt may make no progress before its heartbeats
// report it as stuck, and another process may try.
const stuckAfter = time.Minute

// peerActivity is what an engine has seen of a batch that another one planned.
type peerActivity struct {
	status     attempts.Status
	progressAt time.Time // when the batch, or the last progress at it, was seen
	polledAt   time.Time
	takenOver  bool // this engine has begun to finish the batch
}

// pollPeers looks for attempts and heartbeats at the batches that other engines
// planned. An error of the ledger counts as progress: it is no sign of death.
func (e *engine) pollPeers(ctx context.Context) {
	for i := range e.state.Tail {
		n, x := e.state.Number(i), &e.state.Tail[i]
		if e.isOwnPlan(x.Plan) {
			continue
		}
		p := e.peers[n]
		if p == nil {
			p = &peerActivity{status: attempts.Status{Attempt: 1}, progressAt: time.Now()}
			e.peers[n] = p
		}
		if !x.Undecided() || e.alone || time.Since(p.polledAt) < e.takeover.Poll {
			continue
		}
		p.polledAt = time.Now()
		if progress, err := e.attempts.Update(ctx, n, &p.status); progress || err != nil {
			p.progressAt = time.Now()
		}
	}
}

// heartbeats puts the heartbeats of an attempt. The methods of a nil pointer do
// nothing.
type heartbeats struct {
	progress atomic.Int64 // grows when the attempt makes progress
	cancel   context.CancelFunc
	stopped  chan struct{}
}

// startHeartbeats begins the heartbeats of an attempt.
func (e *engine) startHeartbeats(ctx context.Context, batch int64, attempt int) *heartbeats {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := &heartbeats{cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(h.stopped)
		progress, at := int64(0), time.Now()
		tick := time.NewTicker(e.takeover.Heartbeat)
		defer tick.Stop()
		for n := 1; ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if now := h.progress.Load(); now != progress {
				progress, at = now, time.Now()
			}
			if err := e.attempts.Heartbeat(ctx, batch, attempt, n, time.Since(at) >= stuckAfter); err == nil {
				n++
			}
		}
	}()
	return h
}

// stop ends the heartbeats.
func (h *heartbeats) stop() {
	if h != nil {
		h.cancel()
		<-h.stopped
	}
}

// progressed notes that the attempt makes progress.
func (h *heartbeats) progressed() {
	if h != nil {
		h.progress.Add(1)
	}
}
