package stream

import (
	"log/slog"
	"maps"
	"slices"
)

// Causes may quote names and numbers from messages, so there may be one for each
// message: only maxCauses are counted separately.
const (
	maxCauses   = 20
	otherCauses = "other causes"
)

// causes counts rejects by their cause.
type causes map[string]int64

func (c causes) add(cause string, n int64) {
	if _, known := c[cause]; !known && len(c) >= maxCauses {
		cause = otherCauses
	}
	c[cause] += n
}

// sorted returns the causes in the order of their names.
func (c causes) sorted() []string { return slices.Sorted(maps.Keys(c)) }

// log logs the rejects of a batch that are not kept.
func (c causes) log(to *slog.Logger, batch int64) {
	for _, cause := range c.sorted() {
		to.Warn("rejected", "batch", batch, "messages", c[cause], "cause", cause)
	}
}
