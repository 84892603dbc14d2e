//go:build integration

package kafka

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// child is a process of its own that has joined a group.
type child struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	mine []string
}

// TestRealMember is what a child runs.
func TestRealMember(t *testing.T) {
	args := strings.Fields(os.Getenv("SKYFINCH_TEST_MEMBER"))
	if len(args) == 0 {
		t.Skip("for other tests to start")
	}
	p := realLab(t, args[0]).join(args[1], func(c *sarama.Config) { realGroup(c); c.Net.Proxy.Enable = false }, args[2])
	for {
		fmt.Println("mine:", strings.Join(p.mine(), " "))
		time.Sleep(50 * time.Millisecond)
	}
}

// realGroup sets what a source has by default.
func realGroup(c *sarama.Config) { c.Consumer.Group = NewConfig().Consumer.Group }

func (l *lab) child(group, topic string) *child {
	l.t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], "-test.run=^TestRealMember$", "-test.timeout=5m")}
	c.cmd.Env = append(os.Environ(), fmt.Sprintf("SKYFINCH_TEST_MEMBER=%s %s %s", l.addr, group, topic))
	out, err := c.cmd.StdoutPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, c.cmd.Start())
	l.t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "mine:"); ok {
				c.mu.Lock()
				c.mine = strings.Fields(text)
				c.mu.Unlock()
			}
		}
	}()
	return c
}

func (c *child) now() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.mine)
}

