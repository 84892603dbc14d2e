package kafka

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

func TestRetention(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 100, 10)
	l.fill(c, "a", 1, 0, 100, 10)
	s := l.source("a")
	planned := rangesOf(available(t, s))
	l.deleteRecords(c, "a", 0, 40)
	l.deleteRecords(c, "a", 1, 100)
	got := read(t, s, planned...)
	require.NoError(t, got.err)
	same(t, want("a", 0, 40, 100), got.rows)
	assert.EqualValues(t, 140, got.total().Lost)
	assert.Equal(t, []stream.Range{{Partition: planned[0].Partition, From: 0, To: 40}, {Partition: planned[1].Partition, From: 0, To: 100}}, got.lost)
	e := available(t, s)
	assert.EqualValues(t, 40, e[0].From)
	assert.EqualValues(t, 100, e[1].From)
	assert.EqualValues(t, 100, e[1].To)
}

// A topic created again is a new one: planned offsets of the old one are lost, and no
// message of the new one is read for them.
func TestTopicRecreated(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	c := l.client()
	l.fill(c, "a", 0, 0, 50, 10)
	s := l.source("a")
	old := available(t, s)
	require.NoError(t, l.DeleteTopic("a"))
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 70, 10)
	got := read(t, s, rangesOf(old)...)
	require.NoError(t, got.err)
	assert.Empty(t, got.rows)
	assert.EqualValues(t, 50, got.total().Lost)

	now := available(t, s)
	require.Len(t, now, 2)
	slices.SortFunc(now, func(a, b stream.Extent) int { return int(a.To - b.To) })
	assert.True(t, now[0].Gone)
	assert.Equal(t, old[0].Range, now[0].Range)
	assert.False(t, now[1].Gone)
	assert.EqualValues(t, 70, now[1].To)

	// another process learns of it from the ledger
	s2 := l.source("a")
	require.NoError(t, s2.Resume(t.Context(), map[string]int64{old[0].Partition: 30, "elsewhere/a@xyz/0": 5, "/data/x.avro": 1}))
	now = available(t, s2)
	slices.SortFunc(now, func(a, b stream.Extent) int { return int(b.To-a.To) / 1000 })
	require.Len(t, now, 2)
	i := slices.IndexFunc(now, func(e stream.Extent) bool { return e.Gone })
	assert.Equal(t, stream.Range{Partition: old[0].Partition, From: 30, To: ledger.UnknownEnd}, now[i].Range)
	got = read(t, s2, now[i].Range)
	require.NoError(t, got.err)
	assert.Equal(t, stream.Account{Range: stream.Range{Partition: old[0].Partition, From: 30, To: 30}, End: true}, got.accounts[old[0].Partition])
}

// A topic is created again, and filled or not, while a read waits for its consumer. An
// error of the new topic does not count as one of the old.
func TestTopicRecreatedDuringRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		messages int
		err      *kerr.Error
	}{
		{"longer", 400, nil},
		{"shorter", 20, nil},
		{"empty", 0, nil},
		{"refused", 400, kerr.TopicAuthorizationFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.create("a", 1)
			c := l.client()
			l.fill(c, "a", 0, 0, 300, 64)
			s := l.source("a")
			s.FetchBytes = 1
			planned := rangesOf(available(t, s))
			n, lost := 0, int64(0)
			for c, err := range s.Read(t.Context(), planned) {
				require.NoError(t, err)
				if n == 0 {
					require.NoError(t, l.DeleteTopic("a"))
					l.create("a", 1)
					l.fill(l.client(), "a", 0, 1000, 1000+test.messages, 64)
					if test.err != nil {
						l.Fault(kfake.Fault{Keys: fetches(), Err: test.err, Count: -1})
					}
				}
				if c.Messages != nil {
					for i := range int(c.Messages.NumRows()) {
						assert.Equal(t, want("a", 0, n, n+1)[0], row(c, i))
						n++
					}
				}
				for _, a := range c.Accounts {
					lost += a.Lost
				}
			}
			assert.Positive(t, n)
			assert.Positive(t, lost)
			assert.EqualValues(t, 300, int64(n)+lost)
		})
	}
}

func TestTopicVanishes(t *testing.T) {
	l := newLab(t)
	l.create("night1", 2)
	l.create("night2", 1)
	l.fill(l.client(), "night1", 1, 0, 10, 10)
	s := l.source("night.*")
	was := available(t, s)
	require.Len(t, was, 3)
	require.NoError(t, l.DeleteTopic("night1"))
	now := available(t, s)
	require.Len(t, now, 3)
	for i := range 2 {
		assert.True(t, now[i].Gone)
		assert.Equal(t, was[i].Range, now[i].Range)
	}
	assert.False(t, now[2].Gone)
}

