package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// listedPartition is a partition as it was last listed.
type listedPartition struct {
	partitionID
	from, to, start int64
	gone            bool
	shortSince      time.Time // when it was first found to end below to
}

// mayBeStale reports whether a partition that ends lower than before may have a new
// leader that does not know its end yet.
func (x *listedPartition) mayBeStale(lossConfirmAfter time.Duration) bool {
	if x.shortSince.IsZero() {
		x.shortSince = time.Now()
	}
	return time.Since(x.shortSince) < lossConfirmAfter
}

// settledPartition is a partition in the ledger.
type settledPartition struct {
	partitionID
	at int64 // offsets below it are settled
}

// list returns the extents of all partitions, including those listed before that no
// longer exist.
func (s *Source) list(ctx context.Context, c *cluster) ([]stream.Extent, error) {
	md, err := s.listTopics(ctx, c)
	if err != nil {
		return nil, err
	}
	var queries []*offsetQuery
	for _, t := range md.topics {
		if !s.topics.match(t) || t.err == sarama.ErrUnknownTopicOrPartition {
			continue
		}
		if t.err != sarama.ErrNoError {
			return nil, c.explain(fmt.Errorf("topic %s: %w", t.name, t.err))
		}
		for p, l := range t.partitions {
			queries = append(queries, &offsetQuery{partitionID: partitionID{md.cluster, t.name, t.id, p}, leader: l})
		}
	}
	if err := s.offsets(ctx, c, queries); err != nil {
		return nil, err
	}
	for _, q := range queries {
		if err := s.record(q); err != nil {
			return nil, err
		}
	}
	s.findRecreated(md)
	s.state.partitions = s.topics.partitionCounts(md)
	return s.extents(), nil
}

// listTopics asks for the topics. If one that was listed before is missing, it waits
// and asks again by name, for a list of all topics omits those that the user may
// not see. A topic still missing then no longer exists.
func (s *Source) listTopics(ctx context.Context, c *cluster) (*clusterMetadata, error) {
	md, err := c.metadata(ctx, s.topics.names())
	if err != nil {
		return nil, err
	}
	s.state.reached = true
	missing := s.missingFrom(md)
	if len(missing) == 0 {
		return md, nil
	}
	var names []string
	for _, x := range missing {
		if md.cluster != x.cluster {
			return nil, s.wrongClusterError(x.partitionID, md)
		}
		if !slices.Contains(names, x.topic) {
			names = append(names, x.topic)
		}
	}
	if err := backoff.Sleep(ctx, s.waits().topicConfirmAfter); err != nil {
		return nil, err
	}
	again, err := c.metadata(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, x := range missing {
		t := again.topics[x.topic]
		if t.err != sarama.ErrNoError && t.err != sarama.ErrUnknownTopicOrPartition {
			return nil, c.explain(fmt.Errorf("topic %s: %w", x.topic, t.err))
		}
		x.gone = !again.has(x.partitionID)
	}
	return c.metadata(ctx, s.topics.names())
}

// wrongClusterError is the error of a partition of another cluster, which must not
// be taken for a deleted one.
func (s *Source) wrongClusterError(p partitionID, md *clusterMetadata) error {
	return stream.Permanent(fmt.Errorf("kafka: %s is a partition of cluster %q, but %v is cluster %q: name brokers of the former, or use another ledger",
		p, p.cluster, s.Brokers, md.cluster))
}

// missingFrom returns the partitions listed before that are not in md.
func (s *Source) missingFrom(md *clusterMetadata) (out []*listedPartition) {
	for _, x := range s.state.listed {
		if !x.gone && !md.has(x.partitionID) {
			out = append(out, x)
		}
	}
	return out
}

// record stores the result of a query. If the leader is unavailable, an earlier
// result stays; if there is none, the beginning of the partition is unknown, and
// record returns the error.
func (s *Source) record(q *offsetQuery) error {
	key := q.partitionID.String()
	was := s.state.listed[key]
	if q.err != nil {
		if was == nil || !isTemporary(q.err) {
			return q.err
		}
		return nil
	}
	if was != nil && q.to < was.to && was.mayBeStale(s.waits().lossConfirmAfter) {
		return temporary("partition %s ends at offset %d, but ended at %d before", q.partitionID, q.to, was.to)
	}
	s.setListed(key, &listedPartition{partitionID: q.partitionID, from: q.from, to: max(q.from, q.to), start: q.start})
	return nil
}

func (s *Source) setListed(key string, x *listedPartition) {
	if s.state.listed == nil {
		s.state.listed = map[string]*listedPartition{}
	}
	s.state.listed[key] = x
}

// findRecreated lists the partitions in the ledger whose topic has another id now.
func (s *Source) findRecreated(md *clusterMetadata) {
	for key, p := range s.state.settled {
		t, ok := md.topics[p.topic]
		if s.state.listed[key] != nil || !ok || t.err != sarama.ErrNoError || md.cluster != p.cluster || t.id == p.id || !s.topics.match(t) {
			continue
		}
		s.setListed(key, &listedPartition{partitionID: p.partitionID, from: p.at, to: ledger.UnknownEnd, gone: true})
	}
}

func (s *Source) extents() []stream.Extent {
	all := slices.SortedFunc(maps.Values(s.state.listed), func(a, b *listedPartition) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition), strings.Compare(a.id, b.id))
	})
	out := make([]stream.Extent, len(all))
	for i, x := range all {
		out[i] = stream.Extent{
			Range: stream.Range{Partition: x.partitionID.String(), From: x.from, To: x.to},
			Start: x.from,
			Gone:  x.gone,
		}
		if !x.gone {
			out[i].Start = max(x.from, min(x.start, x.to))
			out[i].Bytes = s.state.sizes.estimate(x.topic, x.to-x.from)
		}
	}
	return out
}

// markAssignedElsewhere marks the partitions assigned to other members of the group.
// The group does not assign partitions that no longer exist: the first process to
// plan them accounts for them.
func (s *Source) markAssignedElsewhere(ctx context.Context, extents []stream.Extent) error {
	m, err := s.join()
	if err != nil {
		return err
	}
	mine, err := m.assignment(ctx, s.state.partitions)
	if err != nil {
		return err
	}
	for i, e := range extents {
		if p, ok := parsePartitionID(e.Partition); ok && !e.Gone {
			extents[i].AssignedElsewhere = !mine[topicPartition{p.topic, p.partition}]
		}
	}
	return nil
}
