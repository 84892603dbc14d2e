package stream

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// UnreadableError reports offsets that exist but cannot be read at present, such
// as those of a file that may not be opened. A source may yield it and continue
// with its other ranges. The batch is committed without these offsets, and the
// engine plans them again later, with backoff. A Drain returns the error after it
// has done everything else.
type UnreadableError struct {
	Range // from the first offset that was not read to the end of the given range
	Err   error
}

// Error returns the text of Err, which must name the partition.
func (e *UnreadableError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UnreadableError) Unwrap() error { return e.Err }

const (
	minUnreadableDelay = 10 * time.Second
	maxUnreadableDelay = 10 * time.Minute
)

// unreadablePartition is a partition that could not be read to the end of its
// range. It is not planned until a later time, or until the drain ends.
type unreadablePartition struct {
	err      *UnreadableError
	failures int
	retryAt  time.Time
}

// setUnreadable updates e.unreadable after an attempt that has read some ranges
// and failed to read others.
func (e *engine) setUnreadable(read []Account, failed map[string]*UnreadableError) {
	for _, a := range read {
		if x, was := e.unreadable[a.Partition]; was && failed[a.Partition] == nil {
			delete(e.unreadable, a.Partition)
			e.log.Warn("a partition can be read again", "partition", a.Partition, "failures", x.failures)
		}
	}
	for p, err := range failed {
		x := e.unreadable[p]
		if x.failures == 0 {
			e.log.Warn("a partition cannot be read now: the others continue, and it is tried again", "err", err)
		}
		x.err, x.failures = err, x.failures+1
		x.retryAt = time.Now().Add(backoff.Delay(x.failures, minUnreadableDelay, maxUnreadableDelay))
		if e.unreadable == nil {
			e.unreadable = map[string]unreadablePartition{}
		}
		e.unreadable[p] = x
	}
}

// readableExtents returns the extents to plan. Partitions that cannot be read now
// count as assigned elsewhere, even if the source no longer lists them.
func (e *engine) readableExtents() []Extent {
	waiting := map[string]bool{}
	for p, x := range e.unreadable {
		if e.draining || time.Now().Before(x.retryAt) {
			waiting[p] = true
		}
	}
	if len(waiting) == 0 {
		return e.extents
	}
	out := slices.Clone(e.extents)
	for i, x := range out {
		if waiting[x.Partition] {
			out[i].AssignedElsewhere = true
			delete(waiting, x.Partition)
		}
	}
	for p := range waiting {
		out = append(out, Extent{Range: Range{Partition: p, To: ledger.UnknownEnd}, AssignedElsewhere: true})
	}
	return out
}

// unreadableError returns the error of a drain that could not read everything,
// or nil.
func (e *engine) unreadableError() error {
	names := slices.Sorted(maps.Keys(e.unreadable))
	if len(names) == 0 {
		return nil
	}
	err := error(e.unreadable[names[0]].err)
	if n := len(names) - 1; n > 0 {
		err = fmt.Errorf("%w (and %d more that cannot be read)", err, n)
	}
	return fmt.Errorf("stream: everything else is done, but %w", err)
}

// asUnreadable returns the UnreadableError that err is or wraps, or nil.
func asUnreadable(err error) *UnreadableError {
	var u *UnreadableError
	errors.As(err, &u)
	return u
}
