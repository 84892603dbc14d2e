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
	Batches  int64 // published
	Read     int64 // messages in them
	Written  int64 // messages whose rows were written
	Rejected int64 // messages that went to the rejects
	Dropped  int64 // messages that a transform left out
	Lost     int64 // offsets gone before they were read, with RecordLost
	Files    int64 // published, rejects included
	Bytes    int64 // of these files
	BytesIn  int64 // of the messages
	// Causes counts the rejects of batches that this process staged, by cause:
	// up to 20 causes, and the rest as "other causes".
	Causes map[string]int64
	// Latency is the time from the messages' own times until their rows became
	// readable, for batches that this process staged.
	Latency Latency
	// Waiting counts the offsets that waited when the source was last asked,
	// without those published since. It includes the current batch, but not
	// partitions whose end is unknown.
	Waiting int64
	// Reading counts the messages of the current batch that have been read.
	Reading int64
	Elapsed time.Duration
}

// meter keeps the progress of a MicroBatch.
type meter struct {
	mu    sync.Mutex
	begun time.Time
	p     Progress
	// The last attempt that was staged: its rejects by cause, and the times of
	// its messages.
	token  string
	causes causes
	times  []arrow.Timestamp
}

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.p, m.token, m.causes, m.times = time.Now(), Progress{}, "", nil, nil
}

func (m *meter) now() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.p
	p.Causes = maps.Clone(p.Causes)
	p.Latency.counts = slices.Clone(p.Latency.counts)
	if !m.begun.IsZero() {
		p.Elapsed = time.Since(m.begun)
	}
	return p
}

// reading sets how many messages of the current batch have been read.
func (m *meter) reading(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading = n
}

// waiting sets how many messages waited when the source was asked.
func (m *meter) waiting(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Waiting = n
}

// staged keeps what an attempt's commit does not contain until the batch is
// published.
func (m *meter) staged(token string, c causes, times []arrow.Timestamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token, m.causes, m.times = token, c, times
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
		if !uncounted[a.Partition] {
			m.p.Waiting = max(0, m.p.Waiting-a.Len())
		}
	}
}

// published adds a batch that became readable at a time.
func (m *meter) published(c *ledger.Commit, readable time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Batches++
	m.p.Reading = 0
	m.p.BytesIn += c.Bytes
	for _, a := range c.Accounts {
		m.p.Read += a.Read
		m.p.Written += a.Written
		m.p.Rejected += a.Rejected
		m.p.Dropped += a.Dropped
		m.p.Lost += a.Lost
	}
	if c.Token == m.token {
		m.decided(readable)
	}
	m.token, m.causes, m.times = "", nil, nil
	for _, r := range []Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			m.p.Files++
			m.p.Bytes += f.Bytes
		}
	}
}

// decided adds what staged has kept of the attempt that was published.
func (m *meter) decided(readable time.Time) {
	if len(m.causes) > 0 && m.p.Causes == nil {
		m.p.Causes = map[string]int64{}
	}
	for cause, n := range m.causes {
		causes(m.p.Causes).add(cause, n)
	}
	for _, t := range m.times {
		m.p.Latency.add(time.Duration(readable.UnixMilli()-int64(t)) * time.Millisecond)
	}
}
