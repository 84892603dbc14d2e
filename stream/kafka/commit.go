package kafka

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/IBM/sarama"
)

const (
	commitTimeout        = 5 * time.Second
	commitRetryAfter     = 2 * time.Second
	commitReportInterval = time.Minute
)

// commitState is what was and is to be committed to the consumer group.
type commitState struct {
	coordinator  string
	committed    map[partitionID]int64 // by this process, of partitions assigned to it
	pending      map[partitionID]int64
	failingSince time.Time // zero if the last attempt succeeded
	lastFailure  time.Time
	lastReport   time.Time // to the engine
}

var errNotMember = temporary("this process is not in the group now")

// Committed commits, for Group, the lowest offset of each partition that is not
// settled: while newer offsets are settled before older ones, tools show
// everything after the gap as lag. A member of the group commits the partitions
// assigned to it; otherwise Committed commits all partitions, as a consumer
// outside of any group. Offsets that cannot be committed are retried on the
// next call. Committed returns an error at most once a minute, and a temporary
// one only if it has lasted for a minute.
func (s *Source) Committed(ctx context.Context, settled map[string]int64) error {
	c, err := s.open()
	if err != nil {
		return err
	}
	if s.Group == "" {
		return nil
	}
	k := &s.state.commits
	s.currentMember().recordUse()
	s.findPending(settled)
	if len(k.pending) == 0 || time.Since(k.lastFailure) < commitRetryAfter {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err = s.commit(ctx, c); err == nil {
		maps.Copy(k.committed, k.pending)
		*k = commitState{coordinator: k.coordinator, committed: k.committed}
		return nil
	}
	k.lastFailure, k.coordinator = time.Now(), ""
	if k.failingSince.IsZero() {
		k.failingSince = k.lastFailure
	}
	if time.Since(k.lastReport) < commitReportInterval || isTemporary(err) && time.Since(k.failingSince) < commitReportInterval {
		return nil
	}
	k.lastReport = k.lastFailure
	return fmt.Errorf("kafka: commit offsets of group %q: %w", s.Group, err)
}

// findPending sets the offsets to commit: those that differ from the committed ones.
func (s *Source) findPending(settled map[string]int64) {
	k := &s.state.commits
	before := k.committed
	k.committed, k.pending = map[partitionID]int64{}, map[partitionID]int64{}
	m := s.currentMember()
	for key, x := range s.state.listed {
		if x.gone || s.Join && (m == nil || !m.isAssigned(x.partitionID)) {
			continue // another process knows newer offsets
		}
		was, ok := before[x.partitionID]
		if ok {
			k.committed[x.partitionID] = was
		}
		if at, known := settled[key]; known && (!ok || was != at) {
			k.pending[x.partitionID] = at
		}
	}
}

// commit commits what is pending, with a second attempt if the coordinator has moved.
func (s *Source) commit(ctx context.Context, c *cluster) (err error) {
	k := &s.state.commits
	for range 2 {
		if k.coordinator == "" {
			if k.coordinator, err = c.coordinator(ctx, s.Group); err != nil {
				return err
			}
		}
		err = c.do(ctx, k.coordinator, s.sendCommit)
		if err == nil || !isTemporary(err) {
			return err
		}
		k.coordinator = ""
	}
	return err
}

func (s *Source) sendCommit(b *brokerConn) error {
	req := &sarama.OffsetCommitRequest{
		Version:                 7,
		ConsumerGroup:           s.Group,
		ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	if m := s.currentMember(); m != nil {
		req.ConsumerID, req.ConsumerGroupGeneration = m.identity()
		req.GroupInstanceId = m.instance
		if req.ConsumerGroupGeneration == sarama.GroupGenerationUndefined {
			return errNotMember
		}
	}
	for p, at := range s.state.commits.pending {
		req.AddBlockWithLeaderEpoch(p.topic, p.partition, at, -1, 0, "")
	}
	r, err := b.CommitOffset(req)
	if err != nil {
		return err
	}
	for topic, partitions := range r.Errors {
		for partition, code := range partitions {
			switch code {
			case sarama.ErrNoError:
			case sarama.ErrRebalanceInProgress, sarama.ErrIllegalGeneration, sarama.ErrUnknownMemberId:
				return errNotMember
			default:
				return fmt.Errorf("%s/%d: %w", topic, partition, code)
			}
		}
	}
	return nil
}
