package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
)

const leaveTimeout = 2 * time.Second

// member is this process's membership of a consumer group. Its goroutine joins,
// takes part in rebalances and sends heartbeats, whatever the engine does. A
// member keeps working on its partitions during a rebalance, for the ledger
// decides what is archived; the group only divides the work. sarama's
// ConsumerGroup is not used: it fetches from the committed offsets.
type member struct {
	group       string
	instance    *string // nil for a dynamic member
	conf        *sarama.Config
	conn        *cluster // not the source's: a join blocks its connection for seconds
	topics      *topicSelection
	strategies  []sarama.BalanceStrategy
	cooperative bool
	waits       timing
	log         *slog.Logger

	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine has ended
	wake   chan struct{} // ends the goroutine's wait

	mu           sync.Mutex
	changed      chan struct{} // closed and replaced by update
	id           string
	generation   int32
	joinedTopics partitionCounts         // at the last join
	newTopics    partitionCounts         // seen since then, nil if none
	assigned     map[topicPartition]bool // what this process is to work on, nil if unknown
	err          error                   // why assigned is unknown or may be out of date
	fenced       bool
	lastUse      time.Time // by the engine

	idleLeft atomic.Bool // the member has left until the engine is back

	// Used by the goroutine only.
	coordinator string
	joined      bool
	joinedAt    time.Time
	owned       map[topicPartition]bool // according to the group
	userData    []byte                  // of the assignor
	failures    int
	warned      bool
}

// newMember starts to join the source's group.
func newMember(s *Source, conf *sarama.Config, topics *topicSelection) *member {
	own := *conf
	own.Net.ReadTimeout = max(own.Net.ReadTimeout, own.Consumer.Group.Rebalance.Timeout+own.Net.WriteTimeout)
	m := &member{
		group: s.Group, conf: &own, conn: newCluster(&own, s.Brokers), topics: topics, waits: s.waits(), log: s.log(),
		ended: make(chan struct{}), wake: make(chan struct{}, 1), changed: make(chan struct{}),
		generation: sarama.GroupGenerationUndefined, lastUse: time.Now(),
	}
	if id := conf.Consumer.Group.InstanceId; id != "" {
		m.instance = &id
	}
	m.strategies, m.cooperative = strategiesOf(conf)
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	go m.run(ctx)
	return m
}

// close leaves the group, unless the member is static and may return.
func (m *member) close() {
	m.cancel()
	<-m.ended
	m.conn.close()
}

// run keeps the member in the group until ctx is done.
func (m *member) run(ctx context.Context) {
	defer close(m.ended)
	for ctx.Err() == nil {
		if m.idle() {
			m.leaveWhileIdle(ctx)
			continue
		}
		err := m.step(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, sarama.ErrFencedInstancedId) {
			m.recordFenced()
			return
		}
		m.sleep(ctx, m.nextDelay(err))
	}
	m.leave()
}

// step joins the group or sends a heartbeat, as needed.
func (m *member) step(ctx context.Context) error {
	if err := m.findCoordinator(ctx); err != nil {
		return err
	}
	if m.joined && (!m.stale() || time.Since(m.joinedAt) < m.waits.minRejoinInterval) {
		return m.heartbeat(ctx)
	}
	return m.join(ctx)
}

// nextDelay records the result of a step and returns how long to wait before the
// next one.
func (m *member) nextDelay(err error) time.Duration {
	interval := m.conf.Consumer.Group.Heartbeat.Interval
	if err == nil {
		m.recordSuccess()
		switch {
		case !m.joined:
			return 0
		case m.stale():
			return min(interval, m.waits.minRejoinInterval)
		}
		return interval
	}
	rejoin := m.mustRejoin(err)
	if !rejoin {
		m.recordFailure(err)
	}
	m.failures++
	if rejoin && m.failures == 1 {
		return 0
	}
	return min(retryDelay(m.failures), max(interval, minRetryDelay))
}

// mustRejoin reports whether an error means that the member must join again, and
// resets the state that is no longer valid.
func (m *member) mustRejoin(err error) bool {
	switch {
	case errors.Is(err, sarama.ErrRebalanceInProgress):
	case errors.Is(err, sarama.ErrIllegalGeneration):
		m.owned = nil
		id, _ := m.identity()
		m.setIdentity(id, sarama.GroupGenerationUndefined)
	case errors.Is(err, sarama.ErrUnknownMemberId):
		m.owned = nil
		m.setIdentity("", sarama.GroupGenerationUndefined)
	default:
		return false
	}
	m.joined = false
	return true
}

// recordFailure stores the error of a step. The last assignment stays.
func (m *member) recordFailure(err error) {
	m.coordinator = ""
	err = m.conn.explain(fmt.Errorf("group %q: %w", m.group, err))
	if m.failures == 2 && !m.warned { // not if only the coordinator moved
		m.warned = true
		m.log.Warn("kafka: cannot reach the group; keeping its last assignment", "group", m.group, "err", err)
	}
	m.update(func() { m.err = err })
}

func (m *member) recordSuccess() {
	m.failures = 0
	if m.warned {
		m.warned = false
		m.log.Warn("kafka: the group is back", "group", m.group)
	}
	m.mu.Lock()
	failed := m.err != nil
	m.mu.Unlock()
	if failed {
		m.update(func() { m.err = nil })
	}
}

// recordFenced ends the membership: another process has the same id.
func (m *member) recordFenced() {
	m.update(func() {
		m.fenced = true
		m.err = stream.Permanent(fmt.Errorf("kafka: group %q: another process has joined with this one's group.instance.id %q: give each process its own id",
			m.group, *m.instance))
	})
}

func (m *member) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-m.wake:
	case <-ctx.Done():
	}
}

func (m *member) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// update changes fields guarded by mu and notifies those that wait for a change.
func (m *member) update(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *member) setIdentity(id string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id, m.generation = id, generation
}

// identity returns the member's id and generation, undefined unless it is in the
// group.
func (m *member) identity() (id string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, m.generation
}
