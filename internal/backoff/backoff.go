// Package backoff spaces out the attempts of an operation that may fail for a
// while.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Delay returns how long to wait after a number of consecutive failures, at
// least 1. The delay doubles with each failure, from first up to limit, and is
// then reduced by up to half at random, so that processes that failed together
// do not retry together. Both durations must be positive.
func Delay(failures int, first, limit time.Duration) time.Duration {
	d := limit
	if n := max(failures, 1) - 1; n < 63 && first <= limit>>n {
		d = first << n
	}
	return d - rand.N(d/2+1)
}

// Sleep waits until d has passed or ctx is done. It returns the context's error
// if ctx is done by then, and nil otherwise.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
