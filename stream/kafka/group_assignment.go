package kafka

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// topicPartition is a partition as groups name it, without the topic's id.
type topicPartition struct {
	topic     string
	partition int32
}

// partitionCounts maps topics to their numbers of partitions.
type partitionCounts map[string]int

func (c partitionCounts) topics() []string { return slices.Sorted(maps.Keys(c)) }

// partitionCounts returns the topics of md that are selected.
func (s *topicSelection) partitionCounts(md *clusterMetadata) partitionCounts {
	out := partitionCounts{}
	for name, t := range md.topics {
		if t.err == sarama.ErrNoError && s.match(t) {
			out[name] = len(t.partitions)
		}
	}
	return out
}

// setTopics tells the member which topics exist.
func (m *member) setTopics(current partitionCounts) {
	m.mu.Lock()
	differ := m.joinedTopics != nil && !maps.Equal(m.joinedTopics, current)
	m.newTopics = current
	m.mu.Unlock()
	if differ {
		m.wakeUp()
	}
}

// stale reports whether topics or partitions have changed since the last join.
func (m *member) stale() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newTopics != nil && !maps.Equal(m.newTopics, m.joinedTopics)
}

// assignment returns what this process is to work on. It waits for the first
// assignment and, for a short time, for one that includes all current topics.
func (m *member) assignment(ctx context.Context, current partitionCounts) (map[topicPartition]bool, error) {
	m.recordUse()
	m.setTopics(current)
	wait := m.conf.Consumer.Group.Rebalance.Timeout
	if m.hasAssignment() {
		wait = m.waits.newTopicWait
	}
	limit := time.NewTimer(wait)
	defer limit.Stop()
	for late, ended := false, false; ; {
		m.mu.Lock()
		assigned, err, fenced, changed := m.assigned, m.err, m.fenced, m.changed
		complete := late || err != nil || maps.Equal(m.joinedTopics, current)
		m.mu.Unlock()
		switch {
		case fenced:
			return nil, err
		case ended:
			return nil, ErrClosed
		case assigned != nil && complete:
			return assigned, nil
		case assigned == nil && err != nil:
			return nil, err
		case late:
			return nil, temporary("group %q: no partitions assigned within %v: are its other members alive?", m.group, wait)
		}
		select {
		case <-changed:
		case <-limit.C:
			late = true
		case <-m.ended:
			ended = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (m *member) hasAssignment() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.assigned != nil
}

// isAssigned reports whether this process is to work on a partition.
func (m *member) isAssigned(p partitionID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.assigned[topicPartition{p.topic, p.partition}]
}

// setAssignment stores an assignment. Cooperative assignors revoke partitions in a
// first rebalance and assign them in a second; until then the member works on
// them, so that no partition is idle.
func (m *member) setAssignment(current partitionCounts, got map[topicPartition]bool, generation int32) {
	assigned, again := got, false
	if m.cooperative {
		for x := range m.owned {
			if got[x] {
				continue
			}
			if !again {
				assigned, again = maps.Clone(got), true
			}
			assigned[x] = true
		}
	}
	m.owned, m.joined, m.joinedAt = got, !again, time.Now()
	differ := false
	m.update(func() {
		differ = !maps.Equal(m.assigned, assigned) || m.assigned == nil
		m.joinedTopics, m.assigned = current, assigned
	})
	if differ {
		m.log.Info("kafka: the group assigned partitions", "group", m.group, "generation", generation, "mine", len(assigned))
	}
}

// currentTopics asks for the topics that exist.
func (m *member) currentTopics(ctx context.Context) (partitionCounts, error) {
	m.mu.Lock()
	before := m.newTopics
	m.newTopics = nil // a change from now on counts
	m.mu.Unlock()
	md, err := m.conn.metadata(ctx, m.topics.names())
	if err == nil {
		return m.topics.partitionCounts(md), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newTopics == nil {
		m.newTopics = before
	}
	return nil, err
}
