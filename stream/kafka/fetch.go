package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	mostFetch     = 8 << 20
	leastFetch    = 1 << 20
	leastPart     = 64 << 10
	fetchesMemory = 32 << 20 // of all fetches of all brokers
	fetchWait     = 500 * time.Millisecond
	// stalled is how long a broker may have nothing to say of offsets that
	// were there when they were planned, before its log is looked at.
	stalled = 5 * time.Second
	// quiet is how long a partition may not be heard of before its topic's id
	// is checked again: a topic cannot be deleted, made anew and filled up to
	// the same offset in less.
	quiet = time.Second
)

var errNothing = passing("a broker has nothing of offsets that were there")

// fetcher reads the parts that one broker leads, in their order. One response
// is on its way at a time; it is handed over before the next is asked for.
type fetcher struct {
	conn  *cluster
	sizes *sizes
	addr  string
	parts []*part
	bytes float64 // in memory, of a fetch
	out   chan response

	alone   bool // ask for the first part only: it got nothing beside others
	more    int32
	brought time.Time // when the broker last brought something
}

// response is what a fetch brought, or why the fetcher has ended.
type response struct {
	blocks map[*part]*block
	part   *part // that the error is about
	err    error
}

// run fetches until all is fetched, something goes wrong, or stop ends. The end
// of kill breaks off the fetch that is under way.
func (f *fetcher) run(stop, kill context.Context) {
	defer close(f.out)
	f.brought = time.Now()
	for _, p := range f.parts { // its leader was asked for just now
		p.heard = f.brought
	}
	for {
		parts, limits := f.choose()
		if len(parts) == 0 || stop.Err() != nil {
			return
		}
		r := f.fetch(kill, parts, limits)
		if damaged(r.err) {
			if len(parts) > 1 { // whose is it?
				f.alone = true
				continue
			}
			r.err = fmt.Errorf("kafka: fetch %s from offset %d: %w", parts[0].name, parts[0].ahead, r.err)
		}
		if r.err == nil && len(r.blocks) == 0 {
			if time.Since(f.brought) < stalled {
				continue
			}
			r.part, r.err = parts[0], errNothing
		}
		select {
		case f.out <- r:
		case <-stop.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}

// damaged reports whether an error comes from what a response holds, not from
// the way to the broker.
func damaged(err error) bool {
	var code sarama.KError
	return err != nil && !passes(err) && !errors.As(err, &code) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrClosed)
}

// choose picks the parts of the next fetch and how many bytes to ask for of
// each. sarama puts them into a request in any order, so that no part may take
// away the room of those before it: only so many are asked for as fit, beside
// what waits of them already because more came of the first part than was
// thought. Of a topic of which nothing is known one batch shows how far it
// inflates. A request names a partition once: of two ranges of it the second
// waits, with all that is listed behind it.
func (f *fetcher) choose() (parts []*part, limits []int32) {
	left := f.bytes
	for i, p := range f.parts {
		if p.ahead >= p.end {
			continue
		}
		if slices.ContainsFunc(parts, p.sibling) {
			break
		}
		want, inflates := f.sizes.wire(p.topic, p.end-p.ahead)
		if inflates == 0 {
			want, inflates = 1, 1
		} else {
			want = max(want*1.1, leastPart)
		}
		if len(parts) > 0 && want*inflates > left {
			break
		}
		want = min(want, left/inflates)
		left -= want * inflates
		if len(parts) == 0 {
			left -= heldOf(f.parts[i+1:])
		}
		parts, limits = append(parts, p), append(limits, max(int32(want), f.more, 1))
		if f.alone {
			break
		}
	}
	return parts, limits
}

func heldOf(parts []*part) (sum float64) {
	for _, p := range parts {
		sum += float64(p.held)
	}
	return sum
}

// fetch asks the broker once.
func (f *fetcher) fetch(ctx context.Context, parts []*part, limits []int32) (r response) {
	req := &sarama.FetchRequest{
		Version:      11,
		MinBytes:     1,
		MaxWaitTime:  int32(fetchWait / time.Millisecond),
		MaxBytes:     sarama.MaxResponseSize, // what binds are the parts' limits
		Isolation:    sarama.ReadCommitted,
		SessionEpoch: -1, // each request stands for itself
	}
	for i, p := range parts {
		req.AddBlock(p.topic, p.partition, p.ahead, limits[i], p.epoch)
	}
	var resp *sarama.FetchResponse
	var wire int64
	r.err = f.conn.do(ctx, f.addr, func(p *peer) (err error) {
		before := p.bytes.Load()
		if resp, err = p.Fetch(req); err != nil {
			return err
		}
		wire = p.bytes.Load() - before
		if code := sarama.KError(resp.ErrorCode); code != sarama.ErrNoError {
			return code
		}
		return f.same(p, parts)
	})
	if r.err != nil {
		return r
	}
	return f.take(resp, parts, wire)
}

// same returns an error if one of the parts was not heard of for a while and its
// topic is not the one that was fetched from before. A broker learns of a new
// topic before it serves it, so it is asked after the fetch.
func (f *fetcher) same(p *peer, parts []*part) error {
	now := time.Now()
	var doubtful []*part
	for _, x := range parts {
		if now.Sub(x.heard) >= quiet {
			doubtful = append(doubtful, x)
		}
		x.heard = now
	}
	if len(doubtful) == 0 {
		return nil
	}
	v, err := f.conn.metadataOf(p, topicsOf(doubtful))
	if err != nil {
		return err
	}
	for _, x := range doubtful {
		if !v.has(x.name) {
			return sarama.ErrUnknownTopicOrPartition
		}
	}
	return nil
}

// take sorts a response. An error of a part counts when the part is the first
// one; until then only those before it are fetched.
func (f *fetcher) take(resp *sarama.FetchResponse, parts []*part, wire int64) (r response) {
	r.blocks = make(map[*part]*block, len(parts))
	whole := new(buffer)
	bytes, held := map[*part]int64{}, map[*part]int64{}
	var sum int64
	for i, p := range parts {
		b := resp.GetBlock(p.topic, p.partition)
		if b == nil {
			b = &sarama.FetchResponseBlock{Err: sarama.ErrUnknownTopicOrPartition}
		}
		if err := blockError(p, b); err != nil {
			if i == 0 {
				return response{part: p, err: err}
			}
			f.parts = f.parts[:slices.Index(f.parts, p)]
			break
		}
		next := covered(b, p.ahead)
		if next == p.ahead {
			switch {
			case i > 0:
			case len(b.RecordsSet) > 0: // a piece of a batch
				f.more = min(max(2*f.more, leastFetch), sarama.MaxResponseSize)
			case b.Partial: // sarama takes no batch of more messages than there are bytes from it on
				f.more = min(max(2*f.more, leastFetch), mostFetch)
			}
			continue
		}
		bytes[p], held[p] = whole.widen(b)
		sum += held[p]
		r.blocks[p] = &block{b, next, whole}
	}
	f.alone = r.blocks[parts[0]] == nil
	if !f.alone {
		f.more = 0
	}
	for p, b := range r.blocks {
		if sum > 0 {
			f.sizes.learn(p.topic, b.next-p.ahead, bytes[p], held[p], float64(wire)*float64(held[p])/float64(sum))
		}
		p.ahead, p.held = b.next, p.held+held[p]
		f.brought = p.heard
	}
	return r
}

// topicsOf names the topics of parts, each once.
func topicsOf(parts []*part) (names []string) {
	for _, p := range parts {
		if !slices.Contains(names, p.topic) {
			names = append(names, p.topic)
		}
	}
	return names
}

var errFormat = errors.New("messages in a format from before Kafka 0.11: convert the topic")

// blockError is what a broker has against a part.
func blockError(p *part, b *sarama.FetchResponseBlock) error {
	if b.Err != sarama.ErrNoError {
		return fmt.Errorf("kafka: fetch %s from offset %d: %w", p.name, p.ahead, b.Err)
	}
	for _, r := range b.RecordsSet {
		if r.RecordBatch == nil {
			return fmt.Errorf("kafka: fetch %s from offset %d: %w", p.name, p.ahead, errFormat)
		}
	}
	return nil
}
