package stream

import (
	"cmp"
	"slices"
	"time"
)

// Status is what a job is doing at one moment.
type Status struct {
	Time time.Time // the moment
	// Stage is the stage under way: StageWait if there is nothing to do, empty if
	// the job is not running. The stages of an attempt at a batch overlap; Stage is
	// then what the next rows in order are waiting for: StageRead, StageTransform
	// or StageWrite. If a source, transform or sink hangs, Stage remains at its
	// stage.
	Stage Stage
	Batch int64     // the batch's number
	Since time.Time // when Stage began
	// Tries is the number of times in a row that the operation under way has
	// failed. NextTry is when its next try begins or began; until then, Stage is
	// the stage that failed. Both are zero if it has not failed.
	Tries   int
	NextTry time.Time
	// Lag is sorted by partition. It holds the partitions that were assigned to
	// this process when the source was last asked, except those whose ends are
	// unknown.
	Lag []Lag
	// ReadRate counts what the source yields; a batch that is read again counts
	// again. PublishRate counts the messages of published batches.
	ReadRate, PublishRate Rate
	// LastError is the last event with an error other than context.Canceled. If
	// there is none, its Kind is empty.
	LastError Event
	Progress  Progress
}

// Rate is the mean over the last minute, or since the job began if that is less.
type Rate struct {
	Messages float64 // per second
	Bytes    float64 // of these messages, per second
}

// Status returns what the job is doing. It may be called at any time, concurrently
// and from Observe.
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

// failed keeps an event with an error for Status.LastError.
func (m *meter) failed(v Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastError = v
}

// retrying sets the retry under way, the zero Event if there is none.
func (m *meter) retrying(v Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retry = v
}

// setFull sets whether the reader waits until less is in flight.
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
