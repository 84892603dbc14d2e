package stream

import (
	"fmt"
	"time"
)

// Takeover holds the times by which engines that share a ledger notice that one
// of them has died. Each heartbeat is a small record in the ledger: set longer
// times for a store that is slow or charges for requests. All processes that share
// a ledger must use the same times. If one expects heartbeats more often than
// another puts them, it takes over batches that are under way, and treats their
// messages as the possible cause of a crash.
type Takeover struct {
	// Heartbeat is the time between the heartbeats of a batch under way. If zero,
	// it is 1 s.
	Heartbeat time.Duration
	// After is how long a batch may be without a heartbeat before another engine
	// takes it over. It must be at least three times Heartbeat and three times
	// Poll. If zero, it is five times Heartbeat.
	After time.Duration
	// Poll is the time between reads of the ledger while batches of other engines
	// are under way. While others may plan batches, it is twice that. If zero, it
	// is half of Heartbeat.
	Poll time.Duration
}

func (t Takeover) withDefaults() Takeover {
	if t.Heartbeat <= 0 {
		t.Heartbeat = time.Second
	}
	if t.After <= 0 {
		t.After = 5 * t.Heartbeat
	}
	if t.Poll <= 0 {
		t.Poll = t.Heartbeat / 2
	}
	return t
}

// check returns an error if an engine that is alive could seem dead: other engines
// see a heartbeat up to Heartbeat + Poll after the one before.
func (t Takeover) check() error {
	if least := 3 * max(t.Heartbeat, t.Poll); t.After < least {
		return fmt.Errorf("stream: Takeover.After is %v, but must be at least %v, three times Heartbeat and three times Poll: a batch under way would seem abandoned", t.After, least)
	}
	return nil
}

// peerPoll is the time between reads of the ledger while other processes may plan
// batches, and between questions to the source which process has the partitions
// of the batches under way.
func (t Takeover) peerPoll() time.Duration { return 2 * t.Poll }
