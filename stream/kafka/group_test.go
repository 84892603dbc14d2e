package kafka

import (
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

// Any number of processes share the partitions.
func TestGroupSpreads(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		l := groupLab(t, kfake.NumBrokers(2))
		l.create("a", 7)
		l.create("b", 4)
		var all []*process
		for range n {
			all = append(all, l.join("g", nil, "a", "b"))
		}
		start(all...)
		t.Log(n, "processes:", spread(t, 11, all...))
		var extents []stream.Extent
		for i, p := range all {
			e := available(t, p.Source)
			assert.Len(t, e, 11, "all are listed")
			assert.Equal(t, p.now(), p.mine())
			if i > 0 {
				for j := range e {
					assert.Equal(t, extents[j].Range, e[j].Range)
				}
			}
			extents = e
		}
	}
}

// A single process is assigned all partitions by the first call.
func TestGroupOfOne(t *testing.T) {
	l := groupLab(t)
	l.create("a", 3)
	p := l.join("g", nil, "a")
	begun := time.Now()
	assert.Len(t, p.mine(), 3)
	assert.Less(t, time.Since(begun), 2*time.Second)
}

// Processes start and stop; meanwhile each partition is assigned to one, and no other
// partition moves.
func TestGroupComesAndGoes(t *testing.T) {
	l := groupLab(t)
	l.create("a", 12)
	slow := func(c *sarama.Config) { c.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond }
	x, y := l.join("g", slow, "a"), l.join("g", slow, "a")
	start(x, y)
	spread(t, 12, x, y)
	before := map[*process][]string{x: x.now(), y: y.now()}

	z := l.join("g", slow, "a")
	done, rested := make(chan struct{}), make(chan int)
	go func() { // checks that no partition is idle
		n := 0
		for {
			held := slices.Concat(x.now(), y.now(), z.now())
			slices.Sort(held)
			if len(slices.Compact(held)) < 12 {
				n++
			}
			select {
			case <-done:
				rested <- n
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	start(z)
	spread(t, 12, x, y, z)
	close(done)
	assert.Less(t, <-rested, 400, "about milliseconds: two heartbeat intervals")
	for p, had := range before {
		assert.Subset(t, had, p.now(), "no partition moves between the others")
	}
	had := z.now()
	require.NoError(t, z.Close())
	assert.Less(t, spread(t, 12, x, y), session/2, "it has left")
	assert.Len(t, had, 4)
}

// The partitions of a crashed process are assigned to others when its session
// expires, not before.
func TestGroupCrash(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 6)
	x, y := l.join("g", nil, "a"), l.join("g", nil, "a")
	start(x, y)
	spread(t, 6, x, y)
	x.crash()
	took := spread(t, 6, y)
	assert.Greater(t, took, session/2)
	assert.Less(t, took, session+2*time.Second)
	assert.Len(t, y.mine(), 6)
}

// The partitions of a process whose engine hangs are assigned to others despite its
// heartbeats, and it gets its share again when the engine continues.
func TestGroupStuckEngine(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "x"} {
		t.Run(instance, func(t *testing.T) {
			t.Parallel()
			l := groupLab(t)
			l.create("a", 6)
			x, y := l.join("g", func(c *sarama.Config) { c.Consumer.Group.InstanceId = instance }, "a"), l.join("g", nil, "a")
			idle := time.Second
			x.timing.engineIdleTimeout = idle
			start(x, y)
			spread(t, 6, x, y)
			assert.Less(t, spread(t, 6, y), idle+session+2*time.Second)
			back := make(chan struct{})
			go func() {
				for {
					x.Available(t.Context())
					select {
					case <-back:
						return
					case <-time.After(idle / 10):
					}
				}
			}()
			spread(t, 6, x, y)
			close(back)
		})
	}
}

// A suspended process loses its partitions, and joins again by itself.
func TestGroupStall(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 6)
	x, y := l.join("g", nil, "a"), l.join("g", nil, "a")
	start(x, y)
	spread(t, 6, x, y)
	x.wire.stop()
	spread(t, 6, y)
	assert.Len(t, x.now(), 3, "it does not know yet")
	x.wire.resume()
	spread(t, 6, x, y)
	assert.Len(t, x.mine(), 3)
}

