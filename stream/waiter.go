package stream

import (
	"context"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
)

// minWakeDelay is the least time from a plan to the next Wait if the last Wait
// returned although there was nothing to plan.
const minWakeDelay = 10 * time.Millisecond

// waitForSource waits for d, or until the source has something new. until is when
// the next batch is planned in any case.
//
// Some sources may always report something new although there is nothing to plan.
// So that they do not keep the engine busy, the time from a plan to the next Wait
// doubles each time, up to half an interval. It is zero again after a plan that
// found something, or if Wait has blocked for long enough. After an error, Wait is
// not called before the next plan.
func (e *engine) waitForSource(ctx context.Context, w Waiter, until time.Time, d time.Duration) error {
	end := time.Now().Add(d)
	if asked := e.plannedAt.Add(e.wakeDelay); time.Now().Before(asked) {
		return backoff.Sleep(ctx, min(d, time.Until(asked)))
	}
	waiting, cancel := context.WithDeadline(ctx, end)
	err := w.Wait(waiting)
	ended := waiting.Err() != nil
	cancel()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ended && err != nil:
		if !end.Before(until) {
			e.wakeDelay = 0
		}
		return nil
	case err != nil:
		e.waitFailed = true
		e.log.Info("the source could not wait for messages", "err", err)
		return backoff.Sleep(ctx, time.Until(end))
	}
	e.woken = true
	if time.Since(e.plannedAt) > 2*e.wakeDelay {
		e.wakeDelay = 0
	}
	e.wakeDelay = max(min(max(2*e.wakeDelay, minWakeDelay), e.interval/2), 1)
	return nil
}
