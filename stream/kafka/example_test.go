package kafka_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// A job that prints all messages of a night's topics.
func Example() {
	brokers, stop := cluster(1)
	defer stop()

	src := &kafka.Source{Brokers: brokers, Topics: []string{`ztf_20260701_programid\d`}}
	defer src.Close()
	ctx := context.Background()
	if err := src.Check(ctx); err != nil {
		log.Fatal(err)
	}
	job := &stream.MicroBatch{
		Source: src,
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			offsets := rows.Record.Column(stream.ColOffset).(*array.Int64)
			values := rows.Record.Column(stream.ColValue).(*array.BinaryView)
			for i := range values.Len() {
				fmt.Printf("%d: %s\n", offsets.Value(i), values.Value(i))
			}
			return nil
		}),
	}
	if err := job.Drain(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0: the first alert
	// 1: the second alert
}

// Check reports a misspelt topic before a job starts.
func ExampleNoTopicError() {
	brokers, stop := cluster(1)
	defer stop()
	src := &kafka.Source{Brokers: brokers, Topics: []string{"ztf_20260701_programid9"}}
	defer src.Close()
	err := src.Check(context.Background())
	if none, ok := err.(*kafka.NoTopicError); ok {
		fmt.Println("there is no", none.Topic)
	}
	// Output: there is no ztf_20260701_programid9
}

// Two processes with one group share the partitions of a topic.
func ExampleSource_join() {
	brokers, stop := cluster(6)
	defer stop()
	start := func() *kafka.Source {
		return &kafka.Source{Brokers: brokers, Topics: []string{"ztf_.*"}, Group: "archive", Join: true, Log: slog.New(slog.DiscardHandler)}
	}
	mine := func(src *kafka.Source) (n int) {
		partitions, err := src.Available(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range partitions {
			if !p.AssignedElsewhere {
				n++
			}
		}
		return n
	}
	a := start()
	defer a.Close()
	fmt.Println("one process has", mine(a))
	b := start()
	defer b.Close()
	for mine(b) != 3 || mine(a) != 3 {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("two have", mine(a), "and", mine(b))
	// Output:
	// one process has 6
	// two have 3 and 3
}

func ExampleParseStart() {
	for _, s := range []string{"latest", "2026-07-01T03:00:00Z", "tonight"} {
		start, err := kafka.ParseStart(s)
		fmt.Println(start, err)
	}
	// Output:
	// latest <nil>
	// 2026-07-01T03:00:00Z <nil>
	// earliest kafka: start "tonight": it must be earliest, latest, or a time such as 2026-07-01T03:00:00Z
}

// cluster starts a broker in this process and sends it two alerts.
func cluster(partitions int32) (brokers []string, stop func()) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "ztf_20260701_programid1"))
	if err != nil {
		log.Fatal(err)
	}
	conf := kafka.NewConfig()
	conf.Producer.Return.Successes = true
	p, err := sarama.NewSyncProducer(c.ListenAddrs(), conf)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, text := range []string{"the first alert", "the second alert"} {
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "ztf_20260701_programid1", Value: sarama.StringEncoder(text)}); err != nil {
			log.Fatal(err)
		}
	}
	return c.ListenAddrs(), c.Close
}
