package kafka

import (
	"context"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
)

const (
	minRetryDelay = 50 * time.Millisecond
	maxRetryDelay = 2 * time.Second
)

// outage is a time during which brokers are unavailable.
type outage struct {
	since    time.Time
	failures int
	warned   bool
}

// retry calls f until it succeeds or waitToRetry returns an error.
func (s *Source) retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			s.recovered()
			return nil
		}
		if err := s.waitToRetry(ctx, err); err != nil {
			return err
		}
	}
}

// waitToRetry waits before the next attempt. It returns err if there should be none:
// if err is not temporary, if no broker was ever reached, or after Outage.
func (s *Source) waitToRetry(ctx context.Context, err error) error {
	o := &s.state.outage
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !isTemporary(err) || !s.state.reached {
		return err
	}
	limit := s.Outage
	if limit <= 0 {
		limit = defaultOutage
	}
	switch {
	case o.failures == 0:
		o.since = time.Now()
	case time.Since(o.since) > limit:
		*o = outage{}
		return err
	case o.failures >= 3 && !o.warned: // not if only a leader moved
		o.warned = true
		s.log().Warn("kafka: waiting for the brokers", "for", limit, "err", err)
	}
	o.failures++
	return backoff.Sleep(ctx, retryDelay(o.failures))
}

func retryDelay(failures int) time.Duration {
	return backoff.Delay(failures, minRetryDelay, maxRetryDelay)
}

// recovered ends an outage.
func (s *Source) recovered() {
	o := &s.state.outage
	if o.warned {
		s.log().Warn("kafka: the brokers are back", "after", time.Since(o.since).Round(time.Millisecond))
	}
	*o = outage{}
	s.state.reached = true
}
