package kafka

import (
	"context"
	"errors"
	"net"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/skyfinch/skyfinch/stream"
)

func fetches() []kmsg.Key { return []kmsg.Key{kmsg.Fetch} }

// While leaders move, each message is read once.
func TestLeadersMove(t *testing.T) {
	l := newLab(t, kfake.NumBrokers(3))
	l.create("a", 5)
	c := l.client()
	var wanted []got
	for p := range int32(5) {
		l.fill(c, "a", p, 0, 200, 9)
		wanted = append(wanted, want("a", p, 0, 200)...)
	}
	s := l.source("a")
	s.FetchBytes = 1 // a batch a fetch
	stop := make(chan struct{})
	moved := make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				moved <- n
				return
			case <-time.After(3 * time.Millisecond):
				l.ShufflePartitionLeaders()
			}
			if n%5 == 4 {
				time.Sleep(60 * time.Millisecond)
			}
		}
	}()
	got := readAll(t, s)
	close(stop)
	assert.Positive(t, <-moved)
	same(t, wanted, got.rows)
}

// Temporary errors of a broker are retried.
func TestTemporaryErrors(t *testing.T) {
	t.Parallel()
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.FencedLeaderEpoch,
		kerr.UnknownLeaderEpoch, kerr.OffsetNotAvailable, kerr.KafkaStorageError, kerr.ReplicaNotAvailable, kerr.UnknownServerError,
		kerr.RequestTimedOut, kerr.UnknownTopicID, kerr.ListenerNotFound, kerr.OffsetOutOfRange,
	} {
		t.Run(e.Message, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.create("a", 2)
			c := l.client()
			l.fill(c, "a", 0, 0, 20, 5)
			l.fill(c, "a", 1, 0, 20, 5)
			s := l.source("a")
			if e != kerr.OffsetOutOfRange {
				require.NoError(t, s.Check(t.Context())) // the broker was reached once
				l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: e, Count: 2, Partitions: []int32{1}})
			}
			extents := available(t, s)
			h := l.Fault(kfake.Fault{Keys: fetches(), Err: e, Count: 2, Partitions: []int32{1}})
			got := read(t, s, rangesOf(extents)...)
			require.NoError(t, got.err)
			same(t, slices.Concat(want("a", 0, 0, 20), want("a", 1, 0, 20)), got.rows)
			assert.Equal(t, 2, h.Hits())
		})
	}
}

// Broken connections are made again: those of fetches, and those of checks.
func TestBrokenConnections(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Fetch, kmsg.Metadata} {
		t.Run(key.Name(), func(t *testing.T) {
			l := newLab(t)
			l.create("a", 1)
			l.fill(l.client(), "a", 0, 0, 200, 10)
			s := l.source("a")
			s.FetchBytes = 1
			extents := available(t, s)
			n := 0
			l.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
				l.KeepControl()
				n++
				if n%4 == 0 {
					return nil, errors.New("cut"), true
				}
				return nil, nil, false
			})
			got := read(t, s, rangesOf(extents)...)
			require.NoError(t, got.err)
			same(t, want("a", 0, 0, 200), got.rows)
			assert.GreaterOrEqual(t, n, 20)
		})
	}
}

// A partition without a leader does not prevent others from being listed.
func TestOneLeaderIsAway(t *testing.T) {
	l := newLab(t, kfake.NumBrokers(2))
	l.create("a", 2)
	c := l.client()
	l.fill(c, "a", 0, 0, 10, 10)
	l.fill(c, "a", 1, 0, 10, 10)
	s := l.source("a")
	available(t, s)
	l.fill(c, "a", 0, 10, 20, 10)
	l.fill(c, "a", 1, 10, 20, 10)
	h := l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: -1, Partitions: []int32{1}})
	e := available(t, s)
	require.Len(t, e, 2)
	assert.EqualValues(t, 20, e[0].To)
	assert.EqualValues(t, 10, e[1].To, "as last listed")
	h.Remove()
	assert.EqualValues(t, 20, available(t, s)[1].To)
}

func TestOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	s := l.source("a")
	require.NoError(t, s.Check(t.Context()))
	l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: 9})
	available(t, s)
	assert.Equal(t, 1, strings.Count(l.logs.String(), "waiting for the brokers"), l.logs)
	assert.Equal(t, 1, strings.Count(l.logs.String(), "the brokers are back"), l.logs)
	assert.Equal(t, 2, strings.Count(l.logs.String(), "level=WARN"), l.logs)
}

func TestOutageEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 10, 10)
	s := l.source("a")
	s.Outage = 300 * time.Millisecond
	e := available(t, s)
	l.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: -1})
	got := read(t, s, rangesOf(e)...)
	require.ErrorIs(t, got.err, sarama.ErrNotLeaderForPartition)
	assert.Contains(t, got.err.Error(), "a@")
	assert.Contains(t, got.err.Error(), "offset 0")
	l.Close()
	_, err := s.Available(t.Context())
	require.Error(t, err)
	assert.Contains(t, err.Error(), s.Brokers[0])
}

// If no broker can be reached, the first call returns an error at once.
func TestNeverReached(t *testing.T) {
	s := &Source{Brokers: []string{"127.0.0.1:1"}, Topics: []string{"a"}}
	defer s.Close()
	begun := time.Now()
	_, err := s.Available(t.Context())
	require.Error(t, err)
	require.Error(t, s.Check(t.Context()))
	assert.Less(t, time.Since(begun), 5*time.Second)
	assert.Contains(t, err.Error(), "127.0.0.1:1")
}

