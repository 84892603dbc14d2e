package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// group is a consumer group: engines that share a source and a store, with the
// partitions assigned by the test.
type group struct {
	t *testing.T
	*counter
	store store.Store

	mu      sync.Mutex
	members []*member // that the group has noticed
}

func newGroup(t *testing.T, sizes map[string]int64) *group {
	return &group{t: t, counter: &counter{mem: memory.DefaultAllocator, sizes: sizes, chunk: 5}, store: store.NewMemory()}
}

// assign spreads the partitions over these members.
func (g *group) assign(members ...*member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = members
}

// member is one engine of a group.
type member struct {
	*group
	alone bool // everything is assigned to it
	*MicroBatch
	cancel context.CancelFunc
	end    chan error
	halted chan struct{} // if not nil, it does nothing, as if stopped or dead
}

// member returns a member that archives about 20 messages a second.
func (g *group) member() *member {
	m := &member{group: g, end: make(chan error, 1)}
	pass := func(faultstore.Op) error { m.pass(); return nil }
	m.MicroBatch = newJob(g.t, m, &faultstore.Store{Store: g.store, Before: pass, After: pass})
	m.Transforms = append([]Transform{timed(50 * time.Millisecond)}, m.Transforms...)
	m.Workers, m.Interval, m.Alone = 1, 2*time.Second, false
	return m
}

// halt stops a member, until it is woken.
func (m *member) halt() {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	m.halted = make(chan struct{})
}

func (m *member) wake() {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	close(m.halted)
	m.halted = nil
}

// pass returns when the member is awake.
func (m *member) pass() {
	m.group.mu.Lock()
	halted := m.halted
	m.group.mu.Unlock()
	if halted != nil {
		<-halted
	}
}

// Available implements Source.
func (m *member) Available(ctx context.Context) ([]Extent, error) {
	m.pass()
	out, err := m.counter.Available(ctx)
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	for i := range out {
		n := len(m.members)
		out[i].AssignedElsewhere = !m.alone && (n == 0 || m.members[i%n] != m)
	}
	return out, err
}

func (m *member) start(run func(context.Context) error) *member {
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(m.t.Context())
	go func() { m.end <- run(ctx) }()
	return m
}

// stop ends a member in an orderly manner.
func (m *member) stop() {
	m.cancel()
	require.NoError(m.t, <-m.end)
}

// bury ends the goroutines of a crashed member without letting it do anything
// else.
func (m *member) bury() {
	m.cancel()
	time.Sleep(2 * gracePeriod) // then its contexts have ended
	m.wake()
	<-m.end
}

// left returns the newest plan without a commit, or nil if there is none.
func (g *group) left() (p *ledger.Plan) {
	for rec, err := range g.ledger().Batches(g.t.Context(), 1) {
		require.NoError(g.t, err)
		if rec.Commit == nil {
			p = rec.Plan
		}
	}
	return p
}

func (g *group) ledger() *ledger.Ledger {
	l, err := ledger.Open(g.t.Context(), g.store, "ledger", nil)
	require.NoError(g.t, err)
	return l
}

// until waits until ok returns true, and returns how long that took.
func (g *group) until(what string, limit time.Duration, ok func() bool) time.Duration {
	g.t.Helper()
	begun := time.Now()
	for !ok() {
		require.Less(g.t, time.Since(begun), limit, what)
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(begun)
}

// all reports whether everything has been archived and published.
func (g *group) all() bool {
	var want, got int64
	g.counter.mu.Lock()
	for _, n := range g.sizes {
		want += n
	}
	g.counter.mu.Unlock()
	for rec, err := range g.ledger().Batches(g.t.Context(), 1) {
		require.NoError(g.t, err)
		if rec.Commit == nil || !rec.Done {
			return false
		}
		for _, a := range rec.Commit.Accounts {
			got += a.Len()
		}
	}
	return got == want
}

func eight(n int64) map[string]int64 {
	out := map[string]int64{}
	for i := range 8 {
		out[fmt.Sprint(i)] = n
	}
	return out
}

// Members join, leave, crash during a batch, stall and wake up while messages
// arrive. Every message is archived once, and none waits longer than the group
// takes to notice a crash and to take a batch over.
func TestGroup(t *testing.T) {
	const notice = 3 * time.Second // until the group notices a dead member
	seeds := 10
	if testing.Short() {
		seeds = 1
	}
	for _, n := range []int{2, 3, 5} {
		for range seeds {
			seed := rand.Uint64()
			t.Run(fmt.Sprintf("%d members, seed %d", n, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { disturb(t, n, notice, rand.New(rand.NewPCG(seed, 0))) })
			})
		}
	}
}

