package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	maxFetch          = 8 << 20
	minFetch          = 1 << 20
	minPartitionFetch = 64 << 10
	allFetches        = 32 << 20 // the memory of the fetches from all brokers
	fetchWait         = 500 * time.Millisecond
	heavyBlock        = 4 // a block of more than this many times the memory of a fetch is read before the next fetch
)

var errStalled = temporary("the broker returns nothing for offsets that existed")

// fetcher fetches the ranges that one broker leads, in their order. It delivers a
// response while fetching the next, but starts no third.
type fetcher struct {
	conn   *cluster
	checks *cluster // connections of their own: sarama sends no request while one awaits its response
	sizes  *messageSizes
	waits  timing
	addr   string
	ranges []*rangeReader
	bytes  float64 // the memory of a fetch
	out    chan response

	single   bool  // fetch the first range only: beside others it got nothing
	narrow   bool  // fetch one batch only: there is a bad one among several
	minBytes int32 // to ask for, after a fetch that was too small for a batch
	lastData time.Time
	checking sync.WaitGroup
}

// response is the result of a fetch, or the error that ended the fetcher.
type response struct {
	blocks  map[*rangeReader]*block
	checked <-chan error // receives the result of checkTopics; no block may be read before it
	rng     *rangeReader // that the error is about, nil if about all
	err     error
}

// run fetches until all ranges are fetched, an error occurs, or stop is done. If
// kill is done, the fetch under way is aborted.
func (f *fetcher) run(stop, kill context.Context) {
	defer close(f.out)
	defer f.checking.Wait()
	f.lastData = time.Now()
	for {
		ranges, limits := f.choose()
		if len(ranges) == 0 || stop.Err() != nil {
			return
		}
		r := f.fetch(kill, ranges, limits)
		if isDamage(r.err) {
			if len(ranges) > 1 { // find out which range is damaged
				f.single = true
				continue
			}
			if isBatchDamage(r.err) && limits[0] > 1 { // find out which batch
				f.narrow = true
				continue
			}
			if isBatchDamage(r.err) {
				r.rng, r.err = ranges[0], &batchError{ranges[0].fetched, r.err}
			} else {
				r.err = fmt.Errorf("kafka: fetch %s from offset %d: %w", ranges[0].partitionID, ranges[0].fetched, r.err)
			}
		}
		if r.err == nil && len(r.blocks) == 0 {
			if time.Since(f.lastData) < f.waits.stallTimeout {
				continue
			}
			r.rng, r.err = ranges[0], errStalled
		}
		select {
		case f.out <- r:
		case <-stop.Done():
			return
		}
		if r.err != nil {
			return
		}
		if first := r.blocks[ranges[0]]; first != nil && float64(first.held) > heavyBlock*f.bytes {
			select { // a small response became a large one: no second one beside it
			case <-first.read:
			case <-stop.Done():
				return
			}
		}
	}
}

// batchError reports a batch that cannot be read now, and perhaps never.
type batchError struct {
	offset int64
	err    error
}

func (e *batchError) Error() string {
	return fmt.Sprintf("the batch at offset %d cannot be read: %v", e.offset, e.err)
}

func (e *batchError) Unwrap() error { return e.err }

// errDense is the error of a batch of more messages than bytes, such as empty
// messages that are compressed. sarama decodes it only if at least as many bytes
// of the partition follow it in the response.
var errDense = errors.New("it has more messages than compressed bytes: it can be once further messages of about that number of bytes follow it")

// isBatchDamage reports whether an error is that of a batch, such as a wrong
// checksum, or a batch that inflates to more than the bound.
func isBatchDamage(err error) bool {
	var decoding sarama.PacketDecodingError
	return errors.As(err, &decoding) || errors.Is(err, sarama.ErrDecompressedBatchTooLarge)
}

// isDamage reports whether an error is due to the contents of a response, not to
// the connection.
func isDamage(err error) bool {
	var code sarama.KError
	return err != nil && !isTemporary(err) && !errors.As(err, &code) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrClosed)
}

// choose returns the ranges of the next fetch and how many bytes to ask for of
// each. sarama sends the partitions of a request in any order, so no range may
// use the memory of those before it: choose takes as many as fit, beside the
// blocks that wait because the first range was larger than estimated. Of a topic
// not fetched before, one batch shows the compression ratio. A request can name
// a partition once: a second range of it waits, with all ranges after it.
func (f *fetcher) choose() (ranges []*rangeReader, limits []int32) {
	left := f.bytes
	for i, p := range f.ranges {
		if p.fetched >= p.end {
			continue
		}
		if slices.ContainsFunc(ranges, p.samePartition) {
			break
		}
		want, ratio := f.sizes.estimateWire(p.topic, p.end-p.fetched)
		if ratio == 0 {
			want, ratio = 1, 1
		} else {
			want = max(want*1.1, minPartitionFetch)
		}
		if len(ranges) > 0 && want*ratio > left {
			break
		}
		want = min(want, left/ratio)
		left -= want * ratio
		if len(ranges) == 0 {
			for _, later := range f.ranges[i+1:] {
				left -= float64(later.held)
			}
		}
		limit := max(int32(want), f.minBytes, 1)
		if f.narrow {
			limit = 1
		}
		ranges, limits = append(ranges, p), append(limits, limit)
		if f.single {
			break
		}
	}
	return ranges, limits
}

