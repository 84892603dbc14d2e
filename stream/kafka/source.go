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

	"github.com/skyfinch/skyfinch/stream"
)

const (
	defaultOutage = 10 * time.Minute
	checkTime     = 10 * time.Second
)

// ErrClosed is the error of a Source that has been closed.
var ErrClosed = errors.New("kafka: the source is closed")

// Source reads topics of one Kafka cluster, exactly the offsets that the engine
// asks for. Fill it in, use it as a stream.Source, Close it. It dials when it is
// first asked for something. Available, Read and Committed take turns, as the
// engine has them do; Close may be called at any time.
type Source struct {
	// Brokers are some brokers of the cluster, host:port. The others are
	// learnt from them.
	Brokers []string
	// Topics are names of topics, or regexps: whatever has a character that no
	// topic's name has, one outside of [A-Za-z0-9._-]. A regexp must match the
	// whole name. Internal topics and those whose names begin with two
	// underscores must be named.
	Topics []string
	// Start is where a new ledger begins. The zero value is the earliest offset.
	Start Start
	// Config says how to reach the brokers: TLS, SASL, timeouts. It is copied.
	// nil is NewConfig().
	Config *sarama.Config
	// Group is the consumer group under which archived offsets are committed,
	// for tools that show the lag. It should have no other use. "" commits none.
	Group string
	// Join makes the source a member of Group: Kafka spreads the partitions over
	// all processes that have joined, and Available tells those that others
	// are to work on. The processes must have the same topics and one ledger.
	Join bool
	// FetchBytes is how much one fetch asks for. Two fetches for each broker
	// are in memory at most. 0 is 8 MiB with one or two leading brokers, and
	// less with more of them. A larger message is fetched whole all the same.
	FetchBytes int
	// Outage is how long brokers that were reached once may be away before
	// Available and Read give up. 0 is 10 minutes.
	Outage time.Duration
	// Alloc is where the columns beside keys and values are built; those stay
	// where they were received. nil is memory.DefaultAllocator.
	Alloc memory.Allocator
	// Log is told of outages. nil is slog.Default().
	Log *slog.Logger

	idle time.Duration // of the engine, until its partitions are left to others; 0: idleTime

	mu     sync.Mutex
	conn   *cluster // nil: not opened
	topics *selection
	member *member // nil: not joined
	closed bool

	state state
}

// state is what a source has learnt. Only one of its methods runs at a time,
// so it needs no lock; sizes has its own, for fetchers.
type state struct {
	reached bool   // a broker has answered once
	begun   bool   // the ledger names a partition: Start counts no more
	outage  outage // of the brokers
	sizes   sizes
	seen    map[string]*seen   // by partition name: what was listed
	resumed map[string]resumed // by partition name: what the ledger knows
	layout  layout             // of the topics, when they were listed
	commits commits
}

// Check dials a broker and looks for the topics, with one try that takes ten
// seconds at most. The error says what to mend: nobody answers, credentials
// are refused, or no topic is there for one of Topics, a [NoTopicError].
// Available is more patient: it lets a topic turn up later.
func (s *Source) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	c, err := s.open()
	if err != nil {
		return err
	}
	v, err := c.metadata(ctx, s.topics.names())
	if err != nil {
		return s.unreached(ctx, err)
	}
	s.state.reached = true
	return s.topics.check(v, c)
}

// unreached is the error of brokers that did not answer in time.
func (s *Source) unreached(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return fmt.Errorf("kafka: no answer from %v within %v: check the addresses, and that nothing blocks the way", s.Brokers, checkTime)
}

// Available lists the partitions of the topics in the order of their names and
// numbers, each from its oldest offset to its last stable one. It asks every
// leading broker once. If a leader is away that was there before, its
// partitions are listed as they were last seen.
//
// With Join the first call joins the group, and waits until the partitions
// have been spread. When its coordinator cannot be reached later on, the last
// assignment stays. An engine that asks for nothing for five minutes, because a
// sink hangs for example, is out of the group until it does. A process whose group.instance.id another one has taken
// gets a permanent error.
func (s *Source) Available(ctx context.Context) ([]stream.Extent, error) {
	c, err := s.open()
	if err != nil {
		return nil, err
	}
	var out []stream.Extent
	err = s.ride(ctx, func() (err error) {
		if out, err = s.list(ctx, c); err == nil && s.Join {
			err = s.share(ctx, out)
		}
		return err
	})
	return out, err
}

// Read yields the messages of the ranges, range after range. A partition may
// come in several ranges, each with accounts of its own. Read rides out leaders
// that move and brokers that are away, and hands over nothing twice. What is
// gone is an account of lost offsets. It asks no group: what was planned is
// read, whoever has the partition now.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		c, err := s.open()
		if err != nil {
			yield(stream.Chunk{}, err)
			return
		}
		s.state.begun = true
		m := s.membership()
		m.use()
		r, err := newReader(s, c, ranges, func(c stream.Chunk) error {
			m.use()
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(c, nil) {
				return errStop
			}
			return nil
		})
		if err == nil {
			err = r.run(ctx)
			r.out.close()
		}
		if err != nil && err != errStop {
			yield(stream.Chunk{}, err)
		}
	}
}

// Resume tells the source what the ledger knows, so that it can tell a topic
// that was made anew under its name.
func (s *Source) Resume(_ context.Context, settled map[string]int64) error {
	s.state.resumed = make(map[string]resumed, len(settled))
	for p, at := range settled {
		if name, ok := parseName(p); ok {
			s.state.resumed[p] = resumed{name, at}
		}
	}
	s.state.begun = len(settled) > 0
	return nil
}

// Close ends the connections. Calls that wait for a broker return with an error.
// A source that has joined its group leaves it, so that others take over at
// once, unless it has a group.instance.id: then it may come back to what it had
// within the session's time-out.
func (s *Source) Close() error {
	s.mu.Lock()
	conn, member := s.conn, s.member
	s.closed, s.member = true, nil
	s.mu.Unlock()
	if conn != nil {
		conn.close()
	}
	if member != nil {
		member.close()
	}
	return nil
}

// joined returns the membership of the group, which begins now if it has not.
func (s *Source) joined() (*member, error) {
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

// membership is the membership of the group, nil if there is none.
func (s *Source) membership() *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member
}

// open returns the way to the brokers, which need not have been dialled.
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
	topics, err := newSelection(s.Topics)
	if err != nil {
		return nil, stream.Permanent(err)
	}
	conf, err := s.config()
	if err != nil {
		return nil, stream.Permanent(err)
	}
	s.topics, s.conn = topics, newCluster(conf, s.Brokers)
	return s.conn, nil
}

// config returns a copy of the configuration that knows topic ids.
func (s *Source) config() (*sarama.Config, error) {
	from := s.Config
	if from == nil {
		from = NewConfig()
	}
	conf := *from
	if !conf.Version.IsAtLeast(sarama.V2_8_0_0) && conf.ApiVersionsRequest {
		conf.Version = sarama.V2_8_0_0 // older brokers say what they can
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
