package benchmark

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream/kafka"
)

// connect returns the settings and the brokers of a task.
func connect(t task) (*sarama.Config, []string, error) {
	if t.Config == "" {
		return kafka.NewConfig(), t.Brokers, nil
	}
	conf, brokers, err := kafka.ReadConfig(t.Config)
	if len(t.Brokers) > 0 {
		brokers = t.Brokers
	}
	return conf, brokers, err
}

// fetchTopic reads a topic as plainly as it goes: for each partition a
// connection, on which one fetch follows the other. sarama decodes what comes,
// and it is dropped.
func fetchTopic(ctx context.Context, t task) (done, error) {
	conf, brokers, err := connect(t)
	if err != nil {
		return done{}, err
	}
	client, err := sarama.NewClient(brokers, conf)
	if err != nil {
		return done{}, err
	}
	defer client.Close()
	partitions, err := client.Partitions(t.Topic)
	if err != nil {
		return done{}, err
	}
	all, errs := make([]done, len(partitions)), make([]error, len(partitions))
	var wg sync.WaitGroup
	for i, p := range partitions {
		wg.Go(func() { all[i], errs[i] = fetchPartition(ctx, client, t.Topic, p) })
	}
	wg.Wait()
	var d done
	for _, part := range all {
		d.Alerts += part.Alerts
		d.Bytes += part.Bytes
	}
	return d, errors.Join(errs...)
}

const fetchBytes = 8 << 20

func fetchPartition(ctx context.Context, client sarama.Client, topic string, p int32) (d done, err error) {
	at, err := client.GetOffset(topic, p, sarama.OffsetOldest)
	if err != nil {
		return d, err
	}
	end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
	if err != nil {
		return d, err
	}
	leader, err := client.Leader(topic, p)
	if err != nil {
		return d, err
	}
	b := sarama.NewBroker(leader.Addr())
	if err := b.Open(client.Config()); err != nil {
		return d, err
	}
	defer b.Close()
	for at < end {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		r := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxBytes: fetchBytes, MaxWaitTime: 500}
		r.AddBlock(topic, p, at, fetchBytes, -1)
		answer, err := b.Fetch(r)
		if err != nil {
			return d, err
		}
		block := answer.GetBlock(topic, p)
		if block == nil || block.Err != sarama.ErrNoError {
			return d, fmt.Errorf("fetch of %s/%d@%d: %v", topic, p, at, block)
		}
		at = d.take(block, at)
	}
	return d, nil
}

// take counts the messages of a fetch from an offset on, and returns where the
// next begins.
func (d *done) take(block *sarama.FetchResponseBlock, at int64) int64 {
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			continue
		}
		b := set.RecordBatch
		for _, r := range b.Records {
			if b.FirstOffset+r.OffsetDelta >= at && !b.Control {
				d.Alerts++
				d.Bytes += int64(len(r.Key) + len(r.Value))
			}
		}
		at = max(at, b.FirstOffset+int64(b.LastOffsetDelta)+1)
	}
	return at
}

// writeFiles writes files of given sizes, each with fsync. What stands in them
// is noise, which no file system compresses.
func writeFiles(t task) (d done, err error) {
	block := make([]byte, 1<<20)
	noise := rand.NewChaCha8([32]byte{})
	noise.Read(block)
	for i, size := range t.Files {
		if err := writeFile(filepath.Join(t.Dir, fmt.Sprint(i)), block, size); err != nil {
			return d, err
		}
		d.Bytes += size
		d.Files = append(d.Files, size)
	}
	return d, nil
}

func writeFile(name string, block []byte, size int64) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for size > 0 {
		n, err := f.Write(block[:min(size, int64(len(block)))])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return f.Sync()
}
