package kafka

import (
	"context"
	"maps"
	"slices"

	"github.com/IBM/sarama"
)

// clusterMetadata is a broker's description of the cluster.
type clusterMetadata struct {
	cluster string
	brokers map[int32]string // addresses
	topics  map[string]topic
}

type topic struct {
	name, id   string
	internal   bool
	err        sarama.KError
	partitions map[int32]leader
}

// leader is the leader of a partition.
type leader struct {
	addr  string // "" if there is none
	epoch int32
}

// metadata asks any broker for the named topics, or for all if there are no names.
func (c *cluster) metadata(ctx context.Context, names []string) (md *clusterMetadata, err error) {
	err = c.anyBroker(ctx, func(b *brokerConn) error {
		md, err = c.metadataOf(b, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = slices.Sorted(maps.Values(md.brokers))
	return md, nil
}

// metadataOf asks one broker.
func (c *cluster) metadataOf(b *brokerConn, names []string) (*clusterMetadata, error) {
	r, err := b.GetMetadata(sarama.NewMetadataRequest(c.conf.Version, names))
	if err != nil {
		return nil, err
	}
	if len(r.Brokers) == 0 { // such a broker knows of no topic either
		return nil, temporary("broker %s has just started and does not know the cluster yet", b.Addr())
	}
	md := &clusterMetadata{brokers: make(map[int32]string, len(r.Brokers)), topics: make(map[string]topic, len(r.Topics))}
	if r.ClusterID != nil {
		md.cluster = *r.ClusterID
	}
	for _, b := range r.Brokers {
		md.brokers[b.ID()] = b.Addr()
	}
	for _, t := range r.Topics {
		md.topics[t.Name] = md.topic(t)
	}
	return md, nil
}

func (md *clusterMetadata) topic(t *sarama.TopicMetadata) topic {
	out := topic{name: t.Name, id: t.Uuid.String(), internal: t.IsInternal, err: t.Err, partitions: make(map[int32]leader, len(t.Partitions))}
	for _, p := range t.Partitions {
		l := leader{epoch: p.LeaderEpoch}
		if p.Leader >= 0 && (p.Err == sarama.ErrNoError || p.Err == sarama.ErrReplicaNotAvailable) {
			l.addr = md.brokers[p.Leader]
		}
		out.partitions[p.ID] = l
	}
	return out
}

// has reports whether a partition still exists, with the same topic id.
func (md *clusterMetadata) has(p partitionID) bool {
	t, ok := md.topics[p.topic]
	if !ok || md.cluster != p.cluster || t.id != p.id {
		return false
	}
	_, ok = t.partitions[p.partition]
	return ok
}
