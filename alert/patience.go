package alert

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A registry lags behind the producers: the first messages of a new schema may
// come before the registry has it. They wait, for a while.
const (
	defaultPatience = 10 * time.Second
	firstPause      = 100 * time.Millisecond // between two questions for an id
	lastPause       = time.Second
	askAgain        = 5 * time.Second // for an id that is waited for no more
	refill          = time.Minute     // in which the patience that was spent comes back
)

// patience is the time that a decoder will still spend waiting for ids. It
// runs down while any message waits, however many do, and comes back slowly:
// else a stream that invents an id for each message would wait for each.
type patience struct {
	full    time.Duration
	left    time.Duration
	at      time.Time // when left was true
	waiting int
}

func (p *patience) init(full time.Duration) {
	if full == 0 {
		full = defaultPatience
	}
	p.full = max(full, 0)
	p.left = p.full
}

// settle brings left up to now.
func (p *patience) settle(now time.Time) {
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

// missing is an id that the registry did not have.
type missing struct {
	cause error
	since time.Time // the decoder met it
	until time.Time // it counts as unknown without asking; zero: it is waited for
}

// await asks again for an id that the registry has not, until it has it or
// there is no patience left.
func (w *writers) await(ctx context.Context, id uint32, unknown error) (schema []byte, cause, err error) {
	until := w.startWaiting(id, unknown)
	defer w.stopWaiting()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		rest := time.Until(until)
		if rest <= 0 {
			return nil, w.giveUp(id, unknown), nil
		}
		if err := sleep(ctx, min(pause, rest)); err != nil {
			return nil, nil, fmt.Errorf("alert: waiting for schema id %d: %w", id, err)
		}
		schema, err := w.d.Registry.Schema(ctx, id)
		if !errors.Is(err, ErrUnknownSchema) {
			return schema, nil, err
		}
		unknown = err
	}
}

// startWaiting returns until when an id may be waited for.
func (w *writers) startWaiting(id uint32, unknown error) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.patience.settle(now)
	w.patience.waiting++
	have, ok := w.missing[id]
	if !ok {
		have = missing{cause: unknownCause(id, unknown), since: now}
		w.remember(id, have)
	}
	if errors.Is(unknown, errUnusable) {
		return now
	}
	until, end := have.since.Add(w.patience.full), now.Add(w.patience.left)
	if end.Before(until) {
		until = end
	}
	return until
}

func (w *writers) stopWaiting() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience.settle(time.Now())
	w.patience.waiting--
}

// giveUp returns the cause for messages of an id, and rejects them with it
// until it is time to ask again.
func (w *writers) giveUp(id uint32, unknown error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	m := missing{cause: unknownCause(id, unknown), since: now, until: now.Add(askAgain)}
	if have, ok := w.missing[id]; ok {
		m.since = have.since
	}
	w.remember(id, m)
	return m.cause
}

// remember bounds what is kept of ids. The caller holds w.mu.
func (w *writers) remember(id uint32, m missing) {
	if _, ok := w.missing[id]; !ok && len(w.missing) >= maxMissing {
		clear(w.missing)
	}
	w.missing[id] = m
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
