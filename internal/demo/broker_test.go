package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
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

// TestBrokerForgets sees that an endless stream does not fill the memory.
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

func TestRegistryIsServed(t *testing.T) {
	texts := alert.RegistryFunc(func(_ context.Context, id uint32) ([]byte, error) {
		switch id {
		case 900:
			return []byte(`{"type":"string"}`), nil
		case 5:
			return nil, fmt.Errorf("ill")
		}
		return nil, fmt.Errorf("%w %d", alert.ErrUnknownSchema, id)
	})
	url, stop, err := serveRegistry(texts)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	r := alert.HTTPRegistry{URL: url}
	text, err := r.Schema(t.Context(), 900)
	require.NoError(t, err)
	assert.Equal(t, `{"type":"string"}`, string(text))
	_, err = r.Schema(t.Context(), 7)
	assert.ErrorIs(t, err, alert.ErrUnknownSchema)
	_, err = r.Schema(t.Context(), 5)
	assert.ErrorContains(t, err, "500")
	assert.NotErrorIs(t, err, alert.ErrUnknownSchema)

	resp, err := http.Get(url + "/subjects")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "[]\n", string(body))
}
