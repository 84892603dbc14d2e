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

// Latest starts with what comes after the first look at the topics.
func Latest() Start { return Start{latest: true} }

// At starts with the first messages whose time is t or later.
func At(t time.Time) Start { return Start{at: t} }

// ParseStart reads "earliest", "latest" or a time by RFC 3339.
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

// String gives the start as ParseStart reads it.
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
