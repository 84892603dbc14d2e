package stream

import (
	"cmp"
	"slices"
	"time"
)

// Status is what a job is doing at a moment.
type Status struct {
	Time time.Time // when the status was taken
	// Stage is what the job does, and has done since Since: StageWait if there is
	// nothing to do, empty if the job does not run. During an attempt at a batch,
	// whose stages overlap, it is what the next rows in order wait for: to be
	// read, to be transformed, or to be taken by the sink. So a source, transform
	// or sink that hangs is the Stage for a long time.
	Stage Stage
	Batch int64
	Since time.Time
	// Tries is how often in a row the operation under way has failed, and NextTry
	// is when it is or was tried again; until then, Stage is the one that failed.
	// Both are zero if it has not failed.
	Tries   int
	NextTry time.Time
	// Lag has the partitions that were assigned to this process when the source
	// was last asked, and whose ends were known, in the order of their names.
	Lag []Lag
	// ReadRate counts what the source yields, again if a batch is read again.
	// PublishRate counts the messages of batches when they are published.
	ReadRate, PublishRate Rate
	// LastError is the last event with an error: a retry, a stage's end or the
	// stop of the job. Its Kind is empty if there is none.
	LastError Event
	Progress  Progress
}

// Rate is a mean over the last minute, or since the job began if that is less.
type Rate struct {
	Messages float64 // per second
	Bytes    float64 // of the messages, per second
}

// Status returns what the job is doing. It may be called at any time, from any
// goroutine, also by Observe.
func (m *MicroBatch) Status() Status { return m.progress.status() }

func (m *meter) status() Status {
	p := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{
		Time: time.Now(), Stage: m.span.stage, Batch: m.span.batch, Since: m.span.begun,
		LastError: m.lastError, Progress: p,
	}
	if s.Stage == StageRead && !m.full.IsZero() { // all that was read is with the sink
		s.Stage, s.Since = StageWrite, latest(s.Since, m.full)
	}
	if r := m.retry; r.Tries > 0 {
		s.Tries, s.NextTry = r.Tries, r.Time.Add(r.Duration)
		if s.Time.Before(s.NextTry) {
			s.Stage, s.Batch, s.Since = r.Stage, r.Batch, r.Time
		}
	}
	if !m.begun.IsZero() {
		s.ReadRate, s.PublishRate = m.readRate.mean(s.Time.Sub(m.begun)), m.publishRate.mean(s.Time.Sub(m.begun))
	}
	s.Lag = make([]Lag, 0, len(m.lags))
	for name, l := range m.lags {
		s.Lag = append(s.Lag, Lag{name, l.messages, l.age(s.Time)})
	}
	slices.SortFunc(s.Lag, func(a, b Lag) int { return cmp.Compare(a.Partition, b.Partition) })
	return s
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// at sets the stage that the job is in.
func (m *meter) at(stage Stage, batch int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.span.stage != stage || m.span.batch != batch {
		m.span = span{stage, batch, time.Now()}
	}
}

// failed notes an event with an error.
func (m *meter) failed(v Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastError = v
}

// retrying notes the retry under way; of the zero Event, that there is none.
func (m *meter) retrying(v Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retry = v
}

// setFull notes that the reader waits until less is in flight, or no longer does.
func (m *meter) setFull(full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = time.Time{}
	if full {
		m.full = time.Now()
	}
}

// rateSeconds is the window of a Rate.
const rateSeconds = 60

// meanRate counts messages by the second.
type meanRate struct {
	counts [rateSeconds]struct{ second, messages, bytes int64 }
}

// add counts messages at a time since the job began.
func (r *meanRate) add(at time.Duration, messages, bytes int64) {
	second := int64(at / time.Second)
	c := &r.counts[second%rateSeconds]
	if c.second != second {
		c.second, c.messages, c.bytes = second, 0, 0
	}
	c.messages += messages
	c.bytes += bytes
}

// mean returns the rate at a time since the job began.
func (r *meanRate) mean(at time.Duration) (mean Rate) {
	oldest := int64(at/time.Second) - rateSeconds + 1
	for _, c := range r.counts {
		if c.second >= oldest {
			mean.Messages += float64(c.messages)
			mean.Bytes += float64(c.bytes)
		}
	}
	seconds := max((at - time.Duration(max(oldest, 0))*time.Second).Seconds(), 1)
	return Rate{mean.Messages / seconds, mean.Bytes / seconds}
}
