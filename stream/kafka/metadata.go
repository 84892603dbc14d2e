package kafka

import (
	"context"
	"maps"
	"slices"

	"github.com/IBM/sarama"
)

// view is what a cluster says of itself at one moment.
type view struct {
	cluster string
	brokers map[int32]string // addresses
	topics  map[string]topic
}

type topic struct {
	name, id string
	internal bool
	err      sarama.KError
	parts    map[int32]place
}

// place is where a partition is led.
type place struct {
	leader string // its address, "" if there is none now
	epoch  int32
}

// metadata asks any broker for some topics, or for all if there are no names.
func (c *cluster) metadata(ctx context.Context, names []string) (v *view, err error) {
	err = c.anywhere(ctx, func(p *peer) error {
		v, err = c.metadataOf(p, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = slices.Sorted(maps.Values(v.brokers))
	return v, nil
}

// metadataOf asks one broker.
func (c *cluster) metadataOf(p *peer, names []string) (*view, error) {
	r, err := p.GetMetadata(sarama.NewMetadataRequest(c.conf.Version, names))
	if err != nil {
		return nil, err
	}
	if len(r.Brokers) == 0 { // nor would it know a topic
		return nil, passing("broker %s has just started, and knows of no cluster yet", p.Addr())
	}
	v := &view{brokers: make(map[int32]string, len(r.Brokers)), topics: make(map[string]topic, len(r.Topics))}
	if r.ClusterID != nil {
		v.cluster = *r.ClusterID
	}
	for _, b := range r.Brokers {
		v.brokers[b.ID()] = b.Addr()
	}
	for _, t := range r.Topics {
		v.topics[t.Name] = v.topic(t)
	}
	return v, nil
}

func (v *view) topic(t *sarama.TopicMetadata) topic {
	out := topic{name: t.Name, id: t.Uuid.String(), internal: t.IsInternal, err: t.Err, parts: make(map[int32]place, len(t.Partitions))}
	for _, p := range t.Partitions {
		at := place{epoch: p.LeaderEpoch}
		if p.Leader >= 0 && (p.Err == sarama.ErrNoError || p.Err == sarama.ErrReplicaNotAvailable) {
			at.leader = v.brokers[p.Leader]
		}
		out.parts[p.ID] = at
	}
	return out
}

// has reports whether a partition is still there, and not another one of its
// name.
func (v *view) has(n name) bool {
	t, ok := v.topics[n.topic]
	if !ok || v.cluster != n.cluster || t.id != n.id {
		return false
	}
	_, ok = t.parts[n.partition]
	return ok
}
