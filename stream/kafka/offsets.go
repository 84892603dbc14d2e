package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// query asks the leader of a partition where that begins and ends.
type query struct {
	name
	place
	from, to, start int64
	err             error
}

// question is one ListOffsets request: a time, or one of sarama's constants,
// and where the answer goes.
type question struct {
	at     int64
	answer func(*query, int64)
}

// questions are what to ask of each leader, in this order: so no end is older
// than its beginning.
func (s *Source) questions() []question {
	q := []question{{sarama.OffsetOldest, func(a *query, v int64) { a.from, a.start = v, v }}}
	if !s.state.begun && !s.Start.at.IsZero() {
		at := max(s.Start.at.UnixMilli(), 0) // what is below is no time to a broker
		q = append(q, question{at, func(a *query, v int64) { a.start = v }})
	}
	return append(q, question{sarama.OffsetNewest, func(a *query, v int64) {
		a.to = v
		if s.Start.latest || a.start < 0 { // nothing is that young
			a.start = v
		}
	}})
}

// offsets asks the leaders, all at once. What goes wrong with a leader, or with
// a partition, is in the error of its queries.
func (s *Source) offsets(ctx context.Context, c *cluster, queries []*query) error {
	leaders := map[string][]*query{}
	for _, a := range queries {
		if a.leader == "" {
			a.err = passing("partition %s has no leader now", a.name)
			continue
		}
		leaders[a.leader] = append(leaders[a.leader], a)
	}
	questions := s.questions()
	var all sync.WaitGroup
	for addr, led := range leaders {
		all.Go(func() {
			err := c.do(ctx, addr, func(p *peer) error {
				for _, q := range questions {
					if err := p.offsets(c.conf.Version, q, led); err != nil {
						return err
					}
				}
				return nil
			})
			for _, a := range led {
				if err != nil {
					a.err = err
				}
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// offsets asks one question for all partitions of a leader. An answer that is
// an error is the partition's.
func (p *peer) offsets(version sarama.KafkaVersion, q question, queries []*query) error {
	req := sarama.NewOffsetRequest(version)
	req.IsolationLevel = sarama.ReadCommitted // the end is the last stable offset
	for _, a := range queries {
		req.AddBlock(a.topic, a.partition, q.at, 1)
	}
	resp, err := p.GetAvailableOffsets(req)
	if err != nil {
		return err
	}
	for _, a := range queries {
		switch b := resp.GetBlock(a.topic, a.partition); {
		case b == nil:
			a.err = passing("broker %s says nothing of partition %s", p.Addr(), a.name)
		case b.Err != sarama.ErrNoError:
			a.err = fmt.Errorf("kafka: offsets of %s: %w", a.name, b.Err)
		default:
			q.answer(a, b.Offset)
		}
	}
	return nil
}
