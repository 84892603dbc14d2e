package stream

import (
	"context"
	"errors"
	"time"
)

// EventKind says what an Event reports.
type EventKind string

// The kinds of events.
const (
	// EventBegin reports that a stage begins, EventEnd that it ends, with or
	// without an error.
	EventBegin EventKind = "begin"
	EventEnd   EventKind = "end"
	// EventRetry reports that an operation has failed and will be tried again.
	EventRetry EventKind = "retry"
	// EventTakeover reports that the engine begins to finish a batch that another
	// process or an earlier run has planned.
	EventTakeover EventKind = "takeover"
	// EventReject reports the messages of a batch that were rejected with one
	// cause. If this run has staged the batch, there is one such event for each
	// cause, before EventPublished.
	EventReject EventKind = "reject"
	// EventPublished reports that the rows of a batch are visible.
	EventPublished EventKind = "published"
	// EventStop reports that Run or Drain returns.
	EventStop EventKind = "stop"
)

// Event is something that happened in a job. Fields that do not apply to its Kind
// are zero.
//
// StageRead, StageTransform and StageWrite of a batch overlap: they begin together
// and last about as long. Busy shows which of them takes the time.
type Event struct {
	Kind  EventKind
	Time  time.Time
	Batch int64 // the batch's number; for StageSnapshot, the last batch that the snapshot covers
	Stage Stage // the stage that begins, ends, is tried again or has stopped the job
	// Duration is how long a stage took (EventEnd), or the time until the next
	// try (EventRetry).
	Duration time.Duration
	// Busy is the time spent in the source, in the transforms (the sum over all
	// workers) or in the sink for rows, when StageRead, StageTransform or
	// StageWrite ends.
	Busy time.Duration
	// Err is the error that ended a stage, is followed by another try, or stops
	// the job. It is context.Canceled if the job's context has ended or another
	// stage of the attempt has failed.
	Err error
	// Tries is the number of failures in a row (EventRetry), or of all tries of
	// the operation that stops the job (EventStop).
	Tries int
	// Cause is why messages were rejected (EventReject). Causes may quote data,
	// so a batch has at most 20; further ones are counted as "other causes".
	Cause string
	// Class is the Reject.Class of these messages, and Table the table that they
	// went to (EventReject).
	Class, Table string
	// Written holds, for each table, the number of messages whose rows were
	// written, if this process has staged the batch (EventPublished). A message with
	// rows in several tables is counted in the first.
	Written map[string]int64
	// Counts holds what was read when StageRead ends, the number of rejected
	// messages (EventReject), or all counts of the batch (EventPublished).
	Counts Counts
}

// Counts counts messages by what became of them, and files.
type Counts struct {
	Read     int64 // messages
	Written  int64 // messages whose rows were written
	Rejected int64 // messages that went to the rejects
	Dropped  int64 // messages that a transform left out
	Lost     int64 // offsets gone before they were read, with RecordLost
	Files    int64 // published, rejects included
	Bytes    int64 // of these files
	BytesIn  int64 // of the messages
}

func (c *Counts) add(d Counts) {
	c.Read += d.Read
	c.Written += d.Written
	c.Rejected += d.Rejected
	c.Dropped += d.Dropped
	c.Lost += d.Lost
	c.Files += d.Files
	c.Bytes += d.Bytes
	c.BytesIn += d.BytesIn
}

// span is a stage under way.
type span struct {
	stage Stage
	batch int64
	begun time.Time
}

// emit passes an event to the observer. Only the goroutine that runs the engine
// calls it.
func (e *engine) emit(v Event) {
	v.Time = time.Now()
	if v.Err != nil && !errors.Is(v.Err, context.Canceled) {
		e.job.progress.failed(v)
	}
	if e.job.Observe != nil {
		e.job.Observe(v)
	}
}

// begin ends the stage under way and begins another, unless they are the same.
func (e *engine) begin(stage Stage, batch int64) {
	if e.span.stage == stage && e.span.batch == batch {
		return
	}
	e.end(nil)
	e.span = span{stage, batch, time.Now()}
	e.job.progress.at(stage, batch)
	e.emit(Event{Kind: EventBegin, Stage: stage, Batch: batch})
}

// end ends the stage under way, if any.
func (e *engine) end(err error) {
	if s := e.span; s.stage != "" {
		e.span = span{}
		e.emit(Event{Kind: EventEnd, Stage: s.stage, Batch: s.batch, Duration: time.Since(s.begun), Err: err})
	}
}

// stopped emits EventStop. err is nil if the engine has not failed.
func (e *engine) stopped(err error) {
	e.end(err)
	v := Event{Kind: EventStop, Err: err}
	var b *BatchError
	if errors.As(err, &b) {
		v.Batch, v.Stage, v.Tries = b.Batch, b.Stage, b.Tries
	}
	e.emit(v)
	e.job.progress.retrying(Event{})
	e.job.progress.at("", 0)
}

// takeOver emits EventTakeover, once, if the engine has not planned the batch.
func (e *engine) takeOver(batch int64) {
	if p := e.peers[batch]; p != nil && !p.takenOver {
		p.takenOver = true
		e.emit(Event{Kind: EventTakeover, Batch: batch})
	}
}

// attemptStages are the stages of an attempt, which overlap.
var attemptStages = []Stage{StageRead, StageTransform, StageWrite}

// beginStages begins the stages of an attempt.
func (a *attempt) beginStages() {
	e := a.engine
	e.end(nil)
	a.begun = time.Now()
	e.job.progress.attempt(a.scope.ranges)
	for _, s := range attemptStages {
		e.emit(Event{Kind: EventBegin, Stage: s, Batch: a.scope.batch})
	}
}

// endStage ends a stage of the attempt that was at work until the given time.
func (a *attempt) endStage(ctx context.Context, stage Stage, until time.Time, busy time.Duration, n Counts) {
	err := context.Cause(ctx)
	var s *stageError
	if err != nil && !(errors.As(err, &s) && s.stage == stage) {
		err = context.Canceled
	}
	a.engine.emit(Event{Kind: EventEnd, Stage: stage, Batch: a.scope.batch, Duration: until.Sub(a.begun), Busy: busy, Err: err, Counts: n})
}
