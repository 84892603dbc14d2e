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

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// confirm is how long a topic must be unknown before it counts as deleted:
// brokers that have just started may not know their topics yet.
const confirm = time.Second

// seen is what was last listed of a partition.
type seen struct {
	name
	from, to, start int64
	gone            bool
	cut             time.Time // when it was first found to end before to
}

// short reports whether a partition that ends before what was seen of it may
// have a leader that does not know better yet.
func (x *seen) short() bool {
	if x.cut.IsZero() {
		x.cut = time.Now()
	}
	return time.Since(x.cut) < sure
}

// resumed is a partition that the ledger knows.
type resumed struct {
	name
	at int64 // offsets below it are settled
}

// list makes the extents of all partitions there are, and of those that are no
// more.
func (s *Source) list(ctx context.Context, c *cluster) ([]stream.Extent, error) {
	v, err := s.look(ctx, c)
	if err != nil {
		return nil, err
	}
	var asked []*query
	for _, t := range v.topics {
		if !s.topics.match(t) || t.err == sarama.ErrUnknownTopicOrPartition {
			continue
		}
		if t.err != sarama.ErrNoError {
			return nil, c.explain(fmt.Errorf("topic %s: %w", t.name, t.err))
		}
		for p, at := range t.parts {
			asked = append(asked, &query{name: name{v.cluster, t.name, t.id, p}, place: at})
		}
	}
	if err := s.offsets(ctx, c, asked); err != nil {
		return nil, err
	}
	for _, a := range asked {
		if err := s.found(a); err != nil {
			return nil, err
		}
	}
	s.madeAnew(v)
	s.state.layout = s.topics.layout(v)
	return s.extents(), nil
}

// look asks for the topics. If one that was there is missing it waits and asks
// once more, by name: a list of all topics leaves out those that one may not
// see. What is missing then is gone.
func (s *Source) look(ctx context.Context, c *cluster) (*view, error) {
	v, err := c.metadata(ctx, s.topics.names())
	if err != nil {
		return nil, err
	}
	s.state.reached = true
	missing := s.vanished(v)
	if len(missing) == 0 {
		return v, nil
	}
	var names []string
	for _, x := range missing {
		if v.cluster != x.cluster {
			return nil, s.foreign(x.name, v)
		}
		if !slices.Contains(names, x.topic) {
			names = append(names, x.topic)
		}
	}
	select {
	case <-time.After(confirm):
	case <-ctx.Done():
		return nil, ctx.Err()
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
		x.gone = !again.has(x.name)
	}
	return c.metadata(ctx, s.topics.names())
}

// foreign is the error of a partition of another cluster than the brokers': it
// must not pass for one that was deleted.
func (s *Source) foreign(n name, v *view) error {
	return stream.Permanent(fmt.Errorf("kafka: %s is a partition of cluster %q, but %v is cluster %q: name the brokers of the former, or begin another ledger",
		n, n.cluster, s.Brokers, v.cluster))
}

// vanished are the partitions seen before that a view does not have.
func (s *Source) vanished(v *view) (out []*seen) {
	for _, x := range s.state.seen {
		if !x.gone && !v.has(x.name) {
			out = append(out, x)
		}
	}
	return out
}

// found takes down what was learnt of a partition. If its leader is away, what
// was seen before stays; if nothing was, there is no telling where it begins.
func (s *Source) found(a *query) error {
	key := a.name.String()
	if a.err != nil {
		if s.state.seen[key] == nil || !passes(a.err) {
			return a.err
		}
		return nil
	}
	if s.state.seen == nil {
		s.state.seen = map[string]*seen{}
	}
	if was := s.state.seen[key]; was != nil && a.to < was.to && was.short() {
		return passing("partition %s ends at offset %d, where it ended at %d before", a.name, a.to, was.to)
	}
	s.state.seen[key] = &seen{name: a.name, from: a.from, to: max(a.from, a.to), start: a.start}
	return nil
}

// madeAnew finds the partitions of the ledger whose topic has another id now.
func (s *Source) madeAnew(v *view) {
	for key, r := range s.state.resumed {
		t, ok := v.topics[r.topic]
		if s.state.seen[key] != nil || !ok || t.err != sarama.ErrNoError || v.cluster != r.cluster || t.id == r.id || !s.topics.match(t) {
			continue
		}
		if s.state.seen == nil {
			s.state.seen = map[string]*seen{}
		}
		s.state.seen[key] = &seen{name: r.name, from: r.at, to: ledger.UnknownEnd, gone: true}
	}
}

func (s *Source) extents() []stream.Extent {
	all := slices.SortedFunc(maps.Values(s.state.seen), func(a, b *seen) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition), strings.Compare(a.id, b.id))
	})
	out := make([]stream.Extent, len(all))
	for i, x := range all {
		out[i] = stream.Extent{
			Range: stream.Range{Partition: x.name.String(), From: x.from, To: x.to},
			Start: x.from,
			Gone:  x.gone,
		}
		if !x.gone {
			out[i].Start = max(x.from, min(x.start, x.to))
			out[i].Bytes = s.state.sizes.of(x.topic, x.to-x.from)
		}
	}
	return out
}

// share marks what other processes of the group are to work on. What is gone
// no group assigns: whoever comes first answers for it.
func (s *Source) share(ctx context.Context, extents []stream.Extent) error {
	m, err := s.joined()
	if err != nil {
		return err
	}
	mine, err := m.assignment(ctx, s.state.layout)
	if err != nil {
		return err
	}
	for i, e := range extents {
		if n, ok := parseName(e.Partition); ok && !e.Gone {
			extents[i].AssignedElsewhere = !mine[slot{n.topic, n.partition}]
		}
	}
	return nil
}
