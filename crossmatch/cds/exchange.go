package cds

import (
	"context"

	"github.com/skyfinch/skyfinch/internal/backoff"
)

// fetch requests the pending lookups from the service, in batches. It returns at
// the first request that fails: the next would most likely fail too.
func (c *Client) fetch(ctx context.Context, l *lookups) error {
	if len(l.pending) == 0 {
		return nil
	}
	u, err := c.Service.parse()
	if err != nil {
		return err
	}
	b := breakerOf(u)
	for len(l.pending) > 0 {
		hits, err := c.exchange(ctx, b, newRequest(c, u.String(), l))
		if err != nil {
			return err
		}
		c.store(l, hits)
	}
	return nil
}

// exchange queues for the host, and sends a request until it succeeds or is given
// up. It keeps its turn during the pauses: the next caller would meet the same
// trouble.
func (c *Client) exchange(ctx context.Context, b *breaker, r *request) ([]hit, error) {
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	defer b.leave()
	for attempt := 1; ; attempt++ {
		if err := b.allow(); err != nil {
			return nil, err
		}
		hits, f := c.attempt(ctx, b, r)
		if f == nil {
			return hits, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err // not the service's fault
		}
		c.log.Warn("cds: request failed", "table", c.Table, "positions", r.n, "attempt", attempt, "cause", f.err)
		if !f.retryable || attempt >= c.Service.tries() || b.allow() != nil {
			return nil, f.err
		}
		if err := backoff.Sleep(ctx, max(pause(attempt), f.after)); err != nil {
			return nil, err
		}
	}
}

// attempt sends a request once, and records the outcome in the breaker.
func (c *Client) attempt(ctx context.Context, b *breaker, r *request) ([]hit, *failure) {
	limited, cancel := context.WithTimeout(ctx, c.Service.timeout())
	defer cancel()
	hits, f := r.send(limited, c.Service)
	switch {
	case f == nil:
		b.success()
	case ctx.Err() != nil: // says nothing about the service
	case f.retryable || f.ban:
		b.failure(f, c.Service)
	default:
		b.success() // the service works: it refused the request
	}
	return hits, f
}
