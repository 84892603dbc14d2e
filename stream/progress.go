package stream

import (
	"maps"
	"sync"
	"time"
)

// Progress says what one Run or Drain has done so far.
type Progress struct {
	Batches  int64 // published
	Read     int64 // messages in them
	Written  int64 // messages of which rows were written
	Rejected int64 // messages that went to the rejects
	Dropped  int64 // messages that a transform left out
	Lost     int64 // offsets gone before they were read, with RecordLost
	Files    int64 // published, rejects included
	Bytes    int64 // in these files
	BytesIn  int64 // of messages
	// Causes counts the rejects of batches that this process staged by their
	// cause: 20 different ones, and the rest as "other causes".
	Causes map[string]int64
	// Reading counts the messages of the batch in hand that have been read
	// so far.
	Reading int64
	Elapsed time.Duration
}

// meter keeps the progress of a MicroBatch.
type meter struct {
	mu    sync.Mutex
	begun time.Time
	p     Progress
	// Causes of the rejects of the last attempt that was staged.
	token  string
	causes causes
}

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.p, m.token, m.causes = time.Now(), Progress{}, "", nil
}

func (m *meter) now() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.p
	p.Causes = maps.Clone(p.Causes)
	if !m.begun.IsZero() {
		p.Elapsed = time.Since(m.begun)
	}
	return p
}

// reading sets how many messages of the batch in hand have been read.
func (m *meter) reading(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading = n
}

// staged keeps the causes of an attempt's rejects until its batch is published,
// if that attempt decides it.
func (m *meter) staged(token string, c causes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token, m.causes = token, c
}

func (m *meter) published(c *Commit) {
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
	if c.Token == m.token && len(m.causes) > 0 {
		if m.p.Causes == nil {
			m.p.Causes = map[string]int64{}
		}
		for cause, n := range m.causes {
			causes(m.p.Causes).add(cause, n)
		}
	}
	m.token, m.causes = "", nil
	for _, r := range []Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			m.p.Files++
			m.p.Bytes += f.Bytes
		}
	}
}
