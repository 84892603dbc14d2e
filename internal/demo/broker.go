package demo

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	maxMessage = 20 << 20 // with its batch
	// segment is the size of the pieces that the broker keeps a partition in.
	// It holds them in memory that doubles as they grow: small ones waste less.
	segment = 64 << 10
	// trimEvery is how often old messages are thrown away, if any are.
	trimEvery = time.Second
)

// broker is a Kafka cluster of one broker within this process.
type broker struct {
	cluster *kfake.Cluster
	stop    chan struct{}
	trimmer sync.WaitGroup
}

// startBroker starts a broker with topics on a port of 127.0.0.1 that is free.
// keep is how many bytes of messages it keeps of each partition; 0 is all.
func startBroker(partitions int32, keep int64, topics ...string) (*broker, error) {
	settings := map[string]string{
		"message.max.bytes": strconv.Itoa(maxMessage),
		"log.segment.bytes": strconv.Itoa(segment),
		"log.retention.ms":  "-1",
	}
	if keep > 0 {
		settings["log.retention.bytes"] = strconv.FormatInt(keep, 10)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		// One name for all would make an archive take the topics of the next
		// run for those of this one, made anew.
		kfake.ClusterID("demo-"+rand.Text()[:16]),
		kfake.SeedTopics(partitions, topics...),
		kfake.BrokerConfigs(settings),
	)
	if err != nil {
		return nil, fmt.Errorf("demo: start a broker: %w", err)
	}
	b := &broker{cluster: cluster, stop: make(chan struct{})}
	if keep > 0 {
		b.trimmer.Go(b.trim)
	}
	return b, nil
}

// trim throws old messages away until the broker is closed. The broker does
// it by itself only for topics that have settings of their own.
func (b *broker) trim() {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.cluster.ApplyRetention()
		case <-b.stop:
			return
		}
	}
}

func (b *broker) addrs() []string { return b.cluster.ListenAddrs() }

func (b *broker) close() {
	close(b.stop)
	b.trimmer.Wait()
	b.cluster.Close()
}
