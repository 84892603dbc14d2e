package kafka

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	commitTime  = 5 * time.Second // how long the engine is held up at most
	commitPause = 2 * time.Second // before the next try
	commitQuiet = time.Minute     // between two errors, and before one that may pass
)

// commits is what the consumer group is to be told.
type commits struct {
	coordinator string
	pending     map[name]int64
	failing     time.Time // since when no try has succeeded, zero: the last one did
	failed      time.Time // the last try did
	told        time.Time // the engine was told so
}

// Committed commits the ends of the accounts for Group, as a consumer that is
// not in a group does. What cannot be committed now is tried again with the
// next accounts. An error is returned once a minute, and one that may pass only
// when it has lasted for as long.
func (s *Source) Committed(ctx context.Context, accounts []stream.Account) error {
	c, err := s.open()
	if err != nil {
		return err
	}
	k := &s.state.commits
	if s.Group == "" {
		return nil
	}
	if k.pending == nil {
		k.pending = map[name]int64{}
	}
	for _, a := range accounts {
		if n, ok := parseName(a.Partition); ok && !s.isGone(a.Partition) {
			k.pending[n] = max(k.pending[n], a.To)
		}
	}
	maps.DeleteFunc(k.pending, func(n name, _ int64) bool { return s.isGone(n.String()) })
	if len(k.pending) == 0 || time.Since(k.failed) < commitPause {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	if err = s.commit(ctx, c); err == nil {
		*k = commits{coordinator: k.coordinator}
		return nil
	}
	k.failed, k.coordinator = time.Now(), ""
	if k.failing.IsZero() {
		k.failing = k.failed
	}
	if time.Since(k.told) < commitQuiet || passes(err) && time.Since(k.failing) < commitQuiet {
		return nil
	}
	k.told = k.failed
	return fmt.Errorf("kafka: commit offsets of group %q: %w", s.Group, err)
}

func (s *Source) isGone(partition string) bool {
	x := s.state.seen[partition]
	return x != nil && x.gone
}

// commit sends what is pending, twice if the group's coordinator has moved.
func (s *Source) commit(ctx context.Context, c *cluster) (err error) {
	for range 2 {
		if err = s.coordinate(ctx, c); err != nil {
			return err
		}
		err = c.do(ctx, s.state.commits.coordinator, func(p *peer) error { return s.send(p) })
		if err == nil || !passes(err) {
			return err
		}
		s.state.commits.coordinator = ""
	}
	return err
}

// coordinate finds the broker that keeps the group's offsets.
func (s *Source) coordinate(ctx context.Context, c *cluster) error {
	k := &s.state.commits
	if k.coordinator != "" {
		return nil
	}
	return c.anywhere(ctx, func(p *peer) error {
		r, err := p.FindCoordinator(&sarama.FindCoordinatorRequest{Version: 1, CoordinatorKey: s.Group, CoordinatorType: sarama.CoordinatorGroup})
		if err != nil {
			return err
		}
		if r.Err != sarama.ErrNoError {
			return r.Err
		}
		k.coordinator = r.Coordinator.Addr()
		return nil
	})
}

func (s *Source) send(p *peer) error {
	req := &sarama.OffsetCommitRequest{
		Version:                 7,
		ConsumerGroup:           s.Group,
		ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	for n, at := range s.state.commits.pending {
		req.AddBlockWithLeaderEpoch(n.topic, n.partition, at, -1, 0, "")
	}
	r, err := p.CommitOffset(req)
	if err != nil {
		return err
	}
	for topic, parts := range r.Errors {
		for partition, code := range parts {
			if code != sarama.ErrNoError {
				return fmt.Errorf("%s/%d: %w", topic, partition, code)
			}
		}
	}
	return nil
}
