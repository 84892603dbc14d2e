package feed

import (
	"context"
	"time"
)

// pace schedules packets.
type pace struct {
	rate, speed float64
	begun       time.Time // when the first packet was due
	first       time.Time // the time of its event
	n           float64   // the number of packets since begun
}

// maxLag is how late a feed may be and still catch up. After a longer delay it
// continues at its rate.
const maxLag = time.Second

// due returns a timer for the next packet, or nil if it is due now.
func (p *pace) due(event time.Time) *time.Timer {
	now := time.Now()
	if p.begun.IsZero() {
		p.begun, p.first = now, event
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
	wait := p.begun.Add(after).Sub(now)
	if wait < -maxLag && p.rate > 0 {
		p.begun, p.n = now, 1
	}
	if wait <= 0 {
		return nil
	}
	return time.NewTimer(wait)
}

// grace returns a context that is done five seconds after ctx.
func grace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(5*time.Second, cancel)
		context.AfterFunc(late, func() { t.Stop() })
	})
	return late, func() { stop(); cancel() }
}
