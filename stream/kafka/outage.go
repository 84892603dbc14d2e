package kafka

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	mostPause  = 2 * time.Second
)

// outage is a time during which the brokers, or some of them, are away.
type outage struct {
	since time.Time
	tries int
	told  bool
}

// ride calls f until it succeeds, as long as it fails for reasons that pass and
// the brokers were reached before.
func (s *Source) ride(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			s.back()
			return nil
		}
		if err := s.wait(ctx, err); err != nil {
			return err
		}
	}
}

// wait sleeps before the next try, or returns the error if there should be none.
func (s *Source) wait(ctx context.Context, err error) error {
	o := &s.state.outage
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !passes(err) || !s.state.reached {
		return err
	}
	limit := s.Outage
	if limit <= 0 {
		limit = defaultOutage
	}
	switch {
	case o.tries == 0:
		o.since = time.Now()
	case time.Since(o.since) > limit:
		*o = outage{}
		return err
	case o.tries >= 3 && !o.told: // a leader that moves is no news
		o.told = true
		s.log().Warn("kafka: waiting for the brokers", "for", limit, "err", err)
	}
	pause := backoff(o.tries)
	o.tries++
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff is how long to wait before the next of some tries.
func backoff(tries int) time.Duration {
	pause := min(firstPause<<min(tries, 10), mostPause)
	return pause/2 + rand.N(pause/2)
}

// back is called when something has succeeded.
func (s *Source) back() {
	o := &s.state.outage
	if o.told {
		s.log().Info("kafka: the brokers are back", "after", time.Since(o.since).Round(time.Millisecond))
	}
	*o = outage{}
	s.state.reached = true
}
