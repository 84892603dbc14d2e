package stream

import "context"

// A Pinger is a Source that can be asked whether it can be reached, so that the
// health of a job can be watched while the source waits for the end of an outage.
type Pinger interface {
	// Ping returns nil if the source could be reached now. It may be called
	// concurrently with all other methods, and must return soon after ctx is done.
	Ping(ctx context.Context) error
}
