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
	maxMessage = 20 << 20 // including the batch
	// segmentBytes is the size of a partition's segments. The broker doubles
	// their memory as they grow, so small ones waste less.
	segmentBytes = 64 << 10
	trimInterval = time.Second
)

// broker is a Kafka cluster of one broker within this process.
type broker struct {
	cluster *kfake.Cluster
	stop    chan struct{}
	trimmer sync.WaitGroup
}

// startBroker starts a broker with topics on a free port of 127.0.0.1. It keeps
// the last keep bytes of messages of each partition, all if keep is zero.
func startBroker(partitions int32, keep int64, topics ...string) (*broker, error) {
	settings := map[string]string{
		"message.max.bytes": strconv.Itoa(maxMessage),
		"log.segment.bytes": strconv.Itoa(segmentBytes),
		"log.retention.ms":  "-1",
	}
	if keep > 0 {
		settings["log.retention.bytes"] = strconv.FormatInt(keep, 10)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		// Each run has its own id: with the same one an archive would take the
		// topics of the next run for these, deleted and created again.
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

// trim deletes old messages until the broker is closed. The broker itself does
// so only for topics with their own settings.
func (b *broker) trim() {
	tick := time.NewTicker(trimInterval)
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