// Topics are created, extended and deleted.
func TestGroupFollowsTopics(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("night1", 2)
	x, y := l.join("g", nil, "night.*"), l.join("g", nil, "night.*")
	start(x, y)
	spread(t, 2, x, y)
	l.create("night2", 4)
	require.NotEmpty(t, x.mine())
	spread(t, 6, x, y)
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = "night1", 6
	req.Topics = append(req.Topics, rt)
	_, err := req.RequestWith(t.Context(), l.client())
	require.NoError(t, err)
	start(x, y)
	spread(t, 10, x, y)
	settledDown(t, x, y)

	gone := available(t, x.Source)[0].Partition
	require.NoError(t, l.DeleteTopic("night1"))
	start(x, y)
	spread(t, 4, x, y)
	for _, p := range []*process{x, y} {
		for _, e := range available(t, p.Source) {
			if e.Gone {
				assert.False(t, e.AssignedElsewhere, "the first process accounts for it: %s", gone)
			}
		}
	}
}

// settledDown fails if processes with equal topics keep rejoining.
func settledDown(t *testing.T, of ...*process) {
	t.Helper()
	time.Sleep(2 * of[0].waits().minRejoinInterval)
	g := of[0].generation()
	for range 5 {
		start(of...)
		time.Sleep(50 * time.Millisecond)
	}
	assert.Equal(t, g, of[0].generation(), "nothing changed")
}

// No topic exists yet.
func TestGroupWithoutTopics(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	x, y := l.join("g", nil, "later.*"), l.join("g", nil, "later.*")
	start(x, y)
	assert.Empty(t, x.mine())
	l.create("later1", 4)
	start(x, y)
	spread(t, 4, x, y)
}

// After any error of the coordinator, a member gets its share.
func TestGroupErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key   kmsg.Key
		codes []*kerr.Error
	}{
		{kmsg.FindCoordinator, []*kerr.Error{kerr.CoordinatorNotAvailable}},
		{kmsg.JoinGroup, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownMemberID, kerr.RebalanceInProgress}},
		{kmsg.SyncGroup, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.IllegalGeneration}},
		{kmsg.Heartbeat, []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.IllegalGeneration}},
	} {
		for _, code := range c.codes {
			t.Run(c.key.Name()+"/"+code.Message, func(t *testing.T) {
				t.Parallel()
				l := groupLab(t)
				l.create("a", 4)
				h := l.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: code, Count: 3})
				x, y := l.join("g", nil, "a"), l.join("g", nil, "a")
				start(x, y)
				require.Eventually(t, func() bool { return h.Hits() == 3 }, 10*time.Second, time.Millisecond)
				spread(t, 4, x, y)
				l.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: code, Count: 2})
				z := l.join("g", nil, "a")
				start(z)
				spread(t, 4, x, y, z)
			})
		}
	}
}

// While the coordinator is unavailable, the last assignment stays and reading
// continues. The beginning and the end are logged once.
func TestGroupAway(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 4)
	l.fill(l.client(), "a", 0, 0, 30, 10)
	x := l.join("g", nil, "a")
	require.Len(t, x.mine(), 4)
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.Heartbeat}, Err: kerr.CoordinatorNotAvailable, Count: -1})
	for range 20 {
		begun := time.Now()
		require.Len(t, x.mine(), 4)
		assert.Less(t, time.Since(begun), time.Second)
		time.Sleep(20 * time.Millisecond)
	}
	assert.Len(t, read(t, x.Source, rangesOf(available(t, x.Source))...).rows, 30)
	h.Remove()
	require.Eventually(t, func() bool { return strings.Contains(l.logs.String(), "the group is back") }, 5*time.Second, 10*time.Millisecond)
	assert.Equal(t, 1, strings.Count(l.logs.String(), "cannot reach the group"))
}

// Before the first assignment, Available returns the error: at once unless it is
// temporary, else after Outage.
func TestGroupNever(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 4)
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	x := l.join("secret", nil, "a")
	_, err := x.Available(t.Context())
	require.ErrorIs(t, err, sarama.ErrGroupAuthorizationFailed)
	assert.ErrorContains(t, err, `group "secret"`)
	assert.ErrorContains(t, err, "ACL")
	h.Remove()
	require.Eventually(t, func() bool { _, err := x.Available(t.Context()); return err == nil }, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, x.Close())

	h = l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: -1})
	y := l.join("g", nil, "a")
	y.Outage = 500 * time.Millisecond
	begun := time.Now()
	_, err = y.Available(t.Context())
	require.ErrorIs(t, err, sarama.ErrConsumerCoordinatorNotAvailable)
	assert.Greater(t, time.Since(begun), y.Outage)

	h.Remove()
	s := l.source("a")
	s.Join = true
	_, err = s.Available(t.Context())
	assert.ErrorContains(t, err, "set Group")
}

