package kafka

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

// lab is a cluster in this process, or a real one.
type lab struct {
	*kfake.Cluster
	addr string // of a real one instead
	t    testing.TB
	logs *logs
}

func newLab(t testing.TB, opts ...kfake.Opt) *lab {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("lab")}, opts...)
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &lab{c, "", t, new(logs)}
}

// create makes a topic.
func (l *lab) create(topic string, partitions int32, configs ...string) {
	l.t.Helper()
	m := map[string]string{}
	for i := 0; i < len(configs); i += 2 {
		m[configs[i]] = configs[i+1]
	}
	require.NoError(l.t, l.CreateTopic(topic, partitions, m))
}

// client returns a producer that sends each batch unchanged, to the partition of its
// records.
func (l *lab) client(opts ...kgo.Opt) *kgo.Client {
	l.t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(l.brokers()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(64 << 20), kgo.MaxBufferedBytes(512 << 20), kgo.BrokerMaxWriteBytes(100 << 20),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}, opts...)
	c, err := kgo.NewClient(opts...)
	require.NoError(l.t, err)
	l.t.Cleanup(c.Close)
	return c
}

// value returns the value of a message, longer than what a view inlines.
func value(topic string, partition int32, i int) []byte {
	return fmt.Appendf(nil, "%s/%d/%d:%s", topic, partition, i, strings.Repeat("v", 20+i*7%50))
}

// records are messages from to to-1 of a partition, every third with a key.
func records(topic string, partition int32, from, to int) (out []*kgo.Record) {
	for i := from; i < to; i++ {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: value(topic, partition, i), Timestamp: noon.Add(time.Duration(i) * time.Second)}
		if i%3 == 0 {
			r.Key = fmt.Appendf(nil, "key number %d", i)
		}
		out = append(out, r)
	}
	return out
}

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// send produces one batch.
func send(t testing.TB, c *kgo.Client, rs ...*kgo.Record) {
	t.Helper()
	require.NoError(t, c.ProduceSync(context.Background(), rs...).FirstErr())
}

// fill produces the messages from to to-1, in batches of perBatch.
func (l *lab) fill(c *kgo.Client, topic string, partition int32, from, to, perBatch int) {
	l.t.Helper()
	for ; from < to; from += perBatch {
		send(l.t, c, records(topic, partition, from, min(to, from+perBatch))...)
	}
}

// testTiming returns waits long enough for brokers in this process.
func testTiming() *timing {
	t := defaultTiming
	t.topicConfirmAfter = 200 * time.Millisecond
	t.minRejoinInterval = 100 * time.Millisecond
	return &t
}

// source returns a source of topics of the lab.
func (l *lab) source(topics ...string) *Source {
	s := &Source{Brokers: l.brokers(), Topics: topics, Log: slog.New(slog.NewTextHandler(l.logs, nil))}
	if l.addr == "" {
		s.timing = testTiming()
	}
	l.t.Cleanup(func() { _ = s.Close() })
	return s
}

// logs keeps what is logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// got is a message as a test sees it.
type got struct {
	topic      string
	partition  int32
	offset     int64
	time       int64
	key, value string // "-" where null
}

// result is the output of a Read.
type result struct {
	rows     []got
	chunks   []string // bounds
	accounts map[string]stream.Account
	lost     []stream.Range
	err      error
}

// available lists the extents.
func available(t testing.TB, s *Source) []stream.Extent {
	t.Helper()
	out, err := s.Available(context.Background())
	require.NoError(t, err)
	return out
}

func rangesOf(extents []stream.Extent) (out []stream.Range) {
	for _, e := range extents {
		if e.From < e.To {
			out = append(out, e.Range)
		}
	}
	return out
}

// read reads ranges with a checked allocator and checks the accounts.
func read(t testing.TB, s *Source, ranges ...stream.Range) *result {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	s.Alloc = mem
	out := &result{accounts: map[string]stream.Account{}}
	for c, err := range s.Read(context.Background(), ranges) {
		if err != nil {
			out.err = err
			return out
		}
		out.add(t, c)
	}
	for _, r := range ranges {
		a := out.accounts[r.Partition]
		assert.Equal(t, r.From, a.From)
		assert.True(t, a.To == r.To || a.End, "%v: %v", r, a)
	}
	return out
}

// readAll reads all messages.
func readAll(t testing.TB, s *Source) *result {
	t.Helper()
	out := read(t, s, rangesOf(available(t, s))...)
	require.NoError(t, out.err)
	return out
}

