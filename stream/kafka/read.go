package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// stopTimeout is how long a fetch that is no longer needed may take to end by
// itself, so that its connection can be kept.
const stopTimeout = time.Second

// reader is one call of Read.
type reader struct {
	src    *Source
	conn   *cluster
	ranges []*rangeReader
	out    *chunk.Builder
	empty  *memory.Buffer // of empty keys and values

	missingSince map[*rangeReader]time.Time
	yieldError   func(error) error
}

func newReader(s *Source, c *cluster, ranges []stream.Range, emit func(stream.Chunk) error) (*reader, error) {
	r := &reader{src: s, conn: c, missingSince: map[*rangeReader]time.Time{}, empty: memory.NewBufferBytes(nil)}
	for _, x := range ranges {
		id, ok := parsePartitionID(x.Partition)
		if !ok {
			return nil, &stream.ForeignError{Partition: x.Partition}
		}
		r.ranges = append(r.ranges, &rangeReader{partitionID: id, rng: x, next: x.From, end: x.To})
	}
	r.out = chunk.NewBuilder(s.mem(), chunk.DefaultRows, chunk.DefaultBytes, emit)
	return r, nil
}

// run reads all ranges. After a temporary error it continues with the first
// offset that has not been read.
func (r *reader) run(ctx context.Context) error {
	for {
		before := r.remaining()
		err := r.readOnce(ctx)
		if err == nil {
			return r.out.Flush()
		}
		if err == chunk.ErrStopped {
			return err
		}
		if r.remaining() != before {
			r.src.recovered()
		}
		if err := r.src.waitToRetry(ctx, err); err != nil {
			return err
		}
	}
}

// remaining returns the number of offsets not accounted for.
func (r *reader) remaining() (n int64) {
	for _, p := range r.ranges {
		if p.open() {
			n += p.end - p.next
		}
	}
	return n
}

// readOnce reads from the current leaders until an error.
func (r *reader) readOnce(ctx context.Context) error {
	if err := r.locate(ctx); err != nil {
		return err
	}
	fetchers := r.fetchers()
	stop, cancelStop := context.WithCancel(ctx)
	kill, cancelKill := context.WithCancel(ctx)
	defer cancelKill()
	var running sync.WaitGroup
	for _, f := range fetchers {
		running.Go(func() { f.run(stop, kill) })
	}
	err := r.consume(ctx, fetchers)
	cancelStop()
	t := time.AfterFunc(stopTimeout, cancelKill)
	defer t.Stop()
	running.Wait()
	if fault, ok := errors.AsType[*rangeError](err); ok {
		return r.resolve(ctx, fault)
	}
	return err
}

// rangeError is an error about one range.
type rangeError struct {
	rng *rangeReader
	err error
}

func (e *rangeError) Error() string { return e.err.Error() }
func (e *rangeError) Unwrap() error { return e.err }

