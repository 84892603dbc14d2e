package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// offsetQuery asks the leader of a partition for its extent.
type offsetQuery struct {
	partitionID
	leader
	from, to, start int64
	err             error
}

// offsetRequest is one ListOffsets request.
type offsetRequest struct {
	at  int64 // a time in milliseconds, or one of sarama's constants
	set func(q *offsetQuery, offset int64)
}

// offsetRequests returns the requests to send to each leader, in this order, so that
// the end is never older than the beginning.
func (s *Source) offsetRequests() []offsetRequest {
	reqs := []offsetRequest{{sarama.OffsetOldest, func(q *offsetQuery, offset int64) { q.from, q.start = offset, offset }}}
	if !s.state.resumed && !s.Start.at.IsZero() {
		at := max(s.Start.at.UnixMilli(), 0) // negative values are not times to a broker
		reqs = append(reqs, offsetRequest{at, func(q *offsetQuery, offset int64) { q.start = offset }})
	}
	return append(reqs, offsetRequest{sarama.OffsetNewest, func(q *offsetQuery, offset int64) {
		q.to = offset
		if s.Start.latest || q.start < 0 { // no message is as young as Start
			q.start = offset
		}
	}})
}

// offsets sends the queries to their leaders, concurrently. Errors of a leader or a
// partition are stored in its queries.
func (s *Source) offsets(ctx context.Context, c *cluster, queries []*offsetQuery) error {
	leaders := map[string][]*offsetQuery{}
	for _, q := range queries {
		if q.addr == "" {
			q.err = temporary("partition %s has no leader", q.partitionID)
			continue
		}
		leaders[q.addr] = append(leaders[q.addr], q)
	}
	reqs := s.offsetRequests()
	var all sync.WaitGroup
	for addr, led := range leaders {
		all.Go(func() {
			err := c.do(ctx, addr, func(b *brokerConn) error {
				for _, req := range reqs {
					if err := b.offsets(c.conf.Version, req, led); err != nil {
						return err
					}
				}
				return nil
			})
			for _, q := range led {
				if err != nil {
					q.err = err
				}
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// offsets sends one request for all queries of a leader. The error of a partition is
// stored in its query.
func (b *brokerConn) offsets(version sarama.KafkaVersion, r offsetRequest, queries []*offsetQuery) error {
	req := sarama.NewOffsetRequest(version)
	req.IsolationLevel = sarama.ReadCommitted // the end is the last stable offset
	for _, q := range queries {
		req.AddBlock(q.topic, q.partition, r.at, 1)
	}
	resp, err := b.GetAvailableOffsets(req)
	if err != nil {
		return err
	}
	for _, q := range queries {
		switch block := resp.GetBlock(q.topic, q.partition); {
		case block == nil:
			q.err = temporary("broker %s did not report on partition %s", b.Addr(), q.partitionID)
		case block.Err != sarama.ErrNoError:
			q.err = fmt.Errorf("kafka: offsets of %s: %w", q.partitionID, block.Err)
		default:
			r.set(q, block.Offset)
		}
	}
	return nil
}
