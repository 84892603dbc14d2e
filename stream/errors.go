package stream

import (
	"errors"
	"fmt"
	"time"
)

// Stage is the part of a batch that an error belongs to.
type Stage string

// The stages of a batch, in their order.
const (
	StagePlan      Stage = "plan"      // asking the source what there is, and claiming it
	StageRead      Stage = "read"      // reading messages
	StageTransform Stage = "transform" // decoding, matching, filtering
	StageWrite     Stage = "stage"     // writing rows where no reader looks
	StageCommit    Stage = "commit"    // the record that decides the batch
	StagePublish   Stage = "publish"   // making rows visible
)

// BatchError is why an engine stopped. Nothing is lost by it: a batch without
// a commit is run again at the next start, a batch without its publication is
// published again.
type BatchError struct {
	Batch  int64   // 0: before any batch
	Stage  Stage   // where it happened
	Ranges []Range // what the batch was to read
	Tries  int     // how often it was tried
	Err    error
}

// Error names the batch, the stage and the first of the ranges.
func (e *BatchError) Error() string {
	where := ""
	if n := len(e.Ranges); n == 1 {
		where = " of " + e.Ranges[0].String()
	} else if n > 1 {
		where = fmt.Sprintf(" of %v and %d more", e.Ranges[0], n-1)
	}
	return fmt.Sprintf("stream: batch %d%s: %s: %v", e.Batch, where, e.Stage, e.Err)
}

// Unwrap returns the cause.
func (e *BatchError) Unwrap() error { return e.Err }

// LostError says that messages were gone from the source before they were
// read: retention took them, or the partition was cut. MicroBatch.RecordLost
// lets the engine go on.
type LostError struct {
	Range // what is missing
}

// Error names the partition and the offsets.
func (e *LostError) Error() string {
	if e.To == Open {
		return fmt.Sprintf("stream: %s is gone, and what it held from offset %d on was not read", e.Partition, e.From)
	}
	return fmt.Sprintf("stream: offsets %d to %d of %s are gone before they were read", e.From, e.To-1, e.Partition)
}

// TruncatedError says that a partition ends before what has been archived of it:
// messages were taken back, as when a Kafka leader is elected that had not
// seen them, and others will get their offsets. Those would be taken for
// archived; MicroBatch.RecordLost lets the engine go on all the same.
type TruncatedError struct {
	Partition string
	Archived  int64 // offsets below it were archived
	End       int64 // offsets below it are there
}

// Error names the partition and the offsets.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("stream: %s ends at offset %d, but offsets up to %d have been archived: it was truncated", e.Partition, e.End, e.Archived-1)
}

// SettingsError says that a ledger was begun with another setting than the
// one asked for.
type SettingsError struct {
	Ledger     string // its directory
	Setting    string
	Have, Want string
}

// Error names the ledger and the setting, and says what to do.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("stream: the ledger in %s was begun with %s %q, not %q: use %[3]q, or another directory",
		e.Ledger, e.Setting, e.Have, e.Want)
}

// Permanent marks an error that trying again cannot mend. The engine stops at
// once on it. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func isPermanent(err error) bool {
	var p permanentError
	var lost *LostError
	return errors.As(err, &p) || errors.As(err, &lost)
}

// stageError carries the stage of an error from inside a batch to its
// BatchError.
type stageError struct {
	stage Stage
	error
}

func (e *stageError) Unwrap() error { return e.error }

func at(stage Stage, err error) error {
	var s *stageError
	if err == nil || errors.As(err, &s) {
		return err
	}
	return &stageError{stage, err}
}

// Retry says how often and how soon an error that may pass is tried again:
// after Min at first, then twice as long each time up to Max, with jitter.
// Zero fields mean 8 tries, 100 ms and 5 s.
type Retry struct {
	Tries int
	Min   time.Duration
	Max   time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.Tries <= 0 {
		r.Tries = 8
	}
	if r.Min <= 0 {
		r.Min = 100 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 5 * time.Second
	}
	return r
}

// delay is how long to wait after the given number of failed tries.
func (r Retry) delay(failed int, jitter float64) time.Duration {
	d, doublings := r.Max, min(failed-1, 62)
	if r.Min <= r.Max>>doublings {
		d = r.Min << doublings
	}
	return d/2 + time.Duration(jitter*float64(d/2))
}