// The broker may refuse the session timeout, or another program use the group.
func TestGroupRefused(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	_, err := l.join("g", nil, "a").Available(t.Context())
	require.ErrorIs(t, err, sarama.ErrInvalidSessionTimeout)
	assert.ErrorContains(t, err, "group.min.session.timeout.ms")

	l = groupLab(t)
	l.create("a", 1)
	other := l.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("a"), kgo.Balancers(kgo.RangeBalancer()))
	ctx, info := t.Context(), l.Cluster
	_, err = info.WaitGroupStable(ctx, "g", 1)
	require.NoError(t, err)
	_, err = l.join("g", nil, "a").Available(ctx)
	require.ErrorIs(t, err, sarama.ErrInconsistentGroupProtocol)
	assert.ErrorContains(t, err, "another group")
	other.Close()
}

// All assignors of sarama work, even one value for two sources.
func TestGroupAssignors(t *testing.T) {
	t.Parallel()
	for name, list := range map[string][]sarama.BalanceStrategy{
		"range":       {sarama.NewBalanceStrategyRange()},
		"roundrobin":  {sarama.NewBalanceStrategyRoundRobin()},
		"sticky":      {sarama.NewBalanceStrategySticky()},
		"cooperative": {sarama.NewBalanceStrategyCooperativeSticky()},
		"both":        {sarama.NewBalanceStrategyCooperativeSticky(), sarama.NewBalanceStrategyRange()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := groupLab(t)
			l.create("a", 6)
			use := func(c *sarama.Config) { c.Consumer.Group.Rebalance.GroupStrategies = list }
			x, y, z := l.join("g", use, "a"), l.join("g", use, "a"), l.join("g", use, "a")
			start(x, y)
			spread(t, 6, x, y)
			start(z)
			spread(t, 6, x, y, z)
			require.NoError(t, x.Close())
			spread(t, 6, y, z)
		})
	}
	conf := NewConfig()
	a, cooperative := strategiesOf(conf)
	b, _ := strategiesOf(conf)
	assert.True(t, cooperative)
	assert.NotSame(t, a[0], b[0])
	conf.Consumer.Group.Rebalance.Strategy = sarama.NewBalanceStrategySticky()
	one, cooperative := strategiesOf(conf)
	assert.Len(t, one, 1)
	assert.False(t, cooperative)
}

// A static member that restarts within its session gets its partitions again, without
// a rebalance.
func TestGroupStaticRestart(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 6)
	named := func(id string) func(c *sarama.Config) {
		return func(c *sarama.Config) {
			c.Consumer.Group.InstanceId = id
			c.Consumer.Group.Session.Timeout = 3 * time.Second
			// this broker compares what members say, and a cooperative one says what it has
			c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
		}
	}
	x, y := l.join("g", named("one"), "a"), l.join("g", named("two"), "a")
	start(x, y)
	spread(t, 6, x, y)
	for _, crash := range []bool{false, true} {
		had, generation := x.now(), y.generation()
		if crash {
			x.crash()
		} else {
			require.NoError(t, x.Close())
		}
		time.Sleep(200 * time.Millisecond)
		x = l.join("g", named("one"), "a")
		assert.Equal(t, had, x.mine())
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, generation, y.generation(), "no rebalance")
		assert.Equal(t, generation, x.generation())
	}
	require.NoError(t, x.Close())
	spread(t, 6, y)
}

// Partitions that appear while a static member is away are assigned when it is back.
func TestGroupStaticGrown(t *testing.T) {
	t.Parallel()
	l := groupLab(t)
	l.create("a", 2)
	named := func(c *sarama.Config) {
		c.Consumer.Group.InstanceId = "one"
		c.Consumer.Group.Session.Timeout = 10 * time.Second
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()} // see above
	}
	x := l.join("g", named, "a")
	assert.Len(t, x.mine(), 2)
	x.crash()
	l.grow("a", 4)
	x = l.join("g", named, "a")
	require.Eventually(t, func() bool { return len(x.mine()) == 4 }, 8*time.Second, 50*time.Millisecond)
}

