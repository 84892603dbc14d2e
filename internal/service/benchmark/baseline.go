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
)

// fetchTopic reads a topic in the simplest way: each partition has a connection,
// on which one fetch follows the other. sarama decodes the messages, and they are
// dropped.
func fetchTopic(ctx context.Context, t task) (measurement, error) {
	conf, brokers, err := t.Kafka.Cluster()
	if err != nil {
		return measurement{}, err
	}
	client, err := sarama.NewClient(brokers, conf)
	if err != nil {
		return measurement{}, err
	}
	defer client.Close()
	partitions, err := client.Partitions(t.Topic)
	if err != nil {
		return measurement{}, err
	}
	all, errs := make([]measurement, len(partitions)), make([]error, len(partitions))
	var wg sync.WaitGroup
	for i, p := range partitions {
		wg.Go(func() { all[i], errs[i] = fetchPartition(ctx, client, t.Topic, p) })
	}
	wg.Wait()
	var total measurement
	for _, m := range all {
		total.Alerts += m.Alerts
		total.Bytes += m.Bytes
	}
	return total, errors.Join(errs...)
}

const fetchBytes = 8 << 20

func fetchPartition(ctx context.Context, client sarama.Client, topic string, p int32) (m measurement, err error) {
	at, err := client.GetOffset(topic, p, sarama.OffsetOldest)
	if err != nil {
		return m, err
	}
	end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
	if err != nil {
		return m, err
	}
	leader, err := client.Leader(topic, p)
	if err != nil {
		return m, err
	}
	b := sarama.NewBroker(leader.Addr())
	if err := b.Open(client.Config()); err != nil {
		return m, err
	}
	defer b.Close()
	for at < end {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		r := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxBytes: fetchBytes, MaxWaitTime: 500}
		r.AddBlock(topic, p, at, fetchBytes, -1)
		response, err := b.Fetch(r)
		if err != nil {
			return m, err
		}
		block := response.GetBlock(topic, p)
		if block == nil || block.Err != sarama.ErrNoError {
			return m, fmt.Errorf("fetch of %s/%d@%d: %v", topic, p, at, block)
		}
		at = m.count(block, at)
	}
	return m, nil
}

// count counts the messages of a fetch from an offset on, and returns the offset
// after the last one.
func (m *measurement) count(block *sarama.FetchResponseBlock, at int64) int64 {
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			continue
		}
		b := set.RecordBatch
		for _, r := range b.Records {
			if b.FirstOffset+r.OffsetDelta >= at && !b.Control {
				m.Alerts++
				m.Bytes += int64(len(r.Key) + len(r.Value))
			}
		}
		at = max(at, b.FirstOffset+int64(b.LastOffsetDelta)+1)
	}
	return at
}

// writeFiles writes files of given sizes, each with fsync. They hold noise,
// which no file system can compress.
func writeFiles(t task) (m measurement, err error) {
	block := make([]byte, 1<<20)
	noise := rand.NewChaCha8([32]byte{})
	noise.Read(block)
	for i, size := range t.Files {
		if err := writeFile(filepath.Join(t.Dir, fmt.Sprint(i)), block, size); err != nil {
			return m, err
		}
		m.Bytes += size
		m.Files = append(m.Files, size)
	}
	return m, nil
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
