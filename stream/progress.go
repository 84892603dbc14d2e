package stream

import (
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
	Files    int64 // published, rejects included
	Bytes    int64 // in these files
	BytesIn  int64 // of messages
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
}

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.p = time.Now(), Progress{}
}

func (m *meter) now() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.p
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
	}
	for _, r := range []Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			m.p.Files++
			m.p.Bytes += f.Bytes
		}
	}
}
