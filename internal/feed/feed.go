package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/alert/sim"
)

// Feed sends packets to a topic. Fill in and Send, as often as you like.
type Feed struct {
	Brokers []string // host:port; at least one
	Topic   string
	// Partitions is how many a topic has that must be made. 0: as the broker
	// has it by default.
	Partitions int32
	// Config says how to reach the brokers. nil is kafka.NewConfig(). It is
	// not changed.
	Config *sarama.Config
	// Rate is how many packets a second are sent. 0: as fast as possible, or
	// as Speed says.
	Rate float64
	// Speed is how many times faster than they happened packets are sent, by
	// their times. 0: times do not matter.
	Speed float64
	// Compression of the batches. The zero value is none.
	Compression sarama.CompressionCodec
	// Observe is told how many packets have been sent, and the bytes of their
	// values, each time that changes. nil: nobody is.
	Observe func(sent, bytes int64)
}

// inFlight is how many bytes of packets wait for the brokers at most, unless a
// single packet has more.
const inFlight = 32 << 20

// Send sends the packets until there are no more, one is an error, or ctx
// ends, and returns how many the brokers have. It blocks until those on their
// way have arrived.
func (f *Feed) Send(ctx context.Context, packets iter.Seq2[sim.Packet, error]) (sent int64, err error) {
	config, err := f.open(ctx)
	if err != nil {
		return 0, err
	}
	producer, err := sarama.NewAsyncProducer(f.Brokers, config)
	if err != nil {
		return 0, f.wrap(err)
	}
	s := &sending{Feed: f, producer: producer, pace: pace{rate: f.Rate, speed: f.Speed}}
	err = s.all(ctx, packets)
	if left := s.finish(ctx); err == nil {
		err = left
	}
	return s.sent, err
}

func (f *Feed) wrap(err error) error {
	return fmt.Errorf("feed: topic %s at %v: %w", f.Topic, f.Brokers, err)
}

// sending is one call of Send, all in one goroutine.
type sending struct {
	*Feed
	producer sarama.AsyncProducer
	pace     pace
	waiting  int // bytes not acknowledged
	sent     int64
	bytes    int64
	err      error // the first
}

func (s *sending) all(ctx context.Context, packets iter.Seq2[sim.Packet, error]) error {
	for p, err := range packets {
		if err != nil {
			return err
		}
		if err := s.await(ctx, p); err != nil {
			return err
		}
		if err := s.send(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// await returns when it is time for the packet.
func (s *sending) await(ctx context.Context, p sim.Packet) error {
	due := s.pace.due(p.Time)
	if due == nil {
		return ctx.Err()
	}
	defer due.Stop()
	for {
		select {
		case <-due.C:
			return nil
		case m := <-s.producer.Successes():
			s.arrived(m)
		case e := <-s.producer.Errors():
			return s.failed(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *sending) send(ctx context.Context, p sim.Packet) error {
	m := &sarama.ProducerMessage{Topic: s.Topic, Value: sarama.ByteEncoder(p.Value)}
	if p.Key != nil {
		m.Key = sarama.ByteEncoder(p.Key)
	}
	for {
		input := s.producer.Input()
		if s.waiting > 0 && s.waiting+len(p.Value) > inFlight {
			input = nil // until something has arrived
		}
		select {
		case input <- m:
			s.waiting += len(p.Value)
			return nil
		case m := <-s.producer.Successes():
			s.arrived(m)
		case e := <-s.producer.Errors():
			return s.failed(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *sending) arrived(m *sarama.ProducerMessage) {
	s.waiting -= m.Value.Length()
	s.sent++
	s.bytes += int64(m.Value.Length())
	if s.Observe != nil {
		s.Observe(s.sent, s.bytes)
	}
}

func (s *sending) failed(e *sarama.ProducerError) error {
	if e == nil {
		return s.wrap(sarama.ErrClosedClient)
	}
	s.waiting -= e.Msg.Value.Length()
	if s.err != nil {
		return s.err
	}
	size := e.Msg.Value.Length()
	s.err = s.wrap(fmt.Errorf("message of %d bytes: %w", size, e.Err))
	var refused sarama.ConfigurationError // by the producer itself
	if errors.As(e.Err, &refused) || errors.Is(e.Err, sarama.ErrMessageSizeTooLarge) {
		s.err = s.wrap(fmt.Errorf("message of %d bytes is too large: raise max.message.bytes of the topic", size))
	}
	return s.err
}

// finish waits for what is on its way, and returns the first error of it. What
// is cancelled may leave things unsettled, but not for long.
func (s *sending) finish(ctx context.Context) error {
	ctx, cancel := grace(ctx)
	defer cancel()
	s.producer.AsyncClose()
	successes, failures := s.producer.Successes(), s.producer.Errors()
	for successes != nil || failures != nil {
		select {
		case m, ok := <-successes:
			if !ok {
				successes = nil
				continue
			}
			s.arrived(m)
		case e, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			s.failed(e)
		case <-ctx.Done():
			go drain(s.producer.Successes()) // for the producer to come to its end
			go drain(s.producer.Errors())
			return s.err
		}
	}
	return s.err
}

func drain[T any](all <-chan T) {
	for range all {
	}
}
