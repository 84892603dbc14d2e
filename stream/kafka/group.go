package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	// calm is the least time from one join to the next that nobody but this
	// process wants: brokers learn of a new topic one after the other.
	calm = time.Second
	// adopt is how long Available waits for the group to spread topics that
	// have just turned up.
	adopt     = 5 * time.Second
	leaveTime = 2 * time.Second
)

// member is this process in a consumer group. A goroutine of its own joins,
// answers rebalances and sends heartbeats, whatever the engine is at. What a
// member has it works on all through a rebalance, for the ledger decides what
// is archived; the group says only who goes for it. sarama's ConsumerGroup
// would fetch what it is assigned, from the offsets that are committed.
type member struct {
	group       string
	instance    *string // nil: a dynamic member
	conf        *sarama.Config
	conn        *cluster // of its own: a join holds its connection up for seconds
	topics      *selection
	strategies  []sarama.BalanceStrategy
	cooperative bool
	log         *slog.Logger

	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine has ended
	wake   chan struct{} // a layout has been noticed that is news

	mu         sync.Mutex
	changed    chan struct{} // closed when one of these changes
	id         string
	generation int32
	covered    layout        // of the last join
	noticed    layout        // since then, nil: nothing
	works      map[slot]bool // what this process is to work on, nil: not known yet
	err        error         // why it is not known, or may be out of date
	fenced     bool
	used       time.Time // when the engine last asked for something

	mostIdle time.Duration
	resting  atomic.Bool // out of the group until it does

	// These are the goroutine's.
	coordinator string
	joined      bool
	at          time.Time     // of the last join
	owned       map[slot]bool // as the group has it
	userData    []byte        // what the assignor wants back
	tries       int
	told        bool
}

// slot is a partition as a group sees it: groups know no topic ids.
type slot struct {
	topic     string
	partition int32
}

// layout is how many partitions topics have.
type layout map[string]int

// layout returns the topics of a view that are to be read.
func (s *selection) layout(v *view) layout {
	out := layout{}
	for name, t := range v.topics {
		if t.err == sarama.ErrNoError && s.match(t) {
			out[name] = len(t.parts)
		}
	}
	return out
}