// A topic that the user may no longer see does not count as deleted.
func TestHiddenTopicIsNotGone(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"a", "a.*"} {
		l := newLab(t)
		l.create("a", 1)
		l.fill(l.client(), "a", 0, 0, 10, 10)
		s := l.source(pattern)
		e := available(t, s)
		named := func(k kmsg.Request) bool { return k.(*kmsg.MetadataRequest).Topics != nil }
		l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "a", Err: kerr.TopicAuthorizationFailed, Count: -1, When: named})
		l.ControlKey(int16(kmsg.Metadata), func(k kmsg.Request) (kmsg.Response, error, bool) {
			l.KeepControl()
			if named(k) {
				return nil, nil, false
			}
			resp := k.ResponseKind().(*kmsg.MetadataResponse)
			host, port, _ := strings.Cut(l.ListenAddrs()[0], ":")
			b := kmsg.NewMetadataResponseBroker()
			n, _ := strconv.Atoi(port)
			b.Host, b.Port = host, int32(n)
			resp.Brokers = append(resp.Brokers, b)
			resp.ClusterID = kmsg.StringPtr("lab")
			return resp, nil, true
		})
		_, err := s.Available(t.Context())
		require.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
		require.ErrorIs(t, read(t, s, rangesOf(e)...).err, sarama.ErrTopicAuthorizationFailed)
	}
}

// Partitions of another cluster are refused.
func TestAnotherCluster(t *testing.T) {
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	s := l.source("a")
	e := available(t, s)
	r := e[0].Range
	r.Partition = "x" + r.Partition
	err := read(t, s, r).err
	require.ErrorContains(t, err, `"xlab"`)
	require.ErrorContains(t, err, s.Brokers[0])
}

// Planned offsets above the end of a partition are lost once they have been missing
// for long enough.
func TestTruncation(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 20, 10)
	l.fill(c, "a", 1, 0, 5, 5)
	s := l.source("a")
	e := available(t, s)
	beyond := e[0].Range
	beyond.From, beyond.To = 30, 40
	lost := map[string]int64{}
	r, err := newReader(s, s.conn, []stream.Range{beyond, e[1].Range}, func(c stream.Chunk) error {
		for _, a := range c.Accounts {
			lost[a.Partition] += a.Lost
		}
		return nil
	})
	require.NoError(t, err)
	defer r.out.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.run(ctx), context.DeadlineExceeded)
	assert.Empty(t, lost, "too early to tell")
	r.missingSince[r.ranges[0]] = time.Now().Add(-s.waits().lossConfirmAfter)
	require.NoError(t, r.run(t.Context()))
	assert.Equal(t, map[string]int64{beyond.Partition: 10, e[1].Partition: 0}, lost)

	was := s.state.listed[e[0].Partition]
	was.to = 25
	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = s.Available(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	was.shortSince = time.Now().Add(-s.waits().lossConfirmAfter)
	assert.EqualValues(t, 20, available(t, s)[0].To)
}

// The same for a topic that is not being fetched yet.
func TestTopicRecreatedAfterAnother(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	l.create("b", 1)
	c := l.client()
	l.fill(c, "a", 0, 0, 600, 32)
	l.fill(c, "b", 0, 0, 100, 32)
	s := l.source("a", "b")
	s.FetchBytes = 1
	got := &result{accounts: map[string]stream.Account{}}
	for c, err := range s.Read(t.Context(), rangesOf(available(t, s))) {
		require.NoError(t, err)
		if got.rows == nil {
			require.NoError(t, l.DeleteTopic("b"))
			l.create("b", 1)
			l.fill(l.client(), "b", 0, 1000, 1100, 32)
		}
		got.add(t, c)
	}
	same(t, want("a", 0, 0, 600), got.rows)
	assert.EqualValues(t, 100, got.total().Lost)
}

// A broker that has just started knows neither topics nor brokers.
func TestNewBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	s := l.source("a")
	was := available(t, s)
	begun := time.Now()
	l.ControlKey(int16(kmsg.Metadata), func(k kmsg.Request) (kmsg.Response, error, bool) {
		if time.Since(begun) > 2*s.waits().topicConfirmAfter {
			return nil, nil, false
		}
		l.KeepControl()
		resp := k.ResponseKind().(*kmsg.MetadataResponse)
		resp.ClusterID = kmsg.StringPtr("lab")
		for _, x := range k.(*kmsg.MetadataRequest).Topics {
			unknown := kmsg.NewMetadataResponseTopic()
			unknown.Topic, unknown.ErrorCode = x.Topic, kerr.UnknownTopicOrPartition.Code
			resp.Topics = append(resp.Topics, unknown)
		}
		return resp, nil, true
	})
	assert.Equal(t, was[0].Range, available(t, s)[0].Range)
	assert.False(t, available(t, s)[0].Gone)
}

// The rest of a truncated partition is read while its fetcher fetches others. The race
// detector finds faults.
func TestTruncatedBesideOthers(t *testing.T) {
	l := newLab(t)
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 20, 10)
	l.fill(c, "a", 1, 0, 500, 5)
	s := l.source("a")
	s.FetchBytes = 1
	planned := rangesOf(available(t, s))
	planned[0].To = 40
	var lost []stream.Range
	r, err := newReader(s, s.conn, planned, func(c stream.Chunk) error {
		for _, a := range c.Accounts {
			if a.Lost > 0 {
				lost = append(lost, a.Range)
			}
		}
		return nil
	})
	require.NoError(t, err)
	defer r.out.Release()
	r.ranges[0].end = 20 // as resolve sets it
	require.NoError(t, r.run(t.Context()))
	assert.Equal(t, []stream.Range{{Partition: planned[0].Partition, From: 20, To: 40}}, lost)
}
