package stream

import (
	"fmt"
	"time"
)

// Takeover is how engines that share a ledger notice that one of them has died.
// Each heartbeat is a small record in the ledger, so a store that charges for
// requests, or is slow, wants longer times. Processes that share a ledger must
// use the same times: one that expects more heartbeats than another puts takes
// over batches that are under way, and blames their messages for a death.
type Takeover struct {
	// Heartbeat is the time from one heartbeat of a batch under way to the next;
	// if zero, 1 s.
	Heartbeat time.Duration
	// After is how long a batch may be without a heartbeat before another engine
	// takes it over, at least three times Heartbeat and Poll; if zero, five times
	// Heartbeat.
	After time.Duration
	// Poll is how often the ledger is read while batches of other engines are
	// under way, and half as often while others may plan; if zero, half of
	// Heartbeat.
	Poll time.Duration
}

func (t Takeover) withDefaults() Takeover {
	if t.Heartbeat <= 0 {
		t.Heartbeat = heartbeatInterval
	}
	if t.After <= 0 {
		t.After = takeoverAfter / heartbeatInterval * t.Heartbeat
	}
	if t.Poll <= 0 {
		t.Poll = t.Heartbeat / (heartbeatInterval / pollInterval)
	}
	return t
}

// check returns an error if an engine that is alive could seem dead: a heartbeat
// is seen up to a Heartbeat and a Poll after the one before.
func (t Takeover) check() error {
	if least := 3 * max(t.Heartbeat, t.Poll); t.After < least {
		return fmt.Errorf("stream: Takeover.After is %v, but must be at least %v, three times Heartbeat and Poll: a batch under way would seem abandoned", t.After, least)
	}
	return nil
}

// peerPoll is how often the ledger is read while other processes may plan
// batches, and how often the source is asked which process the partitions of the
// batches under way are assigned to.
func (t Takeover) peerPoll() time.Duration { return peerPollInterval / pollInterval * t.Poll }
