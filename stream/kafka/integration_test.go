//go:build integration

package kafka

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/skyfinch/skyfinch/stream"
)

// realKafka is the cluster that KAFKA names.
func realKafka(t *testing.T) *lab {
	addr := os.Getenv("KAFKA")
	if addr == "" {
		t.Skip("KAFKA names no broker")
	}
	return realLab(t, addr)
}

func TestRealPlain(t *testing.T) {
	l := realKafka(t)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		topic := l.real(3)
		c := l.client(kgo.ProducerBatchCompression(codec))
		var wanted []got
		for p := range int32(3) {
			l.fill(c, topic, p, 0, 500, 20+int(p))
			wanted = append(wanted, want(topic, p, 0, 500)...)
		}
		send(t, c, bulk(topic, 2, 1, 8<<20)...)
		var chunks []string
		for _, size := range []int{0, 1, 1 << 10, 100 << 10} {
			s := l.source(topic)
			s.FetchBytes = size
			got := readAll(t, s)
			same(t, wanted, got.rows[:len(got.rows)-1])
			assert.Len(t, got.rows[1500].value, 8<<20, name)
			if chunks == nil {
				chunks = got.chunks
			}
			assert.Equal(t, chunks, got.chunks)
		}
	}
}

func TestRealLogAppendTime(t *testing.T) {
	l := realKafka(t)
	topic := l.real(1, "message.timestamp.type", "LogAppendTime")
	send(t, l.client(), records(topic, 0, 0, 3)...)
	for _, r := range readAll(t, l.source(topic)).rows {
		assert.InDelta(t, time.Now().UnixMilli(), r.time, 60_000)
	}
}

func TestRealTransactions(t *testing.T) {
	l := realKafka(t)
	topic := l.real(2)
	x, y := l.begin(topic+"x"), l.begin(topic+"y")
	x.send(records(topic, 0, 0, 10)...)
	y.send(records(topic, 0, 100, 110)...)
	x.send(records(topic, 0, 10, 20)...)
	x.end(false)
	send(t, l.client(), records(topic, 0, 200, 205)...)
	x.send(records(topic, 0, 20, 30)...)
	y.end(true)
	x.end(true)
	x.send(records(topic, 1, 0, 7)...)
	x.end(false)
	s := l.source(topic)
	require.Eventually(t, func() bool { // markers come a moment later
		e := available(t, s)
		return e[0].To == 48 && e[1].To == 8
	}, 10*time.Second, 50*time.Millisecond)
	whole := readAll(t, s)
	assert.Equal(t, stream.Account{Read: 25, Control: 4, Aborted: 27}, whole.total())
	var pieces []got
	s.FetchBytes = 1
	for _, e := range available(t, s) {
		for from := e.From; from < e.To; from += 3 {
			r := stream.Range{Partition: e.Partition, From: from, To: min(from+3, e.To)}
			got := read(t, s, r)
			require.NoError(t, got.err)
			pieces = append(pieces, got.rows...)
		}
	}
	same(t, whole.rows, pieces)
}

func TestRealCompaction(t *testing.T) {
	l := realKafka(t)
	topic := l.real(1, "cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.001",
		"delete.retention.ms", "0", "max.compaction.lag.ms", "100")
	c := l.client()
	for i := range 400 {
		var rs []*kgo.Record
		for j := range 5 {
			rs = append(rs, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "key %d", (i+j*j)%7), Value: value(topic, 0, i*5+j), Timestamp: time.Now()})
		}
		send(t, c, rs...)
		if i%50 == 0 {
			time.Sleep(150 * time.Millisecond)
		}
	}
	s := l.source(topic)
	s.Log = nil
	var got *result
	require.Eventually(t, func() bool {
		time.Sleep(200 * time.Millisecond)
		send(t, c, &kgo.Record{Topic: topic, Key: []byte("tick"), Value: []byte("a new segment, please"), Timestamp: time.Now()})
		got = readAll(t, s)
		return got.total().Compacted > 1000
	}, 90*time.Second, time.Second)
	sum := got.total()
	t.Logf("%+v", sum)
	e := available(t, s)
	assert.EqualValues(t, 0, e[0].From)
}