func disturb(t *testing.T, n int, notice time.Duration, rnd *rand.Rand) {
	g := newGroup(t, eight(10))
	var live, stalled, dead []*member
	join := func() {
		m := g.member()
		live = append(live, m.start(m.Run))
		g.assign(slices.Clone(live)...)
	}
	for range n {
		join()
		time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Second))))
	}
	for range 12 {
		var out *member
		if i := rnd.IntN(len(live)); len(live) > 1 {
			out = live[i]
		}
		switch rnd.IntN(5) {
		case 0:
			join()
		case 1: // leaves
			if out != nil {
				live = slices.DeleteFunc(live, func(m *member) bool { return m == out })
				out.stop()
				g.assign(slices.Clone(live)...)
			}
		case 2, 3: // crashes, or stalls for a while
			if out != nil {
				live = slices.DeleteFunc(live, func(m *member) bool { return m == out })
				out.halt()
				time.Sleep(notice)
				g.assign(slices.Clone(live)...)
				if rnd.IntN(2) == 0 {
					dead = append(dead, out)
				} else {
					stalled = append(stalled, out)
				}
			}
		case 4: // wakes
			for _, m := range stalled {
				m.wake()
				live = append(live, m)
			}
			stalled = nil
			time.Sleep(time.Duration(rnd.Int64N(int64(time.Second)))) // before it learns what happened
			g.assign(slices.Clone(live)...)
		}
		g.counter.mu.Lock()
		for p := range g.sizes {
			g.sizes[p] += rnd.Int64N(12)
		}
		g.counter.mu.Unlock()
		time.Sleep(time.Duration(rnd.Int64N(int64(6 * time.Second))))
	}
	g.until("all is archived", 90*time.Second, g.all)
	for _, m := range append(dead, stalled...) {
		m.bury()
	}
	for _, m := range live {
		m.stop()
	}
	checkContent(t, g.store, g.sizes)
}

// The batch of a dead member is taken over soon after the group has noticed, even
// if the interval is long.
func TestGroupTakesOver(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 10 * time.Second, time.Hour} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, map[string]int64{"0": 20, "1": 0})
				a, b := g.member(), g.member()
				a.Interval, b.Interval = interval, interval
				g.assign(a, b)
				b.start(b.Run)
				time.Sleep(100 * time.Millisecond)
				a.start(a.Run)
				g.until("a plan", 2*interval, func() bool { return g.left() != nil })
				a.halt()
				time.Sleep(time.Minute)
				require.NotNil(t, g.left(), "it is assigned to another")
				g.assign(b)
				took := g.until("taken over", time.Hour, g.all)
				assert.LessOrEqual(t, took, takeoverAfter+peerPollInterval+pollInterval+1100*time.Millisecond, "a second of it is the work")
				b.stop()
				a.bury()
				checkContent(t, g.store, g.sizes)
			})
		})
	}
}

// A batch that a member has committed but not published is soon published by
// another, also if the partition is assigned to the first.
func TestGroupPublishesForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, map[string]int64{"0": 20, "1": 0})
		a, b := g.member(), g.member()
		sink := &jsonSink{g.store, "rows"}
		a.Sink, b.Sink = stuck{sink}, sink
		g.assign(a, b)
		b.start(b.Run)
		time.Sleep(100 * time.Millisecond) // the ledger has begun, with an empty batch
		a.start(a.Run)
		g.until("rows are committed", time.Minute, func() bool {
			_, err := g.ledger().Commit(t.Context(), 2)
			return err == nil
		})
		took := g.until("published", time.Hour, g.all)
		assert.LessOrEqual(t, took, takeoverAfter+peerPollInterval+pollInterval)
		b.stop()
		a.stop()
		checkContent(t, g.store, g.sizes)
	})
}

