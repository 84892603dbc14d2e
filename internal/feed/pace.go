package feed

import (
	"context"
	"time"
)

// pace computes when packets are due.
type pace struct {
	rate, speed float64
	started     time.Time // when the first packet was due
	first       time.Time // its own time
	n           float64   // packets since started
}

// maxDelay is how late a feed with a rate may be and still catch up. A later one
// goes on at its rate from then on.
const maxDelay = time.Second

// due returns a timer for the next packet, or nil if it is due now.
func (p *pace) due(event time.Time) *time.Timer {
	now := time.Now()
	if p.started.IsZero() {
		p.started, p.first = now, event
	}
	var after time.Duration
	switch {
	case p.rate > 0:
		after = time.Duration(p.n / p.rate * float64(time.Second))
	case p.speed > 0 && !event.IsZero():
		if p.first.IsZero() {
			p.first = event
		}
		after = time.Duration(float64(event.Sub(p.first)) / p.speed)
	default:
		return nil
	}
	p.n++
	wait := p.started.Add(after).Sub(now)
	if wait < -maxDelay && p.rate > 0 {
		p.started, p.n = now, 1
	}
	if wait <= 0 {
		return nil
	}
	return time.NewTimer(wait)
}

// grace returns a context that ends five seconds after ctx.
func grace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(5*time.Second, cancel)
		context.AfterFunc(late, func() { t.Stop() })
	})
	return late, func() { stop(); cancel() }
}
