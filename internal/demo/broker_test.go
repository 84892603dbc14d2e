package demo

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func producer(t *testing.T, b *broker) (sarama.SyncProducer, sarama.Client) {
	t.Helper()
	c := sarama.NewConfig()
	c.Producer.Return.Successes = true
	c.Producer.MaxMessageBytes = maxMessage
	client, err := sarama.NewClient(b.addrs(), c)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	p, err := sarama.NewSyncProducerFromClient(client)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p, client
}

func TestBroker(t *testing.T) {
	b, err := startBroker(3, 0, "a", "b")
	require.NoError(t, err)
	defer b.close()
	require.Len(t, b.addrs(), 1)
	assert.Contains(t, b.addrs()[0], "127.0.0.1:")
	p, client := producer(t, b)
	for _, topic := range []string{"a", "b"} {
		parts, err := client.Partitions(topic)
		require.NoError(t, err)
		assert.Len(t, parts, 3)
	}
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: "a", Value: sarama.ByteEncoder(make([]byte, 10<<20))})
	assert.NoError(t, err, "10 MiB")
}

// TestBrokerForgets checks that an endless stream does not fill the memory.
func TestBrokerForgets(t *testing.T) {
	const keep = 4 << 20
	b, err := startBroker(1, keep, "a")
	require.NoError(t, err)
	defer b.close()
	p, client := producer(t, b)
	for range 20 {
		_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "a", Value: sarama.ByteEncoder(make([]byte, 1<<20))})
		require.NoError(t, err)
	}
	assert.Eventually(t, func() bool {
		from, err := client.GetOffset("a", 0, sarama.OffsetOldest)
		return err == nil && from >= 16 && from < 20
	}, 10*time.Second, 20*time.Millisecond)
}
