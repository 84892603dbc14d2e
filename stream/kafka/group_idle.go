package kafka

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

// idleTime is how long an engine may ask for nothing until it counts as stuck:
// its heartbeats go on, and would keep its partitions from those that could do
// something about them.
const idleTime = 5 * time.Minute

// use says that the engine is at work.
func (m *member) use() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.used = time.Now()
	m.mu.Unlock()
	if m.resting.CompareAndSwap(true, false) {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

func (m *member) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.used) >= m.mostIdle
}

// rest leaves the group until the engine is back. A static member has no other
// way to leave than to be silent for a session.
func (m *member) rest(ctx context.Context) {
	m.log.Warn("kafka: the engine has asked for nothing; its partitions are left to others", "group", m.group, "for", m.mostIdle)
	m.leave()
	m.owned, m.joined = nil, false
	if m.instance == nil {
		m.identify("", sarama.GroupGenerationUndefined)
	}
	m.change(func() { m.works, m.covered = nil, nil })
	for m.resting.Store(true); m.idle() && ctx.Err() == nil; {
		select {
		case <-m.wake:
		case <-ctx.Done():
		}
	}
	m.resting.Store(false)
}