// stuck is a sink that cannot publish, until its engine is stopped.
type stuck struct{ *jsonSink }

func (s stuck) Publish(ctx context.Context, _ BatchID, _ Receipt) error {
	<-ctx.Done()
	return ctx.Err()
}

// Engines that are each assigned everything do the same work, but archive nothing
// twice.
func TestGroupWithoutAssignment(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, eight(40))
				var members []*member
				for range n {
					m := g.member()
					m.alone = true
					members = append(members, m.start(m.Run))
				}
				for range 20 {
					time.Sleep(time.Second)
					g.counter.mu.Lock()
					for p := range g.sizes {
						g.sizes[p] += 2
					}
					g.counter.mu.Unlock()
				}
				g.until("all is archived", 3*time.Minute, g.all)
				for _, m := range members {
					m.stop()
				}
				checkContent(t, g.store, g.sizes)
			})
		})
	}
}

// All draining members of a group end when everything is done, including one that
// has nothing to do and one that takes over from another.
func TestGroupDrains(t *testing.T) {
	for _, n := range []int{2, 3, 5, 9} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d members, crash %v", n, crash), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGroup(t, eight(40))
					var members []*member
					for range n {
						m := g.member()
						members = append(members, m.start(m.Drain))
					}
					g.assign(members...)
					if crash {
						g.until("a plan", time.Minute, func() bool { return g.left() != nil })
						time.Sleep(1200 * time.Millisecond)
						members[0].halt()
						time.Sleep(3 * time.Second)
						g.assign(members[1:]...)
					}
					for i, m := range members {
						if !crash || i > 0 {
							require.NoError(t, <-m.end)
						}
					}
					require.True(t, g.all())
					if crash {
						members[0].bury()
					}
					checkContent(t, g.store, g.sizes)
				})
			})
		}
	}
}

// The member that plans first records the starts of all partitions, including
// those assigned to others: messages that arrive before these begin are not
// skipped.
func TestGroupStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, map[string]int64{"0": 10, "1": 20, "2": 30})
		g.starts = map[string]int64{"0": 10, "1": 20, "2": 30}
		a, b := g.member(), g.member()
		g.assign(a, b)
		a.start(a.Run)
		g.until("a plan", time.Minute, func() bool { _, err := g.ledger().Plan(t.Context(), 1); return err == nil })
		g.set("1", 25)
		g.counter.mu.Lock()
		g.starts["1"] = 25 // the source's newest
		g.counter.mu.Unlock()
		time.Sleep(time.Minute)
		b.start(b.Run)
		time.Sleep(10 * time.Second)
		a.stop()
		b.stop()
		assert.ElementsMatch(t, []int64{1020, 1021, 1022, 1024}, published(t, g.store, "rows"))
		assert.ElementsMatch(t, []int64{1023}, published(t, g.store, "rejected"))
	})
}

// A batch that a replay has claimed but not decided does not block the group.
func TestGroupDecidesAbandonedClaim(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, map[string]int64{"0": 20, "1": 20})
				var members []*member
				for range n {
					m := g.member()
					m.Interval = 10 * time.Second
					members = append(members, m.start(m.Run))
				}
				g.assign(members...)
				g.until("all is archived", time.Minute, g.all)
				var last int64
				for rec, err := range g.ledger().Batches(t.Context(), 1) {
					require.NoError(t, err)
					last = rec.Number
				}
				plan, err := g.ledger().PutPlan(t.Context(), &ledger.Plan{Batch: last + 1, Token: "rewrite"})
				require.NoError(t, err)
				require.Equal(t, "rewrite", plan.Token)
				g.set("0", 40)
				g.until("all is archived", 10*time.Second+takeoverAfter+2*pollInterval+2*time.Second, g.all)
				commit, err := g.ledger().PutCommit(t.Context(), &ledger.Commit{Batch: last + 1, Token: "rewrite"})
				require.NoError(t, err)
				assert.NotEqual(t, "rewrite", commit.Token, "it is decided")
				for _, m := range members {
					m.stop()
				}
				checkContent(t, g.store, g.sizes)
			})
		})
	}
}
