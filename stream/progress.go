package stream

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Progress is what one Run or Drain has done so far.
type Progress struct {
	Batches int64 // published
	Counts        // of these batches
	// Causes counts the rejects of batches that this process staged, by cause:
	// up to 20 causes, and the rest as "other causes".
	Causes map[string]int64
	// Latency is the time from the messages' own times until their rows became
	// readable, for the messages that were written in batches that this process
	// staged.
	Latency Latency
	// EventLatency is the time from the rows' times in column event_time, if they
	// have it, until they became readable, for batches that this process staged.
	EventLatency Latency
	// Waiting is the number of offsets that are not published yet, of those that
	// the source listed when it was last asked. It includes the current batch, but
	// not partitions whose ends are unknown.
	Waiting int64
	// Reading counts the messages of the current batch that have been read.
	Reading int64
	Elapsed time.Duration
}

// meter keeps the progress and the status of a MicroBatch.
type meter struct {
	mu          sync.Mutex
	begun       time.Time
	p           Progress
	stagedBatch // the last attempt that was staged

	span                  span      // the stage that the job is in
	full                  time.Time // since when the reader waits for Limits.InFlight, or zero
	retry                 Event
	lastError             Event
	listedAt              time.Time                // when the source was last asked for a plan
	lags                  map[string]*partitionLag // by partition
	ranges                map[string]*firstRange   // of the current attempt, by partition
	readRate, publishRate meanRate
}

// stagedBatch is what the commit of an attempt does not contain.
type stagedBatch struct {
	token             string
	tables            map[string]int64 // messages that were written
	rejects           rejects
	times, eventTimes []arrow.Timestamp // of these messages, and of their rows
}

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.p, m.stagedBatch = time.Now(), Progress{}, stagedBatch{}
	m.span, m.retry, m.lastError, m.listedAt = span{}, Event{}, Event{}, time.Time{}
	m.lags, m.ranges, m.readRate, m.publishRate = nil, nil, meanRate{}, meanRate{}
}

func (m *meter) now() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.p
	p.Causes = maps.Clone(p.Causes)
	p.Latency.counts = slices.Clone(p.Latency.counts)
	p.EventLatency.counts = slices.Clone(p.EventLatency.counts)
	if !m.begun.IsZero() {
		p.Elapsed = time.Since(m.begun)
	}
	return p
}

// staged keeps what an attempt's commit does not contain until the batch is
// published.
func (m *meter) staged(b stagedBatch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stagedBatch = b
}

// published adds a batch that became readable at a time. It returns the counts
// of the batch, and what else is known of it if it was staged here.
func (m *meter) published(c *ledger.Commit, readable time.Time) (Counts, stagedBatch) {
	n := countsOf(c)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Batches++
	m.p.Reading = 0
	m.p.Counts.add(n)
	m.publishRate.add(time.Since(m.begun), n.Read, n.BytesIn)
	mine := c.Token == m.token
	var staged stagedBatch
	if mine {
		staged = m.stagedBatch
		m.decided(readable)
	}
	m.rangesDone(mine)
	m.stagedBatch = stagedBatch{}
	return n, staged
}

// countsOf returns the counts of a batch.
func countsOf(c *ledger.Commit) Counts {
	n := Counts{BytesIn: c.Bytes}
	for _, a := range c.Accounts {
		n.add(Counts{Read: a.Read, Written: a.Written, Rejected: a.Rejected, Dropped: a.Dropped, Lost: a.Lost})
	}
	for _, r := range []Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			n.Files++
			n.Bytes += f.Bytes
		}
	}
	return n
}

// decided adds what staged has kept of the attempt that was published.
func (m *meter) decided(readable time.Time) {
	if len(m.rejects) > 0 && m.p.Causes == nil {
		m.p.Causes = map[string]int64{}
	}
	for _, k := range m.rejects.sorted() {
		causes(m.p.Causes).add(k.cause, m.rejects[k])
	}
	for _, t := range m.times {
		m.p.Latency.add(readable.Sub(time.UnixMilli(int64(t)))) // which does not overflow
	}
	for _, t := range m.eventTimes {
		m.p.EventLatency.add(readable.Sub(time.UnixMilli(int64(t))))
	}
}