// Cancelling ends all goroutines, and Close ends calls that wait.
func TestNothingStays(t *testing.T) {
	l := newLab(t, kfake.NumBrokers(2))
	l.create("a", 4)
	c := l.client()
	for p := range int32(4) {
		l.fill(c, "a", p, 0, 100, 10)
	}
	c.Close()
	s := l.source("a")
	s.FetchBytes = 1
	planned := rangesOf(available(t, s))
	require.NoError(t, s.Close())
	time.Sleep(50 * time.Millisecond)
	before := runtime.NumGoroutine()
	for after := range 12 {
		s := l.source("a")
		s.FetchBytes = 1
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(after)*time.Millisecond, cancel)
		_, _ = s.Available(ctx)
		for range s.Read(ctx, planned) {
		}
		cancel()
		for range s.Read(t.Context(), planned) {
			break
		}
		require.NoError(t, s.Close())
		_, err := s.Available(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		for _, err := range s.Read(t.Context(), planned) {
			require.ErrorIs(t, err, ErrClosed)
		}
		require.ErrorIs(t, s.Committed(t.Context(), nil), ErrClosed)
	}
	require.NoError(t, new(Source).Close())
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	var left strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&left, 1)
	t.Error(left.String())
}

// A broker that accepts requests but does not answer delays neither cancellation nor
// Close: not a fetch, nor the check after it.
func TestSilentBroker(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{kmsg.Fetch, kmsg.Metadata} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.create("a", 1)
			l.fill(l.client(), "a", 0, 0, 10, 10)
			s := l.source("a")
			planned := rangesOf(available(t, s))
			var fetched, silent atomic.Bool
			silence := make(chan struct{})
			defer close(silence)
			l.Control(func(k kmsg.Request) (kmsg.Response, error, bool) {
				l.KeepControl()
				fetched.CompareAndSwap(false, k.Key() == int16(kmsg.Fetch))
				if k.Key() == int16(key) && fetched.Load() {
					silent.Store(true)
					l.SleepControl(func() { <-silence })
				}
				return nil, nil, false
			})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			var last error
			for c, err := range s.Read(ctx, planned) {
				assert.Nil(t, c.Messages)
				last = err
			}
			require.ErrorIs(t, last, context.DeadlineExceeded)
			assert.True(t, silent.Load())
			fetched.Store(false)
			silent.Store(false)
			time.AfterFunc(300*time.Millisecond, func() { _ = s.Close() })
			for c, err := range s.Read(t.Context(), planned) {
				assert.Nil(t, c.Messages)
				last = err
			}
			require.ErrorIs(t, last, ErrClosed)
			assert.True(t, silent.Load())
			assert.Less(t, time.Since(begun), 5*time.Second)
		})
	}
}

// A fetch does not wait for the check of the one before it.
func TestCheckBesideFetch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 1)
	l.fill(l.client(), "a", 0, 0, 30, 10)
	s := l.source("a")
	s.FetchBytes = 600 // a batch a fetch, but not a heavy block
	planned := rangesOf(available(t, s))
	fetches, checks, second := 0, 0, make(chan struct{})
	l.Control(func(k kmsg.Request) (kmsg.Response, error, bool) {
		l.KeepControl()
		switch {
		case k.Key() == int16(kmsg.Fetch):
			if fetches++; fetches == 2 {
				close(second)
			}
		case k.Key() == int16(kmsg.Metadata) && fetches > 0:
			if checks++; checks == 1 {
				l.SleepControl(func() {
					select {
					case <-second:
					case <-time.After(10 * time.Second):
						t.Error("the second fetch waits for the first check")
					}
				})
			}
		}
		return nil, nil, false
	})
	same(t, want("a", 0, 0, 30), read(t, s, planned...).rows)
	assert.Equal(t, 3, checks)
}

// With an error of a later partition, the fetcher does not fetch partitions after it.
func TestLaterPartitionHasAnError(t *testing.T) {
	l := newLab(t)
	l.create("a", 4)
	c := l.client()
	var wanted []got
	for p := range int32(4) {
		l.fill(c, "a", p, 0, 100, 10)
		wanted = append(wanted, want("a", p, 0, 100)...)
	}
	s := l.source("a")
	planned := rangesOf(available(t, s))
	h := l.Fault(kfake.Fault{Keys: fetches(), Err: kerr.NotLeaderForPartition, Count: 3, Partitions: []int32{1}})
	same(t, wanted, read(t, s, planned...).rows)
	assert.Equal(t, 3, h.Hits())
}

// If one partition yields nothing, the read ends with an error, even if others of its
// leader are fetched.
func TestOutageEndsBesideOthers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.create("a", 2)
	l.fill(l.client(), "a", 1, 0, 20, 5)
	s := l.source("a")
	s.Outage = time.Second
	s.timing.stallTimeout = 500 * time.Millisecond
	e := available(t, s)
	planned := []stream.Range{e[0].Range, e[1].Range}
	planned[0].To = 10                             // which do not exist
	require.NoError(t, read(t, s, planned[1]).err) // so that both are fetched together
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last error
	for _, err := range s.Read(ctx, planned) {
		last = err
	}
	require.ErrorContains(t, last, "offsets 0 to 9 do not exist now")
}

// If a broker accepts connections but does not answer, Check asks the next.
func TestCheckPassesASilentBroker(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	l := newLab(t)
	l.create("a", 1)
	s := l.source("a")
	s.Brokers = []string{silent.Addr().String(), l.brokers()[0]}
	s.timing.checkTimeout = time.Second
	assert.NoError(t, s.Check(t.Context()))
}
