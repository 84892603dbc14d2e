package stream

import (
	"context"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
)

// minWakeDelay is how soon after a plan a Waiter is asked again if its last call
// was in vain.
const minWakeDelay = 10 * time.Millisecond

// waitForSource waits for d, or until a source has something new. until is when
// the next batch is planned anyway.
//
// A source that reports something new for ever, although there is nothing to
// plan, must not keep the engine busy: each time, it is asked later, up to half
// an interval after the plan. It is asked at once again after a plan that found
// something, or if it has waited as it should. After an error it is not asked
// again before the next plan.
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
