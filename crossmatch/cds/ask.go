package cds

import (
	"context"
	"time"
)

// ask asks the service about the places without an answer, some at a time, and
// gives up at the first request that is not answered: the next would most
// likely fare no better, and whoever waits has waited enough.
func (c *Client) ask(ctx context.Context, q *question) error {
	if len(q.pending) == 0 {
		return nil
	}
	u, err := c.Service.parse()
	if err != nil {
		return err
	}
	b := breakerOf(u)
	for len(q.pending) > 0 {
		n := min(c.batch(), len(q.pending))
		r, err := newRequest(c, u.String(), q, n)
		if err != nil {
			return err
		}
		answers, err := c.exchange(ctx, b, r)
		if err != nil {
			return err
		}
		c.learn(q, answers)
	}
	return nil
}

// exchange waits for its turn and tries a request until it is answered or
// given up. It keeps its turn through the pauses: who comes next would meet the
// same trouble.
func (c *Client) exchange(ctx context.Context, b *breaker, r *request) ([]found, error) {
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	defer b.leave()
	for try := 1; ; try++ {
		if err := b.allow(); err != nil {
			return nil, err
		}
		answers, f := c.try(ctx, b, r)
		if f == nil {
			return answers, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err // no fault of the service
		}
		c.log.Warn("cds: a request failed", "table", c.Table, "positions", r.n, "try", try, "cause", f.err)
		if !f.again || try >= c.Service.tries() || b.allow() != nil {
			return nil, f.err
		}
		if err := sleep(ctx, max(pause(try), f.after)); err != nil {
			return nil, err
		}
	}
}

// try sends a request, and tells the breaker how it went.
func (c *Client) try(ctx context.Context, b *breaker, r *request) ([]found, *failure) {
	limited, cancel := context.WithTimeout(ctx, c.Service.timeout())
	defer cancel()
	answers, f := r.send(limited, c.Service)
	switch {
	case f == nil:
		b.success()
	case ctx.Err() != nil: // the caller left, which says nothing of the service
	case f.again || f.ban:
		b.failure(f, c.Service)
	default:
		b.success() // it is well enough to refuse
	}
	return answers, f
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
