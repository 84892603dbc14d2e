package kafka

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/skyfinch/skyfinch/stream"
)

func partitions(extents []stream.Extent) (out []string) {
	for _, e := range extents {
		n, _ := parsePartitionID(e.Partition)
		out = append(out, n.topic)
	}
	return out
}

func TestTopics(t *testing.T) {
	l := newLab(t)
	for _, n := range []string{"ztf_20260701_programid1", "ztf_20260701_programid2", "xztf_20260701_programid1", "__internal", "lsst.v9"} {
		l.create(n, 1)
	}
	for _, c := range []struct{ topics, want []string }{
		{[]string{"lsst.v9"}, []string{"lsst.v9"}},
		{[]string{"lsst_v9"}, nil},
		{[]string{`lsst[.]v\d+`}, []string{"lsst.v9"}},
		{[]string{`ztf_\d+_programid1|lsst.*`}, []string{"lsst.v9", "ztf_20260701_programid1"}},
		{[]string{".*"}, []string{"lsst.v9", "xztf_20260701_programid1", "ztf_20260701_programid1", "ztf_20260701_programid2"}},
		{[]string{"__internal", "lsst.v9", "lsst.v.*"}, []string{"__internal", "lsst.v9"}},
	} {
		assert.Equal(t, c.want, partitions(available(t, l.source(c.topics...))), c.topics)
	}
	for _, bad := range [][]string{nil, {""}, {"ztf_[0-9"}} {
		_, err := l.source(bad...).Available(t.Context())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "?:")
	}
}

// Ping needs no turn, and fails at once while the brokers are away.
func TestPing(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	s := l.source("a")
	var _ stream.Pinger = s
	require.NoError(t, s.Ping(t.Context()))
	available(t, s)
	require.NoError(t, s.Ping(t.Context()))
	l.Close()
	begun := time.Now()
	require.Error(t, s.Ping(t.Context()))
	assert.Less(t, time.Since(begun), 10*time.Second)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Ping(t.Context()), ErrClosed)
}

func TestCheck(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	require.NoError(t, l.source("a", "a.*").Check(t.Context()))
	var none *NoTopicError
	require.ErrorAs(t, l.source("a", "b").Check(t.Context()), &none)
	assert.Equal(t, "b", none.Topic)
	require.ErrorAs(t, l.source("a", "b.*").Check(t.Context()), &none)
	assert.True(t, none.Regexp)
	l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "a", Err: kerr.TopicAuthorizationFailed, Count: -1})
	err := l.source("a").Check(t.Context())
	require.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	_, err = l.source("a").Available(t.Context())
	require.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
}

// Topics and partitions turn up while a source is in use.
func TestWhatTurnsUp(t *testing.T) {
	l := newLab(t)
	s := l.source("night.*", "later")
	assert.Empty(t, available(t, s))
	l.create("night1", 1)
	assert.Len(t, available(t, s), 1)
	l.create("later", 2)
	assert.Len(t, available(t, s), 3)
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = "night1", 4
	req.Topics = append(req.Topics, rt)
	_, err := req.RequestWith(t.Context(), l.client())
	require.NoError(t, err)
	e := available(t, s)
	assert.Len(t, e, 6)
	n, ok := parsePartitionID(e[5].Partition)
	require.True(t, ok)
	assert.Equal(t, "night1", n.topic)
	assert.EqualValues(t, 3, n.partition)
}

func TestStart(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 100, 1)
	l.deleteRecords(c, "a", 0, 20)
	for text, want := range map[string][]int64{
		"earliest": {20, 0}, "latest": {100, 0},
		"2026-07-01T12:00:30Z":      {30, 0},
		"2026-07-01T14:00:00+02:00": {20, 0},
		"2030-01-01T00:00:00Z":      {100, 0},
	} {
		start, err := ParseStart(text)
		require.NoError(t, err)
		assert.Equal(t, text, start.String())
		s := l.source("a")
		s.Start = start
		e := available(t, s)
		assert.Equal(t, want, []int64{e[0].Start, e[1].Start}, text)
		assert.EqualValues(t, 20, e[0].From)
	}
	_, err := ParseStart("yesterday")
	require.ErrorContains(t, err, `"yesterday"`)
}

