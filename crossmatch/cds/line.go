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

// failuresToRest is how many failures in a row send the line to rest.
const failuresToRest = 5

// maxAfter bounds how long a server may ask to be left alone.
const maxAfter = 24 * time.Hour

// lines has the line for each host. It is a variable of the package because the
// rule that it keeps is one of the process: one job in flight. The service counts
// what comes from an address, and bans the address for it, whichever client was
// one too many. Clients are made by parts of a program that know nothing of each
// other; were the line theirs to share, each that forgot would have all banned.
// It has as many entries as there are hosts that were asked.
var lines sync.Map // lower-case host → *line

// line is where clients wait for their turn to ask a host, first come, first
// served. What it knows of the host is of the one whose turn it is.
type line struct {
	mu      sync.Mutex
	taken   bool
	waiting []chan struct{} // closed when the turn has come

	failures int       // in a row
	until    time.Time // it rests, if not zero
	why      error
}

func lineTo(u *url.URL) *line {
	l, _ := lines.LoadOrStore(strings.ToLower(u.Host), new(line))
	return l.(*line)
}

// enter waits for the turn of the caller, who has to leave afterwards.
func (l *line) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.giveUp(turn)
		return ctx.Err()
	}
}

// giveUp takes a caller out of the line whose turn may have come meanwhile.
func (l *line) giveUp(turn chan struct{}) {
	l.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 {
		l.leave()
	}
}

// leave gives the turn to the next.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.taken = false
		return
	}
	close(l.waiting[0])
	l.waiting = slices.Delete(l.waiting, 0, 1)
}

// resting returns why nobody is to ask now; nil if one may.
func (l *line) resting() error {
	if !time.Now().Before(l.until) {
		return nil
	}
	return fmt.Errorf("%w, until %s: %w", ErrResting, l.until.Format(time.DateTime), l.why)
}

// probing tells that the line has rested, and nobody knows yet how it goes now.
func (l *line) probing() bool { return !l.until.IsZero() }

// went takes note of a request that was answered.
func (l *line) went() {
	l.failures, l.until, l.why = 0, time.Time{}, nil
}

// broke takes note of a failure that the service, and not the request, is to
// blame for.
func (l *line) broke(f *failure, s Service) {
	after := min(f.after, maxAfter)
	l.failures++
	switch {
	case f.ban:
		l.rest(max(s.ban(), after), f.err)
	case l.probing() || l.failures >= failuresToRest:
		l.rest(max(s.rest(), after), f.err)
	case after > s.timeout():
		l.rest(after, f.err) // nobody would wait that long
	}
}

func (l *line) rest(d time.Duration, why error) {
	l.failures, l.until, l.why = 0, time.Now().Add(d), why
}
