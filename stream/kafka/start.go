package kafka

import (
	"fmt"
	"time"
)

// Start is where a new ledger begins to read. The zero value is the earliest
// offset that each partition has.
type Start struct {
	latest bool
	at     time.Time
}

// Latest starts with messages produced after the topics were first listed.
func Latest() Start { return Start{latest: true} }

// At starts with the first message of each partition whose time is t or later.
func At(t time.Time) Start { return Start{at: t} }

// ParseStart parses "earliest", "latest" or a time in RFC 3339 format.
func ParseStart(s string) (Start, error) {
	switch s {
	case "earliest":
		return Start{}, nil
	case "latest":
		return Latest(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return Start{}, fmt.Errorf("kafka: start %q: it must be earliest, latest, or a time such as 2026-07-01T03:00:00Z", s)
	}
	return At(t), nil
}

// String returns the start in the format of ParseStart.
func (s Start) String() string {
	switch {
	case s.latest:
		return "latest"
	case s.at.IsZero():
		return "earliest"
	default:
		return s.at.Format(time.RFC3339Nano)
	}
}
