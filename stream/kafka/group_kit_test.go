package kafka

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

const session = 1200 * time.Millisecond // of the members of these tests

// groupLab is a lab whose groups allow short sessions.
func groupLab(t testing.TB, opts ...kfake.Opt) *lab {
	return newLab(t, append(opts, kfake.GroupMinSessionTimeout(100*time.Millisecond))...)
}

// process is a process that has joined a group.
type process struct {
	*Source
	t    testing.TB
	wire *wire
}

// join starts a process.
func (l *lab) join(group string, change func(*sarama.Config), topics ...string) *process {
	l.t.Helper()
	s := l.source(topics...)
	s.Group, s.Join = group, true
	s.Config = NewConfig()
	s.Config.Consumer.Group.Session.Timeout = session
	s.Config.Consumer.Group.Heartbeat.Interval = 50 * time.Millisecond
	s.Config.Consumer.Group.Rebalance.Timeout = 2 * time.Second
	w := &wire{conns: map[net.Conn]bool{}}
	w.flows = sync.NewCond(&w.mu)
	s.Config.Net.Proxy.Enable, s.Config.Net.Proxy.Dialer = true, w
	if change != nil {
		change(s.Config)
	}
	l.t.Cleanup(w.resume)
	return &process{s, l.t, w}
}

// mine returns the partitions that Available assigns to this process.
func (p *process) mine() []string {
	p.t.Helper()
	var out []string
	for _, e := range available(p.t, p.Source) {
		if n, ok := parsePartitionID(e.Partition); ok && !e.AssignedElsewhere {
			out = append(out, fmt.Sprintf("%s/%d", n.topic, n.partition))
		}
	}
	return out
}

// now returns the partitions assigned to the process, without a call to the source.
func (p *process) now() []string {
	m := p.currentMember()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for x := range m.assigned {
		out = append(out, fmt.Sprintf("%s/%d", x.topic, x.partition))
	}
	slices.Sort(out)
	return out
}

func (p *process) generation() int32 {
	_, g := p.currentMember().identity()
	return g
}

// crash ends a process without leaving the group.
func (p *process) crash() {
	p.wire.cut()
	require.NoError(p.t, p.Close())
}

// spread waits until each partition is assigned to one process, and the processes have
// equal numbers of partitions, give or take one.
func spread(t testing.TB, partitions int, of ...*process) time.Duration {
	t.Helper()
	begun := time.Now()
	var last string
	for time.Since(begun) < 20*time.Second {
		var all []string
		var text strings.Builder
		least, most := partitions, 0
		for _, p := range of {
			mine := p.now()
			all = append(all, mine...)
			least, most = min(least, len(mine)), max(most, len(mine))
			fmt.Fprintln(&text, mine)
		}
		slices.Sort(all)
		if len(all) == partitions && len(slices.Compact(all)) == partitions && most-least <= 1 {
			return time.Since(begun)
		}
		last = text.String()
		time.Sleep(5 * time.Millisecond)
	}
	require.Fail(t, "not spread", last)
	return 0
}

// start makes processes join concurrently.
func start(of ...*process) {
	var all sync.WaitGroup
	for _, p := range of {
		all.Go(func() { p.mine() })
	}
	all.Wait()
}

// wire is a dialer whose connections can be suspended, like those of a suspended
// process, or cut.
type wire struct {
	mu    sync.Mutex
	flows *sync.Cond
	still bool
	dead  bool
	conns map[net.Conn]bool
}

func (w *wire) Dial(network, addr string) (net.Conn, error) {
	w.mu.Lock()
	dead := w.dead
	w.mu.Unlock()
	if dead {
		return nil, net.ErrClosed
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	return &wired{c, w}, nil
}

func (w *wire) stop()   { w.set(func() { w.still = true }) }
func (w *wire) resume() { w.set(func() { w.still = false }) }
func (w *wire) cut() {
	w.set(func() {
		w.dead = true
		for c := range w.conns {
			_ = c.Close()
		}
	})
}

func (w *wire) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.flows.Broadcast()
}

func (w *wire) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.still {
		w.flows.Wait()
	}
}

type wired struct {
	net.Conn
	wire *wire
}

func (c *wired) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wire.wait()
	return n, err
}

func (c *wired) Write(p []byte) (int, error) {
	c.wire.wait()
	return c.Conn.Write(p)
}
