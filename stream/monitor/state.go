package monitor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	maxTables  = 50  // tables that are counted separately
	maxClasses = 100 // classes of rejects
	maxRejects = 20  // the newest ones that are shown
	otherName  = "other"

	rateWindow    = 10 * time.Second
	latencyWindow = 5 * time.Minute
	latencyStep   = 30 * time.Second
)

// stages are the stages with durations, in the order in which the history has
// them.
var stages = []stream.Stage{
	stream.StagePlan, stream.StageRead, stream.StageTransform, stream.StageWrite,
	stream.StageCommit, stream.StagePublish, stream.StageSnapshot,
}

// jobState is what the events of a job have told, over all of its runs.
type jobState struct {
	mu      sync.Mutex
	started time.Time
	ran     bool // at least once
	running bool
	failure *failure // of the last run, nil if it ended well

	batches  int64
	counts   stream.Counts
	tables   map[string]int64
	rejected map[rejectKey]int64
	rejects  []reject // oldest first
	// rejectsSeen counts the rejects with events before the batch is published.
	rejectsSeen int64
	stages      map[stream.Stage]*stageTimes
	batch       batchTimes // the last one
	current     batchTimes // the one under way
	retries     map[stream.Stage]int64
	takeover    int64

	failing     *failure // a stage that is being tried again
	lastFailure *failure

	earlier, earlierEvent stream.Latency // of runs that have ended
	snapshots             []latencyAt    // oldest first
	samples               []sample       // within rateWindow, oldest first
	yielded               float64        // messages, by the source
	lastRead              int64          // when yielded was updated last
}

type rejectKey struct{ table, class string }

// reject is a cause of rejects in a batch.
type reject struct {
	Time     time.Time `json:"time"`
	Batch    int64     `json:"batch"`
	Class    string    `json:"class"`
	Cause    string    `json:"cause"`
	Messages int64     `json:"messages"`
}

// failure is an error of a job.
type failure struct {
	Text  string       `json:"text"`
	Stage stream.Stage `json:"stage"`
	Since time.Time    `json:"since"` // of the first of the failures in a row
	Last  time.Time    `json:"last"`
	Tries int          `json:"tries"`
}

// stageTimes is how long a stage took, each time.
type stageTimes struct {
	durations histogram
	busy      float64 // seconds
}

// batchTimes is how long the stages of a batch were busy, in seconds.
type batchTimes struct {
	number int64
	begun  time.Time
	ended  time.Time
	stages map[stream.Stage]float64
}

// latencyAt is the latency at a time.
type latencyAt struct {
	at       time.Time
	readable stream.Latency
}

// sample is what a job had done at a time.
type sample struct {
	at                time.Time
	in, out, bytesOut float64
}

func (s *jobState) begin(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = at
	s.tables, s.rejected, s.retries = map[string]int64{}, map[rejectKey]int64{}, map[stream.Stage]int64{}
	s.stages = map[stream.Stage]*stageTimes{}
	for _, stage := range stages {
		s.stages[stage] = newStageTimes()
	}
}

// observe is the Observe of a MicroBatch.
func (j *Job) observe(e stream.Event) {
	var ended stream.Progress
	if e.Kind == stream.EventStop {
		ended = j.MicroBatch.Progress()
	}
	s := &j.state
	s.mu.Lock()
	s.event(e, ended)
	s.mu.Unlock()
	if e.Kind == stream.EventPublished || e.Kind == stream.EventStop {
		select {
		case j.monitor.wake <- struct{}{}:
		default:
		}
	}
}

// event adds an event. ended is the progress of the run if it ends.
func (s *jobState) event(e stream.Event, ended stream.Progress) {
	s.ran, s.running = true, true
	if e.Err != nil && isFailure(e.Err) {
		s.fail(e)
	}
	switch e.Kind {
	case stream.EventBegin:
		if s.current.number != e.Batch && e.Batch > 0 && e.Stage != stream.StageSnapshot && e.Stage != stream.StageWait {
			s.current = batchTimes{number: e.Batch, begun: e.Time, stages: map[stream.Stage]float64{}}
		}
	case stream.EventEnd:
		s.endStage(e)
	case stream.EventRetry:
		s.retries[e.Stage]++
	case stream.EventTakeover:
		s.takeover++
	case stream.EventReject:
		s.reject(e)
	case stream.EventPublished:
		s.published(e)
	case stream.EventStop:
		s.running, s.failure = false, nil
		if e.Err != nil && isFailure(e.Err) {
			s.failure = s.failing
		} else {
			s.failing = nil
		}
		s.earlier, s.earlierEvent = s.earlier.Plus(ended.Latency), s.earlierEvent.Plus(ended.EventLatency)
	}
}

