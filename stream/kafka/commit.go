package kafka

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/IBM/sarama"
)

const (
	commitTime  = 5 * time.Second // how long the engine is held up at most
	commitPause = 2 * time.Second // before the next try
	commitQuiet = time.Minute     // between two errors, and before one that may pass
)

// commits is what the consumer group has been told, and is to be told.
type commits struct {
	coordinator string
	done        map[name]int64 // committed by this process, of partitions that are its own
	pending     map[name]int64
	failing     time.Time // since when no try has succeeded, zero: the last one did
	failed      time.Time // the last try did
	told        time.Time // the engine was told so
}

var errNoMember = passing("this process is not in the group now")

// Committed commits, for Group, the lowest offset that is not settled of each
// partition: when new data goes before old data, tools show all that is behind
// the gap as lag, rather than call the gap done. A source that has joined the
// group commits what it is assigned, as a member; else it commits all that it
// lists, as a consumer that is in no group does. What cannot be committed now
// is tried again with the next call. An error is returned once a minute, and
// one that may pass only when it has lasted for as long.
func (s *Source) Committed(ctx context.Context, settled map[string]int64) error {
	c, err := s.open()
	if err != nil {
		return err
	}
	k := &s.state.commits
	if s.Group == "" {
		return nil
	}
	s.membership().use()
	s.compare(settled)
	if len(k.pending) == 0 || time.Since(k.failed) < commitPause {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	if err = s.commit(ctx, c); err == nil {
		maps.Copy(k.done, k.pending)
		*k = commits{coordinator: k.coordinator, done: k.done}
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

// compare finds what is to be committed.
func (s *Source) compare(settled map[string]int64) {
	k := &s.state.commits
	done := k.done
	k.done, k.pending = map[name]int64{}, map[name]int64{}
	m := s.membership()
	for key, x := range s.state.seen {
		if x.gone || s.Join && (m == nil || !m.has(x.name)) {
			continue // another process knows better
		}
		was, told := done[x.name]
		if told {
			k.done[x.name] = was
		}
		if at, ok := settled[key]; ok && (!told || was != at) {
			k.pending[x.name] = at
		}
	}
}

// commit sends what is pending, twice if the group's coordinator has moved.
func (s *Source) commit(ctx context.Context, c *cluster) (err error) {
	k := &s.state.commits
	for range 2 {
		if k.coordinator == "" {
			if k.coordinator, err = c.coordinator(ctx, s.Group); err != nil {
				return err
			}
		}
		err = c.do(ctx, k.coordinator, func(p *peer) error { return s.send(p) })
		if err == nil || !passes(err) {
			return err
		}
		k.coordinator = ""
	}
	return err
}

func (s *Source) send(p *peer) error {
	req := &sarama.OffsetCommitRequest{
		Version:                 7,
		ConsumerGroup:           s.Group,
		ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	if m := s.membership(); m != nil {
		req.ConsumerID, req.ConsumerGroupGeneration = m.identity()
		req.GroupInstanceId = m.instance
		if req.ConsumerGroupGeneration == sarama.GroupGenerationUndefined {
			return errNoMember
		}
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
			switch code {
			case sarama.ErrNoError:
			case sarama.ErrRebalanceInProgress, sarama.ErrIllegalGeneration, sarama.ErrUnknownMemberId:
				return errNoMember
			default:
				return fmt.Errorf("%s/%d: %w", topic, partition, code)
			}
		}
	}
	return nil
}
