package feed_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/feed"
)

func cluster(t *testing.T, opts ...kfake.Opt) []string {
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// read returns the messages of a topic by partition.
func read(t *testing.T, brokers []string, topic string) map[int32][]*sarama.ConsumerMessage {
	conf := sarama.NewConfig()
	conf.Consumer.MaxWaitTime = 10 * time.Millisecond // Close waits for a fetch
	client, err := sarama.NewClient(brokers, conf)
	require.NoError(t, err)
	defer client.Close()
	consumer, err := sarama.NewConsumerFromClient(client)
	require.NoError(t, err)
	partitions, err := client.Partitions(topic)
	require.NoError(t, err)
	all := map[int32][]*sarama.ConsumerMessage{}
	for _, p := range partitions {
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		require.NoError(t, err)
		pc, err := consumer.ConsumePartition(topic, p, 0)
		require.NoError(t, err)
		for range end {
			all[p] = append(all[p], <-pc.Messages())
		}
		require.NoError(t, pc.Close())
	}
	return all
}

func TestSend(t *testing.T) {
	brokers := cluster(t)
	var last, size int64
	f := feed.Feed{Brokers: brokers, Topic: "alerts", Partitions: 4, Observe: func(n, b int64) { last, size = n, b }}
	s := sim.Simulator{Survey: sim.ZTF, Seed: 3, Alerts: 200}
	sent, err := f.Send(t.Context(), s.Packets(0))
	require.NoError(t, err)
	assert.EqualValues(t, 200, sent)
	assert.EqualValues(t, 200, last)

	got := read(t, brokers, "alerts")
	require.Len(t, got, 4)
	i := 0
	for p, err := range s.Packets(0) {
		require.NoError(t, err)
		m := got[int32(i%4)][i/4]
		assert.Equal(t, p.Value, m.Value)
		assert.Nil(t, m.Key)
		assert.WithinDuration(t, time.Now(), m.Timestamp, time.Minute)
		size -= int64(len(p.Value))
		i++
	}
	assert.Zero(t, size)
}

// Packets of 10 MB are larger than the default limit of topics.
func TestSendLarge(t *testing.T) {
	f := feed.Feed{Brokers: cluster(t), Topic: "large", Partitions: 1}
	large := sim.Packet{Value: make([]byte, 10<<20)}
	sent, err := f.Send(t.Context(), packets(large, large, sim.Packet{Key: []byte("k"), Value: []byte{1}}, large))
	require.NoError(t, err)
	assert.EqualValues(t, 4, sent)
	got := read(t, f.Brokers, "large")[0]
	assert.Len(t, got[1].Value, 10<<20)
	assert.Equal(t, "k", string(got[2].Key))
}

func TestSendTooLarge(t *testing.T) {
	f := feed.Feed{Brokers: cluster(t, kfake.SeedTopics(1, "small")), Topic: "small"}
	_, err := f.Send(t.Context(), packets(sim.Packet{Value: []byte{1}}, sim.Packet{Value: make([]byte, 10<<20)}))
	assert.ErrorContains(t, err, "too large: raise max.message.bytes of the topic")
}

func TestSendCompressed(t *testing.T) {
	for codec := sarama.CompressionNone; codec <= sarama.CompressionZSTD; codec++ {
		f := feed.Feed{Brokers: cluster(t), Topic: "t", Partitions: 1, Compression: codec}
		s := sim.Simulator{Survey: sim.LSST, Alerts: 20}
		sent, err := f.Send(t.Context(), s.Packets(0))
		require.NoError(t, err)
		assert.EqualValues(t, 20, sent)
		assert.Len(t, read(t, f.Brokers, "t")[0], 20)
	}
}

// A packet is sent at once, not when a batch is full.
func TestLatency(t *testing.T) {
	f := feed.Feed{Brokers: cluster(t), Topic: "t", Partitions: 4, Rate: 100}
	s := sim.Simulator{Survey: sim.ZTF, Alerts: 60}
	var taken, arrived []time.Time
	f.Observe = func(n, _ int64) { arrived = append(arrived, time.Now()) }
	begun := time.Now()
	_, err := f.Send(t.Context(), func(yield func(sim.Packet, error) bool) {
		for p, err := range s.Packets(0) {
			// The feed asks for a packet when it has sent the one before.
			taken = append(taken, time.Now())
			if !yield(p, err) {
				return
			}
		}
	})
	require.NoError(t, err)
	require.Len(t, arrived, 60)
	assert.Greater(t, time.Since(begun), 580*time.Millisecond)
	early := 0
	for _, at := range arrived {
		if at.Before(taken[59]) {
			early++
		}
	}
	// On an idle machine all but one or two are early. With a producer that
	// waits for full batches none would be.
	assert.Greater(t, early, 10, "of 60 packets, there before the last was sent")
}

func TestSendStops(t *testing.T) {
	f := feed.Feed{Brokers: cluster(t), Topic: "t", Partitions: 1, Rate: 200}
	s := sim.Simulator{Survey: sim.ZTF}
	ctx, cancel := context.WithCancel(t.Context())
	f.Observe = func(n, _ int64) {
		if n == 10 {
			cancel()
		}
	}
	sent, err := f.Send(ctx, s.Packets(-1))
	require.ErrorIs(t, err, context.Canceled)
	assert.GreaterOrEqual(t, sent, int64(10))
	assert.Len(t, read(t, f.Brokers, "t")[0], int(sent))

	mine := errors.New("mine")
	sent, err = f.Send(t.Context(), func(yield func(sim.Packet, error) bool) {
		_ = yield(sim.Packet{Value: []byte{1}}, nil) && yield(sim.Packet{}, mine)
	})
	require.ErrorIs(t, err, mine)
	assert.EqualValues(t, 1, sent)
}

func TestUnreachable(t *testing.T) {
	f := feed.Feed{Brokers: []string{"127.0.0.1:1"}, Topic: "t"}
	_, err := f.Send(t.Context(), packets())
	require.ErrorContains(t, err, "127.0.0.1:1")
}

func packets(all ...sim.Packet) iter.Seq2[sim.Packet, error] {
	return func(yield func(sim.Packet, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}
