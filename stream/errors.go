package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Stage is a part of a job's work, to which an error or an event belongs.
type Stage string

// The stages of a batch, in their order, and those between batches.
const (
	StagePlan      Stage = "plan"      // asking the source what it has, and claiming ranges
	StageRead      Stage = "read"      // reading messages
	StageTransform Stage = "transform" // decoding, matching, filtering
	StageWrite     Stage = "stage"     // writing rows where no reader looks
	StageCommit    Stage = "commit"    // the record that decides the batch
	StagePublish   Stage = "publish"   // making rows visible
	StageSnapshot  Stage = "snapshot"  // writing a snapshot of the ledger
	StageWait      Stage = "wait"      // waiting for messages, or for other processes
)

// BatchError reports why an engine stopped. Nothing is lost: at the next start, a
// batch without a commit is staged again, and one that is not done is published
// again.
type BatchError struct {
	Batch  int64
	Stage  Stage
	Ranges []Range // the planned ones, nil before there is a plan
	Tries  int     // how often the operation was tried
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

// LostError reports that messages were gone from the source before they were
// read: retention removed them, or the partition was deleted. With
// MicroBatch.RecordLost the engine continues.
type LostError struct {
	Range // the missing offsets
}

// Error names the partition and the offsets.
func (e *LostError) Error() string {
	if e.To == ledger.UnknownEnd {
		return fmt.Sprintf("stream: %s is gone, and its messages from offset %d on were not read", e.Partition, e.From)
	}
	return fmt.Sprintf("stream: offsets %d to %d of %s were gone before they were read", e.From, e.To-1, e.Partition)
}

// ForeignError reports a planned partition that belongs to another source. A job
// with that source planned it on the same ledger and stopped before the batch was
// done. The batch can only be finished by such a job, so the engine stops.
type ForeignError struct {
	Partition string
}

// Error names the partition and says what to do.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("stream: %s belongs to another source: a job with that source planned it and did not finish: start that job again to finish it", e.Partition)
}

// TruncatedError reports that a partition ends before what has been archived of
// it: messages were removed, for example because a Kafka broker without them
// was elected leader. New messages will get their offsets, and would count as
// archived. With MicroBatch.RecordLost the engine continues without those.
type TruncatedError struct {
	Partition string
	Archived  int64 // offsets below it were archived
	End       int64 // offsets below it exist
}

// Error names the partition and the offsets.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("stream: %s ends at offset %d, but offsets up to %d have been archived: it was truncated", e.Partition, e.End, e.Archived-1)
}

// Permanent marks an error that a retry cannot fix: the engine stops at once.
// Permanent(nil) is nil.
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
	var foreign *ForeignError
	var damaged *ledger.DamagedError
	var feature *ledger.FeatureError
	return errors.As(err, &p) || errors.As(err, &lost) || errors.As(err, &foreign) || errors.As(err, &damaged) || errors.As(err, &feature)
}

// stageError is an error with the stage that its BatchError is to name.
type stageError struct {
	stage Stage
	error
}

func (e *stageError) Unwrap() error { return e.error }

func inStage(stage Stage, err error) error {
	var s *stageError
	if err == nil || errors.As(err, &s) {
		return err
	}
	return &stageError{stage, err}
}

// stageAndCause returns the stage of a stageError and the error in it; otherwise,
// its arguments.
func stageAndCause(stage Stage, err error) (Stage, error) {
	var s *stageError
	if errors.As(err, &s) {
		return s.stage, s.error
	}
	return stage, err
}

// Retry is how operations are retried after an error that is not Permanent: after
// Min at first, then after twice as long each time, up to Max, with jitter.
type Retry struct {
	Tries int           // the first one included; if zero, 8
	Min   time.Duration // if zero, 100 ms
	Max   time.Duration // if zero, 5 s
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
