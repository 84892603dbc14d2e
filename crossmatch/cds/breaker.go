package cds

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// failuresToOpen is how many failures in a row open the breaker.
const failuresToOpen = 5

// maxAfter bounds how long a server may ask to be left alone.
const maxAfter = 24 * time.Hour

// breakers has the breaker of each host. It is a variable of the package because
// the rule that it keeps is one of the process: one job in flight. The service
// counts what comes from an address, and bans the address for it, whichever client
// was one too many. Clients are made by parts of a program that know nothing of
// each other; were the breaker theirs to share, each that forgot would have all
// banned. It has as many entries as there are hosts that were asked.
var breakers sync.Map // lower-case host → *breaker

// breaker is a circuit breaker with a queue. Clients queue for their turn to ask
// a host, first come, first served, and one request is in flight at a time.
// Failures in a row, and a ban, open the breaker: no request is sent. After a
// while it is half open, and the next request, which is not retried, decides
// whether it closes or opens again.
type breaker struct {
	mu    sync.Mutex
	busy  bool
	queue []chan struct{} // closed when the turn has come

	// Of the client whose turn it is:
	failures  int       // in a row
	openUntil time.Time // zero: it is closed
	cause     error     // of its being open
}

type state int

const (
	closed   state = iota // requests are sent
	open                  // none is
	halfOpen              // the next tells how it goes now
)

func (b *breaker) state() state {
	switch {
	case b.openUntil.IsZero():
		return closed
	case time.Now().Before(b.openUntil):
		return open
	}
	return halfOpen
}

func breakerOf(u *url.URL) *breaker {
	b, _ := breakers.LoadOrStore(strings.ToLower(u.Host), new(breaker))
	return b.(*breaker)
}

// enter waits for the turn of the caller, who has to leave afterwards.
func (b *breaker) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	if !b.busy {
		b.busy = true
		b.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	b.queue = append(b.queue, turn)
	b.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		b.giveUp(turn)
		return ctx.Err()
	}
}

// giveUp takes a caller out of the queue whose turn may have come meanwhile.
func (b *breaker) giveUp(turn chan struct{}) {
	b.mu.Lock()
	i := slices.Index(b.queue, turn)
	if i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	}
	b.mu.Unlock()
	if i < 0 {
		b.leave()
	}
}

// leave gives the turn to the next.
func (b *breaker) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.busy = false
		return
	}
	close(b.queue[0])
	b.queue = slices.Delete(b.queue, 0, 1)
}

// allow returns why no request may be sent now; nil if one may.
func (b *breaker) allow() error {
	if b.state() != open {
		return nil
	}
	return fmt.Errorf("%w, until %s: %w", ErrUnavailable, b.openUntil.Format(time.DateTime), b.cause)
}

// success takes note of a request that was answered: it closes the breaker.
func (b *breaker) success() {
	b.failures, b.openUntil, b.cause = 0, time.Time{}, nil
}

// failure takes note of a failure that the service, and not the request, is to
// blame for.
func (b *breaker) failure(f *failure, s Service) {
	after := min(f.after, maxAfter)
	b.failures++
	switch {
	case f.ban:
		b.trip(max(s.ban(), after), f.err)
	case b.state() == halfOpen || b.failures >= failuresToOpen:
		b.trip(max(s.cooldown(), after), f.err)
	case after > s.timeout():
		b.trip(after, f.err) // nobody would wait that long
	}
}

func (b *breaker) trip(d time.Duration, cause error) {
	b.failures, b.openUntil, b.cause = 0, time.Now().Add(d), cause
}