// newMember joins a group.
func newMember(s *Source, conf *sarama.Config, topics *selection) *member {
	own := *conf
	own.Net.ReadTimeout = max(own.Net.ReadTimeout, own.Consumer.Group.Rebalance.Timeout+own.Net.WriteTimeout)
	m := &member{
		group: s.Group, conf: &own, conn: newCluster(&own, s.Brokers), topics: topics, log: s.log(),
		ended: make(chan struct{}), wake: make(chan struct{}, 1), changed: make(chan struct{}),
		generation: sarama.GroupGenerationUndefined, used: time.Now(), mostIdle: cmp.Or(s.idle, idleTime),
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

// close leaves the group, unless the member is a static one that may come back.
func (m *member) close() {
	m.cancel()
	<-m.ended
	m.conn.close()
}

// run keeps the member in the group until the context ends.
func (m *member) run(ctx context.Context) {
	defer close(m.ended)
	for ctx.Err() == nil {
		if m.idle() {
			m.rest(ctx)
			continue
		}
		err := m.step(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, sarama.ErrFencedInstancedId) {
			m.fence()
			return
		}
		m.sleep(ctx, m.judge(err))
	}
	m.leave()
}

// step does what is to be done now.
func (m *member) step(ctx context.Context) error {
	if err := m.coordinate(ctx); err != nil {
		return err
	}
	if m.joined && (!m.stale() || time.Since(m.at) < calm) {
		return m.heartbeat(ctx)
	}
	return m.join(ctx)
}

// judge learns from what a step came to, and returns how long to wait before
// the next one.
func (m *member) judge(err error) time.Duration {
	beat := m.conf.Consumer.Group.Heartbeat.Interval
	if err == nil {
		m.well()
		switch {
		case !m.joined:
			return 0
		case m.stale():
			return min(beat, calm)
		}
		return beat
	}
	rejoin := m.rejoin(err)
	if !rejoin {
		m.ail(err)
	}
	m.tries++
	if rejoin && m.tries == 1 {
		return 0
	}
	return min(backoff(m.tries-1), max(beat, firstPause))
}

// rejoin reports whether an error is the group's way of saying that the member
// must join anew, and makes it forget what is no longer true.
func (m *member) rejoin(err error) bool {
	switch {
	case errors.Is(err, sarama.ErrRebalanceInProgress):
	case errors.Is(err, sarama.ErrIllegalGeneration):
		m.owned = nil
		id, _ := m.identity()
		m.identify(id, sarama.GroupGenerationUndefined)
	case errors.Is(err, sarama.ErrUnknownMemberId):
		m.owned = nil
		m.identify("", sarama.GroupGenerationUndefined)
	default:
		return false
	}
	m.joined = false
	return true
}

// ail takes down an error. The last assignment stays as it is.
func (m *member) ail(err error) {
	m.coordinator = ""
	err = m.conn.explain(fmt.Errorf("group %q: %w", m.group, err))
	if m.tries == 2 && !m.told { // a coordinator that moves is no news
		m.told = true
		m.log.Warn("kafka: no word from the group; its last assignment stays", "group", m.group, "err", err)
	}
	m.change(func() { m.err = err })
}

// well is called when a step has succeeded.
func (m *member) well() {
	m.tries = 0
	if m.told {
		m.told = false
		m.log.Info("kafka: the group is back", "group", m.group)
	}
	m.mu.Lock()
	ailed := m.err != nil
	m.mu.Unlock()
	if ailed {
		m.change(func() { m.err = nil })
	}
}

// fence ends the membership: another process has its name.
func (m *member) fence() {
	m.change(func() {
		m.fenced = true
		m.err = stream.Permanent(fmt.Errorf("kafka: group %q: another process has come with the group.instance.id %q of this one: give each process an id of its own",
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

// change changes what is guarded by mu, and says so.
func (m *member) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// identify sets who the member is to the group.
func (m *member) identify(id string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id, m.generation = id, generation
}

// identity is who the member is to the group, if it is in it now.
func (m *member) identity() (id string, generation int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, m.generation
}

// notice tells the member which topics there are.
func (m *member) notice(there layout) {
	m.mu.Lock()
	news := m.covered != nil && !maps.Equal(m.covered, there)
	m.noticed = there
	m.mu.Unlock()
	if news {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// stale reports whether topics or partitions have been noticed that differ
// from those at the last join.
func (m *member) stale() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.noticed != nil && !maps.Equal(m.noticed, m.covered)
}

// assignment returns what this process is to work on. It waits for the first
// one and, for a moment, for one that comes of the topics that are there.
func (m *member) assignment(ctx context.Context, there layout) (map[slot]bool, error) {
	m.use()
	m.notice(there)
	most := m.conf.Consumer.Group.Rebalance.Timeout
	if m.assigned() {
		most = adopt
	}
	limit := time.NewTimer(most)
	defer limit.Stop()
	for late, ended := false, false; ; {
		m.mu.Lock()
		works, err, fenced, changed := m.works, m.err, m.fenced, m.changed
		fits := late || err != nil || maps.Equal(m.covered, there)
		m.mu.Unlock()
		switch {
		case fenced:
			return nil, err
		case ended:
			return nil, ErrClosed
		case works != nil && fits:
			return works, nil
		case works == nil && err != nil:
			return nil, err
		case late:
			return nil, passing("group %q: no partitions assigned within %v: are its other members alive?", m.group, most)
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

func (m *member) assigned() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.works != nil
}

// has reports whether a partition is this process's to work on.
func (m *member) has(n name) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.works[slot{n.topic, n.partition}]
}

// take takes an assignment. What is taken away in the first of two rebalances,
// as cooperative assignors have it, is worked on until the second gives it to
// somebody: so no partition rests.
func (m *member) take(there layout, got map[slot]bool, generation int32) {
	works, again := got, false
	if m.cooperative {
		for x := range m.owned {
			if got[x] {
				continue
			}
			if !again {
				works, again = maps.Clone(got), true
			}
			works[x] = true
		}
	}
	m.owned, m.joined, m.at = got, !again, time.Now()
	news := false
	m.change(func() {
		news = !maps.Equal(m.works, works) || m.works == nil
		m.covered, m.works = there, works
	})
	if news {
		m.log.Info("kafka: partitions of the group", "group", m.group, "generation", generation, "mine", len(works))
	}
}

// look asks for the topics that there are.
func (m *member) look(ctx context.Context) (layout, error) {
	m.mu.Lock()
	noticed := m.noticed
	m.noticed = nil // what comes from here on is news again
	m.mu.Unlock()
	v, err := m.conn.metadata(ctx, m.topics.names())
	if err == nil {
		return m.topics.layout(v), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.noticed == nil {
		m.noticed = noticed
	}
	return nil, err
}

func (l layout) names() []string { return slices.Sorted(maps.Keys(l)) }