// fetch sends one request, and checks the topics of the response. If it has blocks,
// the check may still be under way: the next fetch need not wait for it. The check
// has another connection, for a damaged response closes that of the fetches, which
// would abort the check of the response before it, again after each retry.
func (f *fetcher) fetch(ctx context.Context, ranges []*rangeReader, limits []int32) (r response) {
	req := &sarama.FetchRequest{
		Version:      11,
		MinBytes:     1,
		MaxWaitTime:  int32(fetchWait / time.Millisecond),
		MaxBytes:     sarama.MaxResponseSize, // the limits of the partitions apply
		Isolation:    sarama.ReadCommitted,
		SessionEpoch: -1, // no fetch session
	}
	for i, p := range ranges {
		req.AddBlock(p.topic, p.partition, p.fetched, limits[i], p.epoch)
	}
	var resp *sarama.FetchResponse
	var wire int64
	r.err = f.conn.do(ctx, f.addr, func(b *brokerConn) (err error) {
		before := b.received.Load()
		if resp, err = b.Fetch(req); err != nil {
			return err
		}
		wire = b.received.Load() - before
		if code := sarama.KError(resp.ErrorCode); code != sarama.ErrNoError {
			return code
		}
		return nil
	})
	if r.err != nil {
		return r
	}
	checked := make(chan error, 1)
	f.checking.Go(func() { checked <- f.checkTopics(ctx, ranges) })
	if r = f.accept(resp, ranges, wire); len(r.blocks) > 0 {
		r.checked = checked
	} else if err := <-checked; err != nil { // what it says of ranges is about another topic
		return response{err: err}
	}
	return r
}

// checkTopics returns an error if the topic of a range was created again: sarama
// fetches by name. Deleting, creating and filling one takes a tenth of a second,
// so no fetch may go unchecked. A broker learns of a new topic before it serves
// it, so checkTopics must be called after the fetch, and must ask the same broker.
func (f *fetcher) checkTopics(ctx context.Context, ranges []*rangeReader) error {
	return f.checks.do(ctx, f.addr, func(b *brokerConn) error {
		md, err := f.checks.metadataOf(b, topicsOf(ranges))
		if err != nil {
			return err
		}
		for _, p := range ranges {
			if !md.has(p.partitionID) {
				return sarama.ErrUnknownTopicOrPartition
			}
		}
		return nil
	})
}

// accept assigns the blocks of a response to the ranges. An error of a range counts
// once the range is the first one; until then only those before it are fetched.
func (f *fetcher) accept(resp *sarama.FetchResponse, ranges []*rangeReader, wire int64) (r response) {
	r.blocks = make(map[*rangeReader]*block, len(ranges))
	mem := new(sharedBuffer)
	bytes, held := map[*rangeReader]int64{}, map[*rangeReader]int64{}
	var sum int64
	for i, p := range ranges {
		b := resp.GetBlock(p.topic, p.partition)
		if b == nil {
			b = &sarama.FetchResponseBlock{Err: sarama.ErrUnknownTopicOrPartition}
		}
		if err := blockError(p, b); err != nil {
			if i == 0 {
				return response{rng: p, err: err}
			}
			f.ranges = f.ranges[:slices.Index(f.ranges, p)]
			break
		}
		next := covered(b, p.fetched)
		if next == p.fetched {
			switch {
			case i > 0:
			case len(b.RecordsSet) > 0: // part of a batch
				f.minBytes = min(max(2*f.minBytes, minFetch), sarama.MaxResponseSize)
			case b.Partial && f.minBytes >= maxFetch:
				return response{rng: p, err: &batchError{p.fetched, errDense}}
			case b.Partial: // sarama rejects a batch of more messages than bytes remain in the response
				f.minBytes = min(max(2*f.minBytes, minFetch), maxFetch)
			}
			continue
		}
		bytes[p], held[p] = mem.extend(b)
		sum += held[p]
		r.blocks[p] = &block{b, next, mem, held[p], make(chan struct{})}
	}
	f.single = r.blocks[ranges[0]] == nil
	if !f.single {
		f.minBytes, f.narrow = 0, false
	}
	for p, b := range r.blocks {
		if sum > 0 {
			f.sizes.add(p.topic, b.next-p.fetched, bytes[p], held[p], float64(wire)*float64(held[p])/float64(sum))
		}
		p.fetched, p.held = b.next, p.held+held[p]
		f.lastData = time.Now()
	}
	return r
}

// topicsOf returns the topics of ranges, each once.
func topicsOf(ranges []*rangeReader) (names []string) {
	for _, p := range ranges {
		if !slices.Contains(names, p.topic) {
			names = append(names, p.topic)
		}
	}
	return names
}

var errFormat = errors.New("messages in a format older than Kafka 0.11: convert the topic")

// blockError returns the error of a range in a response.
func blockError(p *rangeReader, b *sarama.FetchResponseBlock) error {
	var err error
	if b.Err != sarama.ErrNoError {
		err = b.Err
	} else if slices.ContainsFunc(b.RecordsSet, func(r *sarama.Records) bool { return r.RecordBatch == nil }) {
		err = errFormat
	}
	if err != nil {
		return fmt.Errorf("kafka: fetch %s from offset %d: %w", p.partitionID, p.fetched, err)
	}
	return nil
}