func (r *result) add(t testing.TB, c stream.Chunk) {
	t.Helper()
	n := 0
	if c.Messages != nil {
		n = int(c.Messages.NumRows())
		require.True(t, c.Messages.Schema().Equal(stream.MessageSchema))
	}
	for i := range n {
		r.rows = append(r.rows, row(c, i))
	}
	bounds, sum := "", int64(0)
	for _, a := range c.Accounts {
		require.Equal(t, a.To-a.From, a.Read+a.Control+a.Aborted+a.Compacted+a.Lost, "%+v", a)
		sum += a.Read
		bounds += a.String()
		if a.Lost > 0 {
			r.lost = append(r.lost, a.Range)
		}
		if was, ok := r.accounts[a.Partition]; ok {
			require.Equal(t, was.To, a.From, "no gap")
			a.From, a.Read, a.Control, a.Aborted = was.From, a.Read+was.Read, a.Control+was.Control, a.Aborted+was.Aborted
			a.Compacted, a.Lost = a.Compacted+was.Compacted, a.Lost+was.Lost
		}
		r.accounts[a.Partition] = a
	}
	require.EqualValues(t, n, sum)
	r.chunks = append(r.chunks, bounds)
}

func row(c stream.Chunk, i int) got {
	g := got{
		topic:     c.Messages.Column(stream.ColTopic).(*array.String).Value(i),
		partition: c.Messages.Column(stream.ColPartition).(*array.Int32).Value(i),
		offset:    c.Messages.Column(stream.ColOffset).(*array.Int64).Value(i),
		key:       "-", value: "-",
	}
	if col := c.Messages.Column(stream.ColTime).(*array.Timestamp); col.IsValid(i) {
		g.time = int64(col.Value(i))
	}
	if col := c.Messages.Column(stream.ColKey).(*array.BinaryView); col.IsValid(i) {
		g.key = string(col.Value(i))
	}
	if col := c.Messages.Column(stream.ColValue).(*array.BinaryView); col.IsValid(i) {
		g.value = string(col.Value(i))
	}
	return g
}

// total is the sum of all accounts.
func (r *result) total() (sum stream.Account) {
	for _, a := range r.accounts {
		sum.Read, sum.Control, sum.Aborted = sum.Read+a.Read, sum.Control+a.Control, sum.Aborted+a.Aborted
		sum.Compacted, sum.Lost = sum.Compacted+a.Compacted, sum.Lost+a.Lost
	}
	return sum
}

// want returns records(topic, partition, from, to) as read back, if their offsets are
// their numbers.
func want(topic string, partition int32, from, to int) (out []got) {
	for i, r := range records(topic, partition, from, to) {
		g := got{topic, partition, int64(from + i), r.Timestamp.UnixMilli(), "-", string(r.Value)}
		if r.Key != nil {
			g.key = string(r.Key)
		}
		out = append(out, g)
	}
	return out
}

// same fails with the first difference between messages.
func same(t testing.TB, want, got []got) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "message %d of %d, %d", i, len(want), len(got))
	}
	require.Len(t, got, len(want))
}

// realLab returns a lab of a real cluster.
func realLab(t testing.TB, addr string) *lab { return &lab{addr: addr, t: t, logs: new(logs)} }

// real creates a topic on a real cluster, for the duration of the test.
func (l *lab) real(partitions int32, configs ...string) string {
	l.t.Helper()
	topic := "skyfinch-test-" + strings.ToLower(rand.Text()[:12])
	configs = append([]string{"retention.ms", "-1"}, configs...) // the messages are old
	c := l.client()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = configs[i], &configs[i+1]
		rt.Configs = append(rt.Configs, rc)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(context.Background(), c)
	require.NoError(l.t, err)
	require.NoError(l.t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	l.t.Cleanup(func() { l.remove(topic) })
	require.Eventually(l.t, func() bool { // a broker knows of it a while later
		req := kmsg.NewPtrMetadataRequest()
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = &topic
		req.Topics = append(req.Topics, rt)
		resp, err := req.RequestWith(context.Background(), c)
		return err == nil && resp.Topics[0].ErrorCode == 0 && len(resp.Topics[0].Partitions) == int(partitions)
	}, 10*time.Second, 10*time.Millisecond)
	return topic
}

// grow adds partitions to a topic.
func (l *lab) grow(topic string, partitions int32) {
	l.t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 10_000
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, partitions
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(l.t.Context(), l.client())
	require.NoError(l.t, err)
	require.NoError(l.t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
}

// remove deletes a topic of a real cluster.
func (l *lab) remove(topic string) {
	c, err := kgo.NewClient(kgo.SeedBrokers(l.addr))
	require.NoError(l.t, err)
	defer c.Close()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10_000
	req.TopicNames = []string{topic}
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	_, err = req.RequestWith(context.Background(), c)
	require.NoError(l.t, err)
}

// brokers are the addresses of the cluster.
func (l *lab) brokers() []string {
	if l.addr != "" {
		return []string{l.addr}
	}
	return l.ListenAddrs()
}