func TestRealRetention(t *testing.T) {
	l := realKafka(t)
	topic := l.real(2)
	c := l.client()
	l.fill(c, topic, 0, 0, 100, 10)
	l.fill(c, topic, 1, 0, 100, 10)
	s := l.source(topic)
	planned := rangesOf(available(t, s))
	l.deleteRecords(c, topic, 0, 45)
	l.deleteRecords(c, topic, 1, 100)
	got := read(t, s, planned...)
	require.NoError(t, got.err)
	same(t, want(topic, 0, 45, 100), got.rows)
	assert.EqualValues(t, 145, got.total().Lost)
}

func TestRealTopicMadeAnew(t *testing.T) {
	l := realKafka(t)
	topic := l.real(1)
	l.fill(l.client(), topic, 0, 0, 50, 10)
	s := l.source(topic)
	old := available(t, s)
	l.remove(topic)
	got := read(t, s, rangesOf(old)...)
	require.NoError(t, got.err)
	assert.EqualValues(t, 50, got.total().Lost)
	now := available(t, s)
	require.Len(t, now, 1)
	assert.True(t, now[0].Gone)
}

func TestRealCommit(t *testing.T) {
	l := realKafka(t)
	topic := l.real(1)
	l.fill(l.client(), topic, 0, 0, 50, 10)
	s := l.source(topic)
	s.Group = topic
	settled := map[string]int64{available(t, s)[0].Partition: 50}
	require.Eventually(t, func() bool { // a cluster's first group takes its time
		require.NoError(t, s.Committed(t.Context(), settled))
		return len(s.state.commits.pending) == 0
	}, 20*time.Second, 500*time.Millisecond)
}

// A broker is killed while it is read from, and comes back.
func TestRealRestart(t *testing.T) {
	script := serverScript(t, "kafka.sh")
	run := func(args ...string) string {
		cmd := exec.Command(script, args...)
		cmd.Env = append(os.Environ(), "KAFKA_NAME=skyfinch-test")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		require.NoError(t, err, args)
		return string(out)
	}
	addr := run("start", "--port", "15092")
	t.Cleanup(func() { run("wipe") })
	l := realLab(t, addr[:len(addr)-1])
	topic := l.real(3)
	c := l.client()
	var wanted []got
	for p := range int32(3) {
		l.fill(c, topic, p, 0, 500, 10)
		wanted = append(wanted, want(topic, p, 0, 500)...)
	}
	s := l.source(topic)
	s.FetchBytes = 1
	planned := rangesOf(available(t, s))
	got := &result{accounts: map[string]stream.Account{}}
	begun := time.Now()
	back := make(chan struct{})
	for c, err := range s.Read(t.Context(), planned) {
		require.NoError(t, err)
		got.add(t, c)
		if len(got.chunks) == 3 {
			run("kill9")
			time.AfterFunc(12*time.Second, func() { run("start"); close(back) })
		}
	}
	<-back
	same(t, wanted, got.rows)
	assert.Greater(t, time.Since(begun), 12*time.Second)
	t.Log(l.logs)

	run("kill9")
	back = make(chan struct{})
	time.AfterFunc(5*time.Second, func() { run("start"); close(back) })
	e := available(t, s)
	<-back
	assert.Equal(t, planned, rangesOf(e))
}

// serverScript finds a script that starts a server.
func serverScript(t *testing.T, name string) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	for !exists(filepath.Join(dir, "go.mod")) {
		require.NotEqual(t, dir, filepath.Dir(dir))
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "../shared/servers", name)
	if !exists(path) {
		t.Skip("no scripts for servers here")
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