// With a ledger the start time is not used.
func TestStartCountsOnce(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Observe: true, Count: -1})
	s := l.source("a")
	s.Start = At(noon)
	available(t, s)
	assert.Equal(t, 3, h.Hits())
	require.NoError(t, s.Resume(t.Context(), map[string]int64{"p": 1}))
	available(t, s)
	assert.Equal(t, 5, h.Hits())
}

func TestCommitted(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 30, 10)
	l.fill(c, "a", 1, 0, 30, 10)
	s := l.source("a")
	settled := map[string]int64{}
	for _, e := range available(t, s) {
		settled[e.Partition] = 30
	}
	require.NoError(t, s.Committed(t.Context(), settled)) // no group, nothing to do
	s.Group = "skyfinch"
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.NotCoordinator})
	require.NoError(t, s.Committed(t.Context(), settled))
	assert.Equal(t, 1, h.Hits())
	assert.Equal(t, map[topicPartition]int64{{"a", 0}: 30, {"a", 1}: 30}, l.committed("skyfinch"))

	seen := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	require.NoError(t, s.Committed(t.Context(), settled))
	assert.Zero(t, seen.Hits(), "nothing is new")
	for p := range settled {
		settled[p] = 31
	}
	l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.GroupAuthorizationFailed, Count: -1})
	err := s.Committed(t.Context(), settled)
	require.ErrorIs(t, err, sarama.ErrGroupAuthorizationFailed)
	assert.ErrorContains(t, err, `"skyfinch"`)
	require.NoError(t, s.Committed(t.Context(), settled), "it was told")
}

// committed are the offsets of a group.
func (l *lab) committed(group string) map[topicPartition]int64 {
	l.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(l.t.Context(), l.client())
	require.NoError(l.t, err)
	out := map[topicPartition]int64{}
	for _, t := range resp.Groups[0].Topics {
		for _, p := range t.Partitions {
			out[topicPartition{t.Topic, p.Partition}] = p.Offset
		}
	}
	return out
}

func TestNames(t *testing.T) {
	for _, n := range []partitionID{{"c", "t", "AAAAAAAAAAAAAAAAAAAAAA", 0}, {"", "t", "", 12}, {"a/b@c", "t.x_y-z", "a-_", 1 << 30}} {
		back, ok := parsePartitionID(n.String())
		assert.True(t, ok)
		assert.Equal(t, n, back)
	}
	for _, s := range []string{"", "/", "a/b/0", "a/b@c/x", "a/b@c/-1", "b@c/1", "/data/2026/x.avro", "a/@c/1", "a/b@c/99999999999"} {
		_, ok := parsePartitionID(s)
		assert.False(t, ok, s)
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("c/t@id/7")
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parsePartitionID(s); ok {
			again, ok := parsePartitionID(n.String())
			assert.True(t, ok)
			assert.Equal(t, n, again)
		}
	})
}

// The caller's configuration is copied.
func TestConfigIsCopied(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	conf := NewConfig()
	conf.Version = sarama.V2_1_0_0
	was := *conf
	s := l.source("a")
	s.Config = conf
	available(t, s)
	assert.Equal(t, was.Version, conf.Version)
	assert.Equal(t, was.Net.Proxy, conf.Net.Proxy)
	bad := NewConfig()
	bad.Net.DialTimeout = -1
	s = l.source("a")
	s.Config = bad
	_, err := s.Available(t.Context())
	require.ErrorContains(t, err, "DialTimeout")
}

