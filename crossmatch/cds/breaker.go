package cds

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// failuresToOpen is how many failures in a row open the breaker.
const failuresToOpen = 5

// maxAfter bounds the Retry-After of a server.
const maxAfter = 24 * time.Hour

// breakers has the breaker of each host. It is global because its rule, one
// request in flight, holds for the process: the service counts the requests of an
// address and bans the address, and clients are created by parts of a program that
// do not know of each other.
var breakers sync.Map // lower-case host → *breaker

// breaker is a circuit breaker with a queue. Clients take turns in order of
// arrival, so that one request is in flight. Consecutive failures, or a ban, open
// the breaker: no request is sent. After a while it is half open, and the next
// request, which is not retried, closes it or opens it again.
type breaker struct {
	turn chan struct{} // full while a client has its turn; Go serves blocked senders in order

	// Accessed by the client whose turn it is:
	failures  int       // consecutive
	openUntil time.Time // zero if the breaker is closed
	cause     error     // why it is open
}

func newBreaker() *breaker { return &breaker{turn: make(chan struct{}, 1)} }

type state int

const (
	closed   state = iota // requests are sent
	open                  // no requests are sent
	halfOpen              // the next request decides
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
	b, _ := breakers.LoadOrStore(strings.ToLower(u.Host), newBreaker())
	return b.(*breaker)
}

// enter waits for the caller's turn. The caller must leave afterwards.
func (b *breaker) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave ends the caller's turn.
func (b *breaker) leave() { <-b.turn }

// allow returns an error if no request may be sent now.
func (b *breaker) allow() error {
	if b.state() != open {
		return nil
	}
	return fmt.Errorf("%w, until %s: %w", ErrUnavailable, b.openUntil.Format(time.DateTime), b.cause)
}

// success records a request that succeeded: it closes the breaker.
func (b *breaker) success() {
	b.failures, b.openUntil, b.cause = 0, time.Time{}, nil
}

// failure records a failure of the service, as opposed to one of the request.
func (b *breaker) failure(f *failure, s Service) {
	after := min(f.after, maxAfter)
	b.failures++
	switch {
	case f.ban:
		b.trip(max(s.ban(), after), f.err)
	case b.state() == halfOpen || b.failures >= failuresToOpen:
		b.trip(max(s.cooldown(), after), f.err)
	case after > s.timeout():
		b.trip(after, f.err) // too long for a caller to wait
	}
}

func (b *breaker) trip(d time.Duration, cause error) {
	b.failures, b.openUntil, b.cause = 0, time.Now().Add(d), cause
}