// shared waits until the children have all partitions between them.
func shared(t *testing.T, partitions int, of ...*child) time.Duration {
	t.Helper()
	begun := time.Now()
	for time.Since(begun) < 40*time.Second {
		var all []string
		least, most := partitions, 0
		for _, c := range of {
			mine := c.now()
			all = append(all, mine...)
			least, most = min(least, len(mine)), max(most, len(mine))
		}
		slices.Sort(all)
		if len(all) == partitions && len(slices.Compact(all)) == partitions && most-least <= 1 {
			return time.Since(begun)
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "not spread")
	return 0
}

// Processes are killed and stopped, and come back.
func TestRealGroupProcesses(t *testing.T) {
	l := realKafka(t)
	topic := l.real(8)
	x, y := l.child(topic, topic), l.child(topic, topic)
	t.Log("two processes:", shared(t, 8, x, y))
	z := l.child(topic, topic)
	t.Log("a third one:", shared(t, 8, x, y, z))

	require.NoError(t, z.cmd.Process.Kill())
	took := shared(t, 8, x, y)
	t.Log("it is killed:", took)
	assert.Less(t, took, 10*time.Second)

	require.NoError(t, y.cmd.Process.Signal(syscall.SIGSTOP))
	took = shared(t, 8, x)
	t.Log("another one is stopped:", took)
	assert.Less(t, took, 10*time.Second)
	require.NoError(t, y.cmd.Process.Signal(syscall.SIGCONT))
	t.Log("and goes on:", shared(t, 8, x, y))
}

// A static member that restarts gets its partitions again, without a rebalance.
func TestRealGroupStatic(t *testing.T) {
	l := realKafka(t)
	topic := l.real(6)
	named := func(id string) func(*sarama.Config) {
		return func(c *sarama.Config) { realGroup(c); c.Consumer.Group.InstanceId = id }
	}
	x, y := l.join(topic, named("one"), topic), l.join(topic, named("two"), topic)
	start(x, y)
	spread(t, 6, x, y)
	for _, p := range []**process{&x, &y, &x} { // leader and follower
		other := map[**process]*process{&x: y, &y: x}[p]
		had, generation := (*p).now(), other.generation()
		id := (*p).Config.Consumer.Group.InstanceId
		(*p).crash()
		*p = l.join(topic, named(id), topic)
		begun := time.Now()
		assert.Equal(t, had, (*p).mine())
		t.Log("back after", time.Since(begun))
		time.Sleep(1500 * time.Millisecond)
		assert.Equal(t, generation, other.generation(), "no rebalance")
	}
	again := l.join(topic, named("one"), topic)
	assert.Len(t, again.mine(), 3)
	require.Eventually(t, func() bool { _, err := x.Available(t.Context()); return err != nil }, 10*time.Second, 100*time.Millisecond)
	_, err := x.Available(t.Context())
	assert.ErrorContains(t, err, `group.instance.id "one"`)
}

// A topic that grows while a static member is away is assigned when it is back.
func TestRealGroupStaticGrown(t *testing.T) {
	l := realKafka(t)
	topic := l.real(2)
	named := func(c *sarama.Config) {
		realGroup(c)
		c.Consumer.Group.InstanceId, c.Consumer.Group.Session.Timeout = "one", 30*time.Second
	}
	x := l.join(topic, named, topic)
	assert.Len(t, x.mine(), 2)
	x.crash()
	l.grow(topic, 4)
	x = l.join(topic, named, topic)
	require.Eventually(t, func() bool { return len(x.mine()) == 4 }, 10*time.Second, 100*time.Millisecond)
}

// Kafka's own tool shows members, assignments and lag; and a group follows a
// topic that turns up and one that grows.
func TestRealGroupShown(t *testing.T) {
	l := realKafka(t)
	topic := l.real(4)
	for p := range int32(4) {
		l.fill(l.client(), topic, p, 0, 50, 10)
	}
	x, y := l.join(topic, realGroup, topic), l.join(topic, realGroup, topic)
	start(x, y)
	spread(t, 4, x, y)
	settled := map[string]int64{}
	for _, e := range available(t, x.Source) {
		settled[e.Partition] = 30
	}
	available(t, y.Source)
	for _, p := range []*process{x, y} {
		require.NoError(t, p.Committed(t.Context(), settled))
		require.Empty(t, p.state.commits.pending)
	}
	describe := func(args ...string) string {
		args = append([]string{"tool", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", l.addr, "--describe", "--group", topic}, args...)
		out, err := exec.Command(serverScript(t, "kafka.sh"), args...).Output()
		require.NoError(t, err)
		t.Log(string(out))
		return string(out)
	}
	lines := 0
	ids := map[string]bool{}
	for line := range strings.Lines(describe()) {
		f := strings.Fields(line)
		if len(f) < 9 || f[1] != topic {
			continue
		}
		lines++
		assert.Equal(t, []string{"30", "50", "20"}, f[3:6], "offset, end, lag")
		assert.Equal(t, "skyfinch", f[8])
		ids[f[6]] = true
	}
	assert.Equal(t, 4, lines)
	assert.Len(t, ids, 2, "members")
	assert.Contains(t, describe("--state"), "cooperative-sticky")
}

// The coordinator is killed and comes back: the assignment stays all the while.
func TestRealGroupCoordinator(t *testing.T) {
	script := serverScript(t, "kafka.sh")
	try := func(args ...string) (string, error) {
		cmd := exec.Command(script, args...)
		cmd.Env = append(os.Environ(), "KAFKA_NAME=skyfinch-test")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	run := func(args ...string) string {
		out, err := try(args...)
		require.NoError(t, err, args)
		return out
	}
	at, err := try("start", "--port", "15092")
	for range 3 { // a random cluster id that begins with a dash is refused
		if err == nil {
			break
		}
		try("wipe")
		at, err = try("start", "--port", "15092")
	}
	require.NoError(t, err)
	l := realLab(t, at)
	t.Cleanup(func() { run("wipe") })
	topic := l.real(4)
	x, y := l.join(topic, realGroup, topic), l.join(topic, realGroup, topic)
	start(x, y)
	spread(t, 4, x, y)
	run("kill9")
	time.Sleep(3 * time.Second)
	assert.Len(t, x.now(), 2)
	run("start")
	begun := time.Now()
	id, _ := x.currentMember().identity()
	require.Eventually(t, func() bool { return strings.Contains(l.logs.String(), "the group is back") }, 30*time.Second, 50*time.Millisecond)
	t.Log("back after", time.Since(begun), id)
	start(x, y)
	spread(t, 4, x, y)
}
