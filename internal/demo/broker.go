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
	// segmentBytes is the size of a partition's segments. Their memory doubles
	// as they grow, so small ones waste less.
	segmentBytes = 64 << 10
	// trimInterval is how often old messages are deleted.
	trimInterval = time.Second
)

// broker is a Kafka cluster of one broker in this process.
type broker struct {
	cluster *kfake.Cluster
	stop    chan struct{}
	trimmer sync.WaitGroup
}

// startBroker starts a broker with topics on a free port of 127.0.0.1. It keeps the
// last keep bytes of each partition, or all if keep is 0.
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
		// With a constant id, an archive would take the topics of the next run
		// for those of this run, created again.
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

// trim deletes old messages until the broker is closed. By itself, the broker does so
// only for topics with settings of their own.
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
