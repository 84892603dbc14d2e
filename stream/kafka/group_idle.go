package kafka

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

// recordUse records that the engine is at work. m may be nil.
func (m *member) recordUse() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.lastUse = time.Now()
	m.mu.Unlock()
	if m.idleLeft.CompareAndSwap(true, false) {
		m.wakeUp()
	}
}

func (m *member) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.lastUse) >= m.waits.engineIdleTimeout
}

// leaveWhileIdle leaves the group until the engine is at work again. A static member
// can leave only by sending nothing until its session expires.
func (m *member) leaveWhileIdle(ctx context.Context) {
	m.log.Warn("kafka: the engine has made no calls; leaving its partitions to other members", "group", m.group, "for", m.waits.engineIdleTimeout)
	m.leave()
	m.owned, m.joined = nil, false
	if m.instance == nil {
		m.setIdentity("", sarama.GroupGenerationUndefined)
	}
	m.update(func() { m.assigned, m.joinedTopics = nil, nil })
	for m.idleLeft.Store(true); m.idle() && ctx.Err() == nil; {
		select {
		case <-m.wake:
		case <-ctx.Done():
		}
	}
	m.idleLeft.Store(false)
}
