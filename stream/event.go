package stream

import (
	"context"
	"errors"
	"time"
)

// EventKind is what an Event reports.
type EventKind string

// The kinds of events.
const (
	EventBegin     EventKind = "begin"     // a stage of a batch begins
	EventEnd       EventKind = "end"       // it ends, with or without an error
	EventRetry     EventKind = "retry"     // an operation has failed and will be tried again
	EventTakeover  EventKind = "takeover"  // the engine begins to finish a batch that another process, or an earlier run, has left
	EventReject    EventKind = "reject"    // messages of a published batch, which this run has staged, were rejected with a cause; one event for each cause
	EventPublished EventKind = "published" // the rows of a batch are visible
	EventStop      EventKind = "stop"      // Run or Drain returns
)

// Event is something that happened in a job. Fields that a kind does not mention
// are zero.
//
// Reading, transforming and staging a batch overlap: they begin together, and
// their durations are about equal. Their Busy says which of them takes the time.
type Event struct {
	Kind  EventKind
	Time  time.Time
	Batch int64 // the batch's number; of a snapshot, the last batch that it covers
	// Stage is the stage that begins, ends or is tried again. StageWait is the
	// time when there is nothing to do.
	Stage Stage
	// Duration is how long a stage has taken, or how long a retry waits before
	// the next try.
	Duration time.Duration
	// Busy is the time that the stage has spent in the source, in the transforms
	// (the sum of all workers) or in the sink for rows, when StageRead,
	// StageTransform or StageWrite ends.
	Busy time.Duration
	// Err is why a stage ended early, an operation is tried again, or the job
	// stops. It is context.Canceled if another stage of the attempt has failed,
	// or the job's context has ended.
	Err error
	// Tries is how often in a row the operation has failed, of EventRetry.
	Tries int
	// Cause is why messages were rejected, of EventReject. Data may be quoted in
	// it, so a batch has at most 20 causes, and the rest as "other causes".
	Cause string
	// Counts is what was read when StageRead ends, what was rejected of
	// EventReject, and all counts of the batch of EventPublished.
	Counts Counts
}

// Counts says what became of messages.
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

// begin begins a stage of a batch, unless it is under way, and ends the one
// before.
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

// stopped reports that the engine stops, with an error if it has failed.
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

// takeOver reports that the engine finishes a batch that it has not planned.
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

// endStage ends a stage of the attempt that has worked until a time.
func (a *attempt) endStage(ctx context.Context, stage Stage, until time.Time, busy time.Duration, n Counts) {
	err := context.Cause(ctx)
	var s *stageError
	if err != nil && !(errors.As(err, &s) && s.stage == stage) {
		err = context.Canceled
	}
	a.engine.emit(Event{Kind: EventEnd, Stage: stage, Batch: a.scope.batch, Duration: until.Sub(a.begun), Busy: busy, Err: err, Counts: n})
}
