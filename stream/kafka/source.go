package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/stream"
)

const (
	defaultOutage = 10 * time.Minute
	// maxInflated is the largest size in bytes of a decompressed batch of
	// messages, for which sarama takes up to four times as much. It is enough
	// for one message of the size that a decoder accepts. Producers' batches
	// have about 1 MiB before they are compressed.
	maxInflated = 65 << 20
)

// boundInflated sets the bound that sarama lacks by default, for all its users in
// the process. It must not be set while connections are in use.
var boundInflated = sync.OnceFunc(func() {
	if sarama.MaxDecompressedBatchSize == 0 {
		sarama.MaxDecompressedBatchSize = maxInflated
	}
})

// ErrClosed is returned by the methods of a closed Source.
var ErrClosed = errors.New("kafka: the source is closed")

// Source is a stream.Source that reads topics of one Kafka cluster. Fill in its
// fields, use it, and close it. It connects on first use, twice to each broker that
// it fetches from. Available, Read and Committed must not be called concurrently;
// Close and Ping may be called at any time.
type Source struct {
	// Brokers are one or more brokers of the cluster, as host:port. The source
	// finds the others itself.
	Brokers []string
	// Topics are names of topics, or regexps. An entry with a character outside
	// of [A-Za-z0-9._-] is a regexp, which must match the whole name. A regexp
	// matches neither internal topics nor names that begin with two
	// underscores.
	Topics []string
	// Start is where a new ledger begins. The zero value is the earliest offset.
	Start Start
	// Config says how to connect to the brokers: TLS, SASL, timeouts. It is
	// copied. If nil, it is NewConfig().
	Config *sarama.Config
	// Group is the consumer group under which settled offsets are committed, for
	// tools that show the lag. It should have no other use. If empty, no offsets
	// are committed.
	Group string
	// Join makes the source a member of Group: Kafka assigns the partitions to
	// the members, and Available marks those of others. All members must have
	// the same topics and share one ledger.
	Join bool
	// FetchBytes is the size of a fetch in memory. Each broker has at most two
	// fetches in memory. If zero, it is 8 MiB with one or two leading brokers,
	// and less with more. A larger batch of messages is still fetched whole.
	FetchBytes int
	// Outage is how long brokers may be unavailable, once one has been reached,
	// before Available and Read return an error. If zero, it is 10 minutes.
	Outage time.Duration
	// Alloc allocates the columns other than keys and values, which stay in the
	// response. If nil, it is memory.DefaultAllocator.
	Alloc memory.Allocator
	// Log receives messages about outages and changes in the group. If nil, it
	// is slog.Default().
	Log *slog.Logger

	timing *timing // of tests

	mu     sync.Mutex
	conn   *cluster // nil until opened
	checks *cluster // further connections, for what must not wait for a fetch
	pings  *cluster // the connections of Ping, nil until the first
	topics *topicSelection
	member *member // nil until joined
	closed bool

	state state
}

// state is what a source has learnt. Its methods take turns, so it needs no lock;
// sizes, used by concurrent fetchers, has its own.
type state struct {
	reached    bool // a broker was reached once
	resumed    bool // the ledger names a partition, so Start no longer counts
	outage     outage
	sizes      messageSizes
	listed     map[string]*listedPartition // by partition name
	settled    map[string]settledPartition // by partition name, from the ledger
	partitions partitionCounts             // when last listed
	commits    commitState
}

// Check connects to a broker and looks up the topics, once, within ten seconds. Its
// error says what to correct: no broker can be reached, the login is refused, or
// one of Topics matches no topic, a [NoTopicError]. Available, in contrast, accepts
// topics that are created later.
func (s *Source) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.waits().checkTimeout)
	defer cancel()
	c, err := s.open()
	if err != nil {
		return err
	}
	md, err := c.metadata(ctx, s.topics.names())
	if err != nil {
		return s.unreachableError(ctx, err)
	}
	s.state.reached = true
	return s.topics.check(md, c)
}

// Ping asks a broker for the topics, over a connection of its own, and returns nil if
// it answers. It implements stream.Pinger: unlike the other methods, it does not wait
// for the end of an outage and may be called at any time.
func (s *Source) Ping(ctx context.Context) error {
	c, err := s.open()
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.pings == nil && !s.closed {
		s.pings = newCluster(c.conf, s.Brokers)
	}
	pings, topics := s.pings, s.topics
	s.mu.Unlock()
	if pings == nil {
		return ErrClosed
	}
	_, err = pings.metadata(ctx, topics.names())
	return err
}

// unreachableError returns the error of brokers that did not answer in time.
func (s *Source) unreachableError(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return fmt.Errorf("kafka: no answer from %v within %v: check the addresses, and whether a firewall blocks the connection", s.Brokers, s.waits().checkTimeout)
}