// locate finds the leaders of all open ranges, and discards what was fetched.
func (r *reader) locate(ctx context.Context) error {
	var open []*rangeReader
	for _, p := range r.ranges {
		p.waiting, p.leader, p.fetched, p.held = nil, "", p.next, 0
		if p.open() {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	md, err := r.conn.metadata(ctx, topicsOf(open))
	if err != nil {
		return err
	}
	r.src.state.reached = true
	for _, p := range open {
		t := md.topics[p.topic]
		switch {
		case md.cluster != p.cluster:
			return r.src.wrongClusterError(p.partitionID, md)
		case t.err != sarama.ErrNoError && t.err != sarama.ErrUnknownTopicOrPartition:
			return r.conn.explain(fmt.Errorf("topic %s: %w", p.topic, t.err))
		case md.has(p.partitionID):
			l := t.partitions[p.partition]
			p.leader, p.epoch = l.addr, l.epoch
		case r.missingFor(p, r.src.waits().topicConfirmAfter):
			p.gone = true
		}
	}
	return nil
}

// missingFor reports whether offsets of a range, or its partition, have been
// missing for at least d since the first call.
func (r *reader) missingFor(p *rangeReader, d time.Duration) bool {
	since, ok := r.missingSince[p]
	if !ok {
		r.missingSince[p] = time.Now()
		return false
	}
	return time.Since(since) >= d
}

// fetchers makes a fetcher for each broker that leads an open range.
func (r *reader) fetchers() map[string]*fetcher {
	out := map[string]*fetcher{}
	for _, p := range r.ranges {
		if !p.open() || p.leader == "" {
			continue
		}
		f := out[p.leader]
		if f == nil {
			f = &fetcher{
				conn: r.conn, checks: r.src.checks, sizes: &r.src.state.sizes, waits: r.src.waits(),
				addr: p.leader, out: make(chan response),
			}
			out[p.leader] = f
		}
		f.ranges = append(f.ranges, p)
	}
	for _, f := range out {
		if f.bytes = float64(min(r.src.FetchBytes, int(sarama.MaxResponseSize/2))); f.bytes <= 0 {
			f.bytes = float64(min(max(allFetches/(2*len(out)), minFetch), maxFetch))
		}
	}
	return out
}

// consume reads the ranges in order from what the fetchers deliver.
func (r *reader) consume(ctx context.Context, fetchers map[string]*fetcher) error {
	for _, p := range r.ranges {
		if err := r.readRange(ctx, p, fetchers[p.leader]); err != nil {
			return err
		}
	}
	return nil
}

// readRange reads a range to its end.
func (r *reader) readRange(ctx context.Context, p *rangeReader, f *fetcher) error {
	for p.open() {
		if len(p.waiting) == 0 {
			if err := r.receive(ctx, p, f); err != nil {
				return err
			}
			continue
		}
		b := p.waiting[0]
		p.waiting = p.waiting[1:]
		delete(r.missingSince, p)
		if err := r.readBlock(p, b); err != nil {
			return err
		}
		close(b.read)
	}
	return r.endRange(p)
}

// receive takes the next response of a fetcher.
func (r *reader) receive(ctx context.Context, p *rangeReader, f *fetcher) error {
	if f == nil {
		return temporary("partition %s has no leader", p.partitionID)
	}
	select {
	case got, ok := <-f.out:
		switch {
		case !ok:
			return temporary("broker %s had an error with %s", f.addr, p.partitionID)
		case got.rng != nil:
			return &rangeError{got.rng, got.err}
		case got.err != nil:
			return got.err
		}
		if err := <-got.checked; err != nil { // it arrives soon after ctx is done
			return err
		}
		for p, b := range got.blocks {
			p.waiting = append(p.waiting, b)
		}
		if len(p.waiting) > 0 { // blocks of other ranges, fetched again after each retry, are no progress
			r.src.recovered()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endRange accounts for the offsets lost at the end of a range, or reports those
// that cannot be read. It may be called again.
func (r *reader) endRange(p *rangeReader) error {
	switch {
	case p.unreadable != nil && !p.gone && p.next < p.rng.To:
		err := p.unreadable
		p.unreadable, p.rng.To = nil, p.next
		return r.yieldError(err)
	case p.rng.To == ledger.UnknownEnd:
		r.out.Account(p.rng, p.rng.From).End = true
		p.rng.To = p.rng.From
	case p.next < p.rng.To:
		r.out.Lost(stream.Range{Partition: p.rng.Partition, From: p.next, To: p.rng.To}, false)
		p.next = p.rng.To // end must not change: a fetcher may be reading it
	}
	return nil
}

// resolve decides what to do about an error of a range, by asking for the extent
// of its partition.
func (r *reader) resolve(ctx context.Context, fault *rangeError) error {
	p := fault.rng
	bad, isBad := errors.AsType[*batchError](fault.err)
	switch {
	case errors.Is(fault.err, sarama.ErrOffsetOutOfRange), fault.err == errStalled, isBad:
	case isTemporary(fault.err):
		return fault.err
	default:
		return r.conn.explain(fault.err)
	}
	q := &offsetQuery{partitionID: p.partitionID, leader: leader{p.leader, p.epoch}}
	if err := r.src.offsets(ctx, r.conn, []*offsetQuery{q}); err != nil {
		return err
	}
	if q.err != nil {
		return q.err
	}
	switch {
	case p.next < q.from: // records were deleted, by retention or by a user
		to := min(q.from, p.end)
		r.out.Lost(stream.Range{Partition: p.rng.Partition, From: p.next, To: to}, false)
		p.next = to
		return temporary("offsets of %s were deleted", p.partitionID)
	case isBad:
		p.end = min(p.end, bad.offset)
		p.unreadable = &stream.UnreadableError{
			Range: stream.Range{Partition: p.rng.Partition, From: p.end, To: p.rng.To},
			Err:   fmt.Errorf("kafka: %s: %w", p.partitionID, bad),
		}
		return temporary("%v", p.unreadable)
	case p.end <= q.to:
		return temporary("%s: offset %d exists but does not come", p.partitionID, p.next)
	case !r.missingFor(p, r.src.waits().lossConfirmAfter):
		return temporary("%s: offsets %d to %d do not exist now: its log is from %d to %d", p.partitionID, p.next, p.end-1, q.from, q.to)
	}
	p.end = max(p.next, q.to)
	return temporary("%s was truncated", p.partitionID)
}
