package stream

import (
	"cmp"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
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

// Lag is how far a job is behind in one partition.
type Lag struct {
	Partition string
	// Messages counts the offsets that the source listed when it was last asked
	// and that no batch had claimed, without those published since: it includes
	// the current batch.
	Messages int64
	// Age is the time since the oldest of these messages, by the message's own
	// time, and 0 if there are none. Until that message has been read, its time is
	// taken to be the later of two: the time of the last message before it that
	// this process has published, and the last time the source was asked after
	// which all that it had listed was published. Age is −1 if neither is known, as
	// for a backlog at the start, or if messages have no times.
	Age time.Duration
}

// Rate is a mean over the last minute, or since the job began if that is less.
type Rate struct {
	Messages float64 // per second
	Bytes    float64 // of the messages, per second
}

// Status returns what the job is doing. It may be called at any time, from any
// goroutine, also by Observe.
func (m *MicroBatch) Status() Status { return m.progress.status() }

// unknownAge is the Age of messages whose times are not known.
const unknownAge = -1

// partitionLag is what is known of the messages that wait in a partition.
type partitionLag struct {
	messages int64
	oldest   time.Time // of those read in the current batch; zero if unknown
	after    time.Time // the unread ones are newer; zero if unknown
}

func (l *partitionLag) age(now time.Time) time.Duration {
	oldest := l.oldest
	if oldest.IsZero() {
		oldest = l.after
	}
	switch {
	case l.messages == 0:
		return 0
	case oldest.IsZero():
		return unknownAge
	}
	return max(now.Sub(oldest), 0)
}

// firstRange is the range of the current batch with the lowest offsets of its
// partition, and the times of the first and last message that were read of it.
type firstRange struct {
	Range
	first, last time.Time
}

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

// listed notes what the source had at a time, and what of it is not claimed.
func (m *meter) listed(extents []Extent, claimed *protocol.Coverage, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.lags
	m.lags, m.listedAt, m.p.Waiting = make(map[string]*partitionLag, len(before)), at, 0
	for _, x := range extents {
		n := claimed.Waiting(x.Range)
		m.p.Waiting += n
		if x.AssignedElsewhere || x.Gone || x.To == ledger.UnknownEnd {
			continue
		}
		l := before[x.Partition]
		if l == nil {
			l = &partitionLag{}
		}
		l.messages, l.oldest = n, time.Time{}
		if n == 0 {
			l.after = at
		}
		m.lags[x.Partition] = l
	}
}

// attempt notes the ranges that an attempt reads.
func (m *meter) attempt(ranges []Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading, m.full = 0, time.Time{}
	m.ranges = map[string]*firstRange{}
	for _, r := range ranges {
		l := m.lags[r.Partition]
		if l == nil {
			continue
		}
		l.oldest = time.Time{}
		if f := m.ranges[r.Partition]; f == nil || r.From < f.From {
			m.ranges[r.Partition] = &firstRange{Range: r}
		}
	}
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

// read adds a chunk that has been read, given the size of its messages.
func (m *meter) read(c Chunk, bytes int64) {
	rows := chunkRows(c)
	times := messageTimes(c.Messages)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading += rows
	m.readRate.add(time.Since(m.begun), rows, bytes)
	if times == nil || len(m.ranges) == 0 {
		return
	}
	row := 0
	for _, a := range c.Accounts {
		to := min(row+int(max(a.Read, 0)), int(rows)) // accounts are checked later
		if f := m.ranges[a.Partition]; f != nil && f.From <= a.From && a.From < f.To {
			m.timed(f, times, row, to)
		}
		row = to
	}
}

// timed notes the times of rows of a range.
func (m *meter) timed(f *firstRange, times *timeColumn, from, to int) {
	for i := from; i < to && f.first.IsZero(); i++ {
		if t, ok := times.at(i); ok {
			f.first = t
			if l := m.lags[f.Partition]; l != nil {
				l.oldest = t
			}
		}
	}
	for i := to - 1; i >= from; i-- {
		if t, ok := times.at(i); ok {
			f.last = t
			break
		}
	}
}

// planDone subtracts a published batch that this engine planned from the offsets
// that wait.
func (m *meter) planDone(p *ledger.Plan, c *ledger.Commit) {
	uncounted := map[string]bool{}
	for _, r := range p.Ranges {
		uncounted[r.Partition] = r.To == ledger.UnknownEnd
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range c.Accounts {
		if uncounted[a.Partition] {
			continue
		}
		m.p.Waiting = max(0, m.p.Waiting-a.Len())
		l := m.lags[a.Partition]
		if l == nil {
			continue
		}
		if l.messages = max(0, l.messages-a.Len()); l.messages == 0 && l.after.Before(m.listedAt) {
			l.after = m.listedAt
		}
	}
}

// rangesDone notes that the messages of the current batch no longer wait.
// published reports whether they are those that were read here.
func (m *meter) rangesDone(published bool) {
	for name, f := range m.ranges {
		l := m.lags[name]
		if l == nil {
			continue
		}
		l.oldest = time.Time{}
		if published && f.last.After(l.after) {
			l.after = f.last
		}
	}
	m.ranges = nil
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