// fail records an error, which may be one of several in a row.
func (s *jobState) fail(e stream.Event) {
	f := &failure{Text: bounded(e.Err.Error(), maxCause), Stage: e.Stage, Since: e.Time, Last: e.Time, Tries: max(e.Tries, 1)}
	if was := s.failing; was != nil {
		f.Since, f.Tries = was.Since, max(was.Tries, f.Tries)
		if f.Stage == "" {
			f.Stage = was.Stage
		}
	}
	s.failing, s.lastFailure = f, f
}

func (s *jobState) endStage(e stream.Event) {
	t := s.stages[e.Stage]
	if t == nil || e.Err != nil {
		return
	}
	busy := e.Duration
	switch e.Stage {
	case stream.StageRead, stream.StageTransform, stream.StageWrite: // these overlap
		busy = e.Busy
	}
	t.durations.add(e.Duration.Seconds(), 1)
	t.busy += busy.Seconds()
	if s.current.number == e.Batch && s.current.stages != nil {
		s.current.stages[e.Stage] += busy.Seconds()
	}
	if s.batch.number == e.Batch && s.batch.stages != nil && e.Stage == stream.StagePublish {
		s.batch.stages[e.Stage] += busy.Seconds() // which ends after EventPublished
	}
}

func (s *jobState) reject(e stream.Event) {
	e.Table, e.Class = label(e.Table), label(e.Class)
	s.rejected[s.rejectKey(e.Table, e.Class)] += e.Counts.Rejected
	s.rejects = append(s.rejects, reject{e.Time, e.Batch, e.Class, bounded(e.Cause, maxCause), e.Counts.Rejected})
	s.rejects = slices.Delete(s.rejects, 0, max(0, len(s.rejects)-maxRejects))
	s.rejectsSeen += e.Counts.Rejected
}

// rejectKey bounds the number of classes and of their tables.
func (s *jobState) rejectKey(table, class string) rejectKey {
	k := rejectKey{table, class}
	if _, ok := s.rejected[k]; ok {
		return k
	}
	tables, classes := map[string]bool{}, map[string]bool{}
	for have := range s.rejected {
		tables[have.table], classes[have.class] = true, true
	}
	if !tables[k.table] && len(tables) >= maxTables-1 {
		k.table = otherName
	}
	if !classes[k.class] && len(classes) >= maxClasses-2 { // without "other" and "unknown"
		k.class = otherName
	}
	return k
}

func (s *jobState) published(e stream.Event) {
	s.batches++
	c := e.Counts
	s.counts.Read += c.Read
	s.counts.Written += c.Written
	s.counts.Rejected += c.Rejected
	s.counts.Dropped += c.Dropped
	s.counts.Lost += c.Lost
	s.counts.Files += c.Files
	s.counts.Bytes += c.Bytes
	s.counts.BytesIn += c.BytesIn
	rest := c.Written
	for table, n := range e.Written {
		table = label(table)
		if s.tables[table] == 0 && len(s.tables) >= maxTables-1 {
			table = otherName
		}
		s.tables[table] += n
		rest -= n
	}
	if rest != 0 { // staged by another process
		s.tables[otherName] += rest
	}
	if n := c.Rejected - s.rejectsSeen; n > 0 { // staged by another process
		s.rejected[s.rejectKey("rejected", "unknown")] += n
	}
	s.rejectsSeen = 0
	s.failing = nil
	b := s.current
	if b.number != e.Batch {
		b = batchTimes{number: e.Batch, begun: e.Time}
	}
	b.ended, b.stages = e.Time, maps.Clone(b.stages)
	s.batch, s.current = b, batchTimes{}
}

// isFailure reports whether an error is more than the end of a job that was
// stopped.
func isFailure(err error) bool { return !errors.Is(err, context.Canceled) }

// classes returns the rejects by class.
func (s *jobState) classes() map[string]int64 {
	out := map[string]int64{}
	for k, n := range s.rejected {
		out[k.class] += n
	}
	return out
}