// A damaged batch is an error that names its partition and offset.
func TestDamage(t *testing.T) {
	l := newLab(t)
	l.create("a", 3)
	c := l.client()
	for p := range int32(3) {
		l.fill(c, "a", p, 0, 20, 10)
	}
	s := l.source("a")
	planned := rangesOf(available(t, s))
	l.ControlKey(int16(kmsg.Fetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		req := k.(*kmsg.FetchRequest)
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic = "a"
		for _, x := range req.Topics[0].Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition = x.Partition
			rp.RecordBatches = batchOf(x.FetchOffset, 19, []int64{x.FetchOffset, 19}, -1, 0, nil)
			if x.Partition == 1 {
				rp.RecordBatches[70] ^= 1
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	got := read(t, s, planned...)
	require.Error(t, got.err)
	assert.Contains(t, got.err.Error(), planned[1].Partition)
	assert.Contains(t, got.err.Error(), "CRC")
}

// An engine reads each message once despite faults.
func TestWithAnEngine(t *testing.T) {
	l := newLab(t, kfake.NumBrokers(2))
	l.create("a", 3)
	c := l.client()
	for p := range int32(3) {
		l.fill(c, "a", p, 0, 500, 17)
	}
	var rows int64
	job := stream.MicroBatch{
		Source: l.source("a"),
		Sink: stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
			rows += r.Record.NumRows()
			return nil
		}),
		Limits: stream.Limits{Rows: 400},
	}
	require.NoError(t, job.Drain(t.Context()))
	assert.EqualValues(t, 1500, rows)
}

// A source reads with TLS and a login, and reports a wrong password.
func TestTLSAndLogin(t *testing.T) {
	cert, roots := certificate(t)
	l := newLab(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret"), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	l.create("a", 1)
	conf := withTLS(roots)
	conf.Net.SASL.Enable, conf.Net.SASL.Mechanism = true, sarama.SASLTypePlaintext
	conf.Net.SASL.User, conf.Net.SASL.Password = "alice", "secret"
	l.fill(l.client(kgo.DialTLSConfig(conf.Net.TLS.Config), kgo.SASL(plain.Auth{User: "alice", Pass: "secret"}.AsMechanism())), "a", 0, 0, 50, 10)
	s := l.source("a")
	s.Config = conf
	require.NoError(t, s.Check(t.Context()))
	same(t, want("a", 0, 0, 50), readAll(t, s).rows)

	wrong := *conf
	wrong.Net.SASL.Password = "guess"
	s = l.source("a")
	s.Config = &wrong
	for range 2 { // the second time it dials anew
		require.ErrorContains(t, s.Check(t.Context()), "password")
	}
}

// A regexp must be valid by itself.
func TestRegexpIsWhole(t *testing.T) {
	_, err := newTopicSelection([]string{"a)|(b"})
	require.ErrorContains(t, err, `"a)|(b"`)
}

// Times before 1970 are constants to a broker: -1 is the end.
func TestStartBeforeTime(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	for _, text := range []string{"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.990Z", "1900-01-01T00:00:00Z"} {
		s := l.source("a")
		var err error
		s.Start, err = ParseStart(text)
		require.NoError(t, err)
		assert.Zero(t, available(t, s)[0].Start, text)
	}
}

// What waits to be committed of a topic that is gone is not tried for ever.
func TestCommittedOfATopicThatIsGone(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	l.create("b", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	l.fill(l.client(), "b", 0, 0, 10, 10)
	s := l.source("[ab]")
	s.Group = "g"
	e := available(t, s)
	require.NoError(t, l.DeleteTopic("b"))
	settled := map[string]int64{e[0].Partition: 10, e[1].Partition: 10}
	require.NoError(t, s.Committed(t.Context(), settled))
	require.NotEmpty(t, s.state.commits.pending)
	available(t, s)
	s.state.commits.lastFailure = time.Time{}
	require.NoError(t, s.Committed(t.Context(), settled))
	assert.Empty(t, s.state.commits.pending)
}

// Partitions of other sources, also those of a path that looks like a partition.
func TestForeignPartition(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	s := l.source("a")
	own := available(t, s)[0].Partition
	assert.True(t, s.Owns(own))
	assert.True(t, s.Owns("/a@AAAAAAAAAAAAAAAAAAAAAA/0"), "of a cluster without an id")
	for _, p := range []string{"/data/x.avro", "/data/night@2/0", "C:/data/a@b/0", "k3x9/ztf", "k3x9/ztf?event=1,2&through=7"} {
		assert.False(t, s.Owns(p), p)
		var foreign *stream.ForeignError
		require.ErrorAs(t, read(t, s, stream.Range{Partition: p, To: 5}).err, &foreign, p)
		assert.Equal(t, p, foreign.Partition)
	}
}

// Every Source bounds what a compressed batch may take, not only those of commands.
func TestInflatedIsBounded(t *testing.T) {
	_, err := newLab(t).source("a").open()
	require.NoError(t, err)
	assert.EqualValues(t, maxInflated, sarama.MaxDecompressedBatchSize)
}
