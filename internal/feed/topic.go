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
	maxMessage     = 20 << 20  // of topics created here
	defaultMessage = 1_000_000 // slightly below the brokers' default
)

// open creates the topic if it does not exist, and returns the settings of a producer.
func (f *Feed) open(ctx context.Context) (*sarama.Config, error) {
	source := &kafka.Source{Brokers: f.Brokers, Topics: []string{f.Topic}, Config: f.Config}
	defer source.Close()
	err := source.Check(ctx) // its errors say what is wrong
	var missing *kafka.NoTopicError
	if err != nil && !errors.As(err, &missing) {
		return nil, err
	}
	config := f.producerConfig()
	admin, err := sarama.NewClusterAdmin(f.Brokers, config)
	if err != nil {
		return nil, f.wrap(err)
	}
	defer admin.Close()
	if missing != nil {
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

// limit returns the size of the largest batch, and so of the largest message, that
// the topic accepts.
func (f *Feed) limit(admin sarama.ClusterAdmin) int {
	const key = "max.message.bytes"
	topic := &sarama.ConfigResource{Type: sarama.TopicResource, Name: f.Topic, ConfigNames: []string{key}}
	answers, err := admin.DescribeConfigs([]*sarama.ConfigResource{topic}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return defaultMessage // the user may write to the topic, but not read its settings
	}
	for _, a := range answers {
		for _, e := range a.Configs {
			if n, err := strconv.Atoi(e.Value); err == nil && e.Name == key {
				return min(n, maxMessage)
			}
		}
	}
	return defaultMessage
}

// producerConfig returns the settings of a producer.
func (f *Feed) producerConfig() *sarama.Config {
	c := kafka.NewConfig()
	if f.Config != nil {
		own := *f.Config
		c = &own
	}
	c.ChannelBufferSize = 16 // messages, in each of several queues
	c.Net.MaxOpenRequests = 1
	c.Metadata.Full = true    // the admin client needs it
	c.Metadata.Retry.Max = 10 // a new topic has no leaders yet
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
