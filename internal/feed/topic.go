package feed

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

const (
	maxMessage        = 20 << 20  // bytes, for topics that Send creates
	defaultMaxMessage = 1_000_000 // a little less than the default of brokers
)

// open creates the topic if it does not exist, and returns the settings of a
// producer.
func (f *Feed) open(ctx context.Context) (*sarama.Config, error) {
	source := &kafka.Source{Brokers: f.Brokers, Topics: []string{f.Topic}, Config: f.Config}
	defer source.Close()
	err := source.Check(ctx) // its errors say what to do
	var noTopic *kafka.NoTopicError
	if err != nil && !errors.As(err, &noTopic) {
		return nil, err
	}
	config := f.producerConfig()
	admin, err := sarama.NewClusterAdmin(f.Brokers, config)
	if err != nil {
		return nil, f.wrap(err)
	}
	defer admin.Close()
	if noTopic != nil {
		if err := f.create(admin); err != nil {
			return nil, err
		}
	}
	config.Producer.MaxMessageBytes = f.limit(admin)
	return config, nil
}

func (f *Feed) create(admin sarama.ClusterAdmin) error {
	limit := strconv.Itoa(maxMessage)
	detail := &sarama.TopicDetail{
		NumPartitions: f.Partitions, ReplicationFactor: -1,
		ConfigEntries: map[string]*string{"max.message.bytes": &limit},
	}
	if detail.NumPartitions <= 0 {
		detail.NumPartitions = -1
	}
	if err := admin.CreateTopic(f.Topic, detail, false); err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return f.wrap(err)
	}
	return nil
}

// limit returns the size of the topic's largest batch, which bounds messages
// too.
func (f *Feed) limit(admin sarama.ClusterAdmin) int {
	const key = "max.message.bytes"
	topic := &sarama.ConfigResource{Type: sarama.TopicResource, Name: f.Topic, ConfigNames: []string{key}}
	replies, err := admin.DescribeConfigs([]*sarama.ConfigResource{topic}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return defaultMaxMessage // a client may be allowed to write but not to ask
	}
	for _, a := range replies {
		for _, e := range a.Configs {
			if n, err := strconv.Atoi(e.Value); err == nil && e.Name == key {
				return min(n, maxMessage)
			}
		}
	}
	return defaultMaxMessage
}

// producerConfig returns Config, or its default, with the settings of a
// producer.
func (f *Feed) producerConfig() *sarama.Config {
	c := kafka.NewConfig()
	if f.Config != nil {
		own := *f.Config
		c = &own
	}
	c.ChannelBufferSize = 16 // messages; there are several such queues
	c.Net.MaxOpenRequests = 1
	c.Metadata.Full = true    // the admin client needs it
	c.Metadata.Retry.Max = 10 // leaders move, and a new topic has no leader yet
	c.Metadata.Retry.Backoff = 250 * time.Millisecond
	c.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Producer.Retry.Max = 240
	c.Producer.Retry.Backoff = 250 * time.Millisecond
	c.Producer.Compression = f.Compression
	c.Producer.Flush.MaxMessages = 64
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	return c
}
