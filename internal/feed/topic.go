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
	maxMessage = 20 << 20  // of topics made here
	usual      = 1_000_000 // what brokers take by default, or nearly
)

// open sees that the topic is there, and returns the settings of a producer.
func (f *Feed) open(ctx context.Context) (*sarama.Config, error) {
	source := &kafka.Source{Brokers: f.Brokers, Topics: []string{f.Topic}, Config: f.Config}
	defer source.Close()
	err := source.Check(ctx) // which knows how to say what is wrong
	var none *kafka.NoTopicError
	if err != nil && !errors.As(err, &none) {
		return nil, err
	}
	config := f.producing()
	admin, err := sarama.NewClusterAdmin(f.Brokers, config)
	if err != nil {
		return nil, f.wrap(err)
	}
	defer admin.Close()
	if none != nil {
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

// limit is the size of the largest batch that the topic takes, and so of the
// largest message.
func (f *Feed) limit(admin sarama.ClusterAdmin) int {
	const key = "max.message.bytes"
	topic := &sarama.ConfigResource{Type: sarama.TopicResource, Name: f.Topic, ConfigNames: []string{key}}
	answers, err := admin.DescribeConfigs([]*sarama.ConfigResource{topic}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return usual // one may write to a topic and not ask
	}
	for _, a := range answers {
		for _, e := range a.Configs {
			if n, err := strconv.Atoi(e.Value); err == nil && e.Name == key {
				return min(n, maxMessage)
			}
		}
	}
	return usual
}

// producing returns settings for sending, made of those for reaching.
func (f *Feed) producing() *sarama.Config {
	c := kafka.NewConfig()
	if f.Config != nil {
		own := *f.Config
		c = &own
	}
	c.ChannelBufferSize = 16 // messages, of which there are several queues
	c.Net.MaxOpenRequests = 1
	c.Metadata.Full = true    // the admin client needs it
	c.Metadata.Retry.Max = 10 // leaders move, and a new topic has none yet
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