// Of two processes with one id, the first gets an error.
func TestGroupFenced(t *testing.T) {
	l := groupLab(t)
	l.create("a", 2)
	named := func(c *sarama.Config) { c.Consumer.Group.InstanceId = "summit-1" }
	x, y := l.join("g", named, "a"), l.join("g", named, "a")
	require.Len(t, x.mine(), 2)
	require.Len(t, y.mine(), 2)
	var err error
	require.Eventually(t, func() bool { _, err = x.Available(t.Context()); return err != nil }, 5*time.Second, 10*time.Millisecond)
	assert.ErrorContains(t, err, `"summit-1"`)
	assert.ErrorContains(t, err, "its own id")
	job := stream.MicroBatch{Source: x.Source, Sink: stream.SinkFunc(nil)}
	var b *stream.BatchError
	require.ErrorAs(t, job.Drain(t.Context()), &b)
	assert.Equal(t, 1, b.Tries, "trying again does not help")
	assert.Len(t, y.mine(), 2)
}

// A member commits only the partitions assigned to it.
func TestGroupCommits(t *testing.T) {
	l := groupLab(t)
	l.create("a", 4)
	x, y := l.join("g", nil, "a"), l.join("g", nil, "a")
	start(x, y)
	spread(t, 4, x, y)
	settled := map[string]int64{}
	for _, e := range available(t, x.Source) {
		settled[e.Partition] = 5
	}
	require.NoError(t, x.Committed(t.Context(), settled))
	assert.Len(t, l.committed("g"), 2)
	for s := range l.committed("g") {
		assert.True(t, x.currentMember().isAssigned(partitionID{topic: s.topic, partition: s.partition}))
	}
	available(t, y.Source)
	require.NoError(t, y.Committed(t.Context(), settled))
	assert.Len(t, l.committed("g"), 4)

	// x commits the partitions of y with the offsets of the ledger, even if lower
	require.NoError(t, y.Close())
	spread(t, 4, x)
	for p := range settled {
		settled[p] = 4
	}
	require.NoError(t, x.Committed(t.Context(), settled))
	for _, at := range l.committed("g") {
		assert.EqualValues(t, 4, at)
	}
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.IllegalGeneration, Count: -1})
	for p := range settled {
		settled[p] = 9
	}
	require.NoError(t, x.Committed(t.Context(), settled), "temporary")
	h.Remove()
	x.state.commits.lastFailure = time.Time{}
	require.NoError(t, x.Committed(t.Context(), settled))
	for _, at := range l.committed("g") {
		assert.EqualValues(t, 9, at)
	}
}

// A planned range is read even if its partition is assigned to another process now.
func TestGroupReadsWhatItPlanned(t *testing.T) {
	l := groupLab(t)
	l.create("a", 4)
	var wanted []got
	for p := range int32(4) {
		l.fill(l.client(), "a", p, 0, 40, 10)
		wanted = append(wanted, want("a", p, 0, 40)...)
	}
	x := l.join("g", nil, "a")
	x.FetchBytes = 1
	planned := rangesOf(available(t, x.Source))
	var y *process
	out := &result{accounts: map[string]stream.Account{}}
	for c, err := range x.Read(t.Context(), planned) {
		require.NoError(t, err)
		out.add(t, c)
		if y == nil {
			y = l.join("g", nil, "a")
			start(y)
			spread(t, 4, x, y)
		}
	}
	same(t, wanted, out.rows)
}

// Close ends a join that waits for other members, and all goroutines.
func TestGroupCloseIsQuick(t *testing.T) {
	l := groupLab(t)
	l.create("a", 2)
	x := l.join("g", func(c *sarama.Config) { c.Consumer.Group.Session.Timeout = 20 * time.Second }, "a")
	require.Len(t, x.mine(), 2)
	before := runtime.NumGoroutine()
	x.wire.stop() // so that a rebalance hangs
	time.Sleep(50 * time.Millisecond)
	y := l.join("g", nil, "a")
	waits := make(chan error)
	go func() {
		_, err := y.Available(t.Context())
		waits <- err
	}()
	time.Sleep(300 * time.Millisecond)
	begun := time.Now()
	require.NoError(t, y.Close())
	require.ErrorIs(t, <-waits, ErrClosed)
	assert.Less(t, time.Since(begun), time.Second)
	x.wire.resume()
	if !assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 5*time.Second, 10*time.Millisecond) { // Eventually has one
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
}