// Available lists the partitions of the topics, sorted by name and number, each
// from its oldest to its last stable offset. It asks each leading broker once. If a
// leader is unavailable, its partitions are listed as they were last seen.
//
// With Join, the first call joins the group and waits for an assignment. If the
// group's coordinator cannot be reached later, the last assignment remains in
// force. If the engine makes no call for five minutes, for example because a
// sink hangs, the source leaves the group until the next call. If another
// process joins with the same group.instance.id, Available returns a permanent
// error.
func (s *Source) Available(ctx context.Context) ([]stream.Extent, error) {
	c, err := s.open()
	if err != nil {
		return nil, err
	}
	var out []stream.Extent
	err = s.retry(ctx, func() (err error) {
		if out, err = s.list(ctx, c); err == nil && s.Join {
			err = s.markAssignedElsewhere(ctx, out)
		}
		return err
	})
	return out, err
}

// Read yields the messages of the ranges, in order. Several ranges may belong to
// one partition; each has its own accounts. Read retries when leaders move or
// brokers are unavailable, and yields no message twice. Deleted messages become
// accounts of lost offsets. A batch that cannot be read is a
// *stream.UnreadableError, which ends its range but not the others. Read does not
// depend on the group: a planned range is read even if its partition is now
// assigned to another process.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		c, err := s.open()
		if err != nil {
			yield(stream.Chunk{}, err)
			return
		}
		s.state.resumed = true
		m := s.currentMember()
		m.recordUse()
		emit := chunk.Yield(ctx, yield)
		r, err := newReader(s, c, ranges, func(c stream.Chunk) error {
			m.recordUse()
			return emit(c)
		})
		if err == nil {
			r.yieldError = chunk.YieldError(yield)
			err = r.run(ctx)
			r.out.Release()
		}
		if err != nil && err != chunk.ErrStopped {
			yield(stream.Chunk{}, err)
		}
	}
}

// Owns reports whether a name is that of a partition of a Kafka cluster.
func (s *Source) Owns(partition string) bool {
	_, ok := parsePartitionID(partition)
	return ok
}

// Resume gives the source the ledger's settled offsets by partition, so that it
// recognises topics that were deleted and created again.
func (s *Source) Resume(_ context.Context, settled map[string]int64) error {
	s.state.settled = make(map[string]settledPartition, len(settled))
	for p, at := range settled {
		if name, ok := parsePartitionID(p); ok {
			s.state.settled[p] = settledPartition{name, at}
		}
	}
	s.state.resumed = len(settled) > 0
	return nil
}

// Close closes the connections; calls that wait for a broker return an error. A
// member of a group leaves it, so that others take over at once, unless it has a
// group.instance.id: then its partitions are reserved for it until the session
// timeout.
func (s *Source) Close() error {
	s.mu.Lock()
	conn, checks, pings, member := s.conn, s.checks, s.pings, s.member
	s.closed, s.member = true, nil
	s.mu.Unlock()
	for _, c := range []*cluster{conn, checks, pings} {
		if c != nil {
			c.close()
		}
	}
	if member != nil {
		member.close()
	}
	return nil
}

// join returns the membership of the group, joining it if needed.
func (s *Source) join() (*member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.member == nil {
		s.member = newMember(s, s.conn.conf, s.topics)
	}
	return s.member, nil
}

// currentMember returns the membership of the group, nil if not joined.
func (s *Source) currentMember() *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member
}

// open returns the cluster. It does not wait for a connection.
func (s *Source) open() (*cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.conn != nil {
		return s.conn, nil
	}
	if len(s.Brokers) == 0 {
		return nil, stream.Permanent(errors.New("kafka: no brokers: name at least one, host:port"))
	}
	if s.Join && s.Group == "" {
		return nil, stream.Permanent(errors.New("kafka: no group to join: set Group"))
	}
	topics, err := newTopicSelection(s.Topics)
	if err != nil {
		return nil, stream.Permanent(err)
	}
	conf, err := s.config()
	if err != nil {
		return nil, stream.Permanent(err)
	}
	boundInflated()
	s.topics = topics
	s.conn, s.checks = newCluster(conf, s.Brokers), newCluster(conf, s.Brokers)
	return s.conn, nil
}

// config returns a copy of the configuration, with a version that has topic ids.
func (s *Source) config() (*sarama.Config, error) {
	from := s.Config
	if from == nil {
		from = NewConfig()
	}
	conf := *from
	if !conf.Version.IsAtLeast(sarama.V2_8_0_0) && conf.ApiVersionsRequest {
		conf.Version = sarama.V2_8_0_0 // with older brokers, a lower version is negotiated
	}
	if err := conf.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: configuration: %w", err)
	}
	return &conf, nil
}

func (s *Source) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

func (s *Source) mem() memory.Allocator {
	if s.Alloc == nil {
		return memory.DefaultAllocator
	}
	return s.Alloc
}
