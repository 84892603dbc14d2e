package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

const (
	// sure is how long a leader must say that offsets are not there, of which
	// there were more before, until they count as lost: one that is new may
	// not yet know how far its followers are.
	sure = 30 * time.Second
	// grace is how long a fetch that nobody wants any more may take to end by
	// itself, so that the connection can be kept.
	grace = time.Second
)

// reader is one call of Read.
type reader struct {
	src   *Source
	conn  *cluster
	parts []*part
	out   chunker
	none  *memory.Buffer // what an empty value points into

	missed map[*part]time.Time // since when something is missing of a part
}

func newReader(s *Source, c *cluster, ranges []stream.Range, emit func(stream.Chunk) error) (*reader, error) {
	r := &reader{
		src: s, conn: c, missed: map[*part]time.Time{}, none: memory.NewBufferBytes(nil),
		out: chunker{emit: emit, messages: stream.NewMessageBuilder(s.mem())},
	}
	for _, x := range ranges {
		n, ok := parseName(x.Partition)
		if !ok {
			r.out.close()
			return nil, stream.Permanent(fmt.Errorf("kafka: read %v: not a partition of this source", x))
		}
		r.parts = append(r.parts, &part{name: n, Range: x, next: x.From, end: x.To})
	}
	return r, nil
}

// run reads until all is read. Whatever goes wrong, it goes on with what has
// not been handed over.
func (r *reader) run(ctx context.Context) error {
	for {
		before := r.left()
		err := r.round(ctx)
		if err == nil {
			return r.out.flush()
		}
		if errors.Is(err, errStop) {
			return err
		}
		if r.left() != before {
			r.src.back()
		}
		if err := r.src.wait(ctx, err); err != nil {
			return err
		}
	}
}

// left is how many offsets are still to be accounted for.
func (r *reader) left() (n int64) {
	for _, p := range r.parts {
		if p.open() {
			n += p.end - p.next
		}
	}
	return n
}

// round reads with the leaders as they are now.
func (r *reader) round(ctx context.Context) error {
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
	t := time.AfterFunc(grace, cancelKill)
	defer t.Stop()
	running.Wait()
	if fault, ok := errors.AsType[*partError](err); ok {
		return r.judge(ctx, fault)
	}
	return err
}

// partError is an error about one part.
type partError struct {
	part *part
	err  error
}

func (e *partError) Error() string { return e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// locate finds the leaders of all parts that are not read.
func (r *reader) locate(ctx context.Context) error {
	var open []*part
	for _, p := range r.parts {
		p.waiting, p.leader, p.ahead, p.held = nil, "", p.next, 0
		if p.open() {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	v, err := r.conn.metadata(ctx, topicsOf(open))
	if err != nil {
		return err
	}
	r.src.state.reached = true
	for _, p := range open {
		t := v.topics[p.topic]
		switch {
		case v.cluster != p.cluster:
			return r.src.foreign(p.name, v)
		case t.err != sarama.ErrNoError && t.err != sarama.ErrUnknownTopicOrPartition:
			return r.conn.explain(fmt.Errorf("topic %s: %w", p.topic, t.err))
		case v.has(p.name):
			at := t.parts[p.partition]
			p.leader, p.epoch = at.leader, at.epoch
		case r.missing(p, confirm):
			p.gone = true
		}
	}
	return nil
}

// missing reports whether something has been missing of a part for so long.
func (r *reader) missing(p *part, long time.Duration) bool {
	since, ok := r.missed[p]
	if !ok {
		r.missed[p] = time.Now()
		return false
	}
	return time.Since(since) >= long
}

// fetchers makes a fetcher for each broker that leads something.
func (r *reader) fetchers() map[string]*fetcher {
	out := map[string]*fetcher{}
	for _, p := range r.parts {
		if !p.open() || p.leader == "" {
			continue
		}
		f := out[p.leader]
		if f == nil {
			f = &fetcher{conn: r.conn, sizes: &r.src.state.sizes, addr: p.leader, out: make(chan response)}
			out[p.leader] = f
		}
		f.parts = append(f.parts, p)
	}
	for _, f := range out {
		if f.bytes = float64(min(r.src.FetchBytes, int(sarama.MaxResponseSize/2))); f.bytes <= 0 {
			f.bytes = float64(min(max(fetchesMemory/(2*len(out)), leastFetch), mostFetch))
		}
	}
	return out
}

// consume reads part after part from what the fetchers bring.
func (r *reader) consume(ctx context.Context, fetchers map[string]*fetcher) error {
	for _, p := range r.parts {
		if err := r.readPart(ctx, p, fetchers[p.leader]); err != nil {
			return err
		}
	}
	return nil
}

// readPart reads a part to its end.
func (r *reader) readPart(ctx context.Context, p *part, f *fetcher) error {
	for p.open() {
		if len(p.waiting) == 0 {
			if err := r.receive(ctx, p, f); err != nil {
				return err
			}
			continue
		}
		b := p.waiting[0]
		p.waiting = p.waiting[1:]
		delete(r.missed, p)
		if err := r.walk(p, b); err != nil {
			return err
		}
	}
	r.endPart(p)
	return nil
}

// receive takes the next response of a fetcher.
func (r *reader) receive(ctx context.Context, p *part, f *fetcher) error {
	if f == nil {
		return passing("partition %s has no leader now", p.name)
	}
	select {
	case got, ok := <-f.out:
		switch {
		case !ok:
			return passing("broker %s had an error with %s", f.addr, p.name)
		case got.part != nil:
			return &partError{got.part, got.err}
		case got.err != nil:
			return got.err
		}
		for p, b := range got.blocks {
			p.waiting = append(p.waiting, b)
		}
		if len(p.waiting) > 0 { // what comes of others, each time anew, does not help this one
			r.src.back()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endPart accounts for what is lost at the end of a part. It may be called again.
func (r *reader) endPart(p *part) {
	switch {
	case p.To == ledger.UnknownEnd:
		r.out.end(p.Partition, p.From)
		p.To = p.From
	case p.next < p.To:
		r.out.lost(stream.Range{Partition: p.Partition, From: p.next, To: p.To})
		p.next = p.To // and end stays: a fetcher may be looking at it
	}
}

// judge finds out what an error of a part means.
func (r *reader) judge(ctx context.Context, fault *partError) error {
	p := fault.part
	switch {
	case errors.Is(fault.err, sarama.ErrOffsetOutOfRange), fault.err == errNothing:
	case passes(fault.err):
		return fault.err
	default:
		return r.conn.explain(fault.err)
	}
	a := &query{name: p.name, place: place{p.leader, p.epoch}}
	if err := r.src.offsets(ctx, r.conn, []*query{a}); err != nil {
		return err
	}
	if a.err != nil {
		return a.err
	}
	switch {
	case p.next < a.from: // retention, or somebody, deleted records
		to := min(a.from, p.end)
		r.out.lost(stream.Range{Partition: p.Partition, From: p.next, To: to})
		p.next = to
		return passing("offsets of %s are gone", p.name)
	case p.end <= a.to:
		return passing("%s: offset %d is there but does not come (a batch of more messages than compressed bytes cannot be read before others follow it)", p.name, p.next)
	case !r.missing(p, sure):
		return passing("%s: offsets %d to %d are not there now: its log is from %d to %d", p.name, p.next, p.end-1, a.from, a.to)
	}
	p.end = max(p.next, a.to) // it was truncated
	return passing("%s was truncated", p.name)
}
