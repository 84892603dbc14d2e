package alert

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Registries lag behind producers: the first messages of a new schema may arrive
// before the registry has it, and wait for a while.
const (
	defaultWait = 10 * time.Second
	firstPause  = 100 * time.Millisecond // between two requests for an id
	lastPause   = time.Second
	askAgain    = 5 * time.Second // between requests for an id whose wait has ended
	refill      = time.Minute     // in which a spent budget is restored
)

// waitBudget is the time that a decoder may spend waiting for ids. It decreases
// while any message waits, and is restored slowly, so that a stream with an invalid
// id in each message does not wait for each of them.
type waitBudget struct {
	full    time.Duration
	left    time.Duration
	at      time.Time // of the last update
	waiting int       // calls that wait
}

func (p *waitBudget) init(full time.Duration) {
	if full == 0 {
		full = defaultWait
	}
	p.full = max(full, 0)
	p.left = p.full
}

// update computes left at the time now.
func (p *waitBudget) update(now time.Time) {
	passed := now.Sub(p.at)
	switch {
	case p.at.IsZero():
	case p.waiting > 0:
		p.left = max(p.left-passed, 0)
	case passed >= refill:
		p.left = p.full
	default:
		p.left = min(p.left+time.Duration(float64(p.full)*passed.Seconds()/refill.Seconds()), p.full)
	}
	p.at = now
}

// unknownID is an id that the registry did not have.
type unknownID struct {
	cause error
	since time.Time // first seen
	until time.Time // not requested before; zero while messages wait for it
}

// waitFor requests an unknown id repeatedly until the registry has it or the time
// to wait has passed.
func (c *schemaCache) waitFor(ctx context.Context, id uint32, unknown error) (schema []byte, cause, err error) {
	until := c.startWaiting(id, unknown)
	defer c.stopWaiting()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		rest := time.Until(until)
		if rest <= 0 {
			return nil, c.giveUp(id, unknown), nil
		}
		select {
		case <-time.After(min(pause, rest)):
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("alert: waiting for schema id %d: %w", id, ctx.Err())
		}
		schema, err := c.d.Registry.Schema(ctx, id)
		if !errors.Is(err, ErrUnknownSchema) {
			return schema, nil, err
		}
		unknown = err
	}
}

// startWaiting returns the time until which messages may wait for an id.
func (c *schemaCache) startWaiting(id uint32, unknown error) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.wait.update(now)
	c.wait.waiting++
	have, ok := c.unknown[id]
	if !ok {
		have = unknownID{cause: unknownCause(id, unknown), since: now}
		c.remember(id, have)
	}
	if errors.Is(unknown, errUnusable) {
		return now
	}
	until, end := have.since.Add(c.wait.full), now.Add(c.wait.left)
	if end.Before(until) {
		until = end
	}
	return until
}

func (c *schemaCache) stopWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait.update(time.Now())
	c.wait.waiting--
}

// giveUp returns the cause to reject messages of an id with, until the id is
// requested again.
func (c *schemaCache) giveUp(id uint32, unknown error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	m := unknownID{cause: unknownCause(id, unknown), since: now, until: now.Add(askAgain)}
	if have, ok := c.unknown[id]; ok {
		m.since = have.since
	}
	c.remember(id, m)
	return m.cause
}

// remember records an unknown id. The caller must hold c.mu.
func (c *schemaCache) remember(id uint32, m unknownID) {
	if _, ok := c.unknown[id]; !ok && len(c.unknown) >= maxUnknown {
		clear(c.unknown)
	}
	c.unknown[id] = m
}
