package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/alert/sim"
)

// Feed sends packets to a topic. It may be used for several calls of Send.
type Feed struct {
	Brokers []string // host:port; at least one
	Topic   string
	// Partitions is the number of partitions of a topic that Send creates. If
	// zero, it is the broker's default.
	Partitions int32
	// Config says how to reach the brokers. If nil, it is kafka.NewConfig().
	// Send does not modify it.
	Config *sarama.Config
	// Rate is the number of packets sent per second. If zero, Speed counts.
	Rate float64
	// Speed is how many times faster than their own times packets are sent. If
	// both are zero, packets are sent as fast as possible.
	Speed float64
	// Compression is the codec of the batches. The zero value is no compression.
	Compression sarama.CompressionCodec
	// Observe, if not nil, is called after each packet with the number sent so
	// far and the bytes of their values.
	Observe func(sent, bytes int64)
}

// inFlight bounds the bytes of packets that wait for the brokers, except for a
// single larger packet.
const inFlight = 32 << 20

// Send sends packets until the sequence ends, an error occurs, or ctx ends. It
// waits for the packets in flight and returns the number that the brokers have.
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
	pending  int // messages not acknowledged
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

// await blocks until the packet is due.
func (s *sending) await(ctx context.Context, p sim.Packet) error {
	due := s.pace.due(p.Time)
	if due == nil {
		return ctx.Err()
	}
	defer due.Stop()
	for {
		if done, err := s.step(ctx, due.C, nil, nil); done || err != nil {
			return err
		}
	}
}

// send hands a packet to the producer.
func (s *sending) send(ctx context.Context, p sim.Packet) error {
	m := &sarama.ProducerMessage{Topic: s.Topic, Value: sarama.ByteEncoder(p.Value)}
	if p.Key != nil {
		m.Key = sarama.ByteEncoder(p.Key)
	}
	for {
		input := s.producer.Input()
		if s.waiting > 0 && s.waiting+len(p.Value) > inFlight {
			input = nil // until a packet has arrived
		}
		done, err := s.step(ctx, nil, input, m)
		if done {
			s.waiting += len(p.Value)
			s.pending++
		}
		if done || err != nil {
			return err
		}
	}
}

// step waits for one event, and reports whether it was due or m has been sent to
// input. Either channel may be nil.
func (s *sending) step(ctx context.Context, due <-chan time.Time, input chan<- *sarama.ProducerMessage, m *sarama.ProducerMessage) (done bool, err error) {
	select {
	case <-due:
		return true, nil
	case input <- m:
		return true, nil
	case m := <-s.producer.Successes():
		s.arrived(m)
		return false, nil
	case e := <-s.producer.Errors():
		return false, s.failed(e)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *sending) arrived(m *sarama.ProducerMessage) {
	s.waiting -= m.Value.Length()
	s.pending--
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
	s.pending--
	if s.err != nil {
		return s.err
	}
	size := e.Msg.Value.Length()
	s.err = s.wrap(fmt.Errorf("message of %d bytes: %w", size, e.Err))
	var refused sarama.ConfigurationError // of the producer itself
	if errors.As(e.Err, &refused) || errors.Is(e.Err, sarama.ErrMessageSizeTooLarge) {
		s.err = s.wrap(fmt.Errorf("message of %d bytes is too large: raise max.message.bytes of the topic", size))
	}
	return s.err
}

// finish waits for the packets in flight and returns the first error. After a
// cancellation it waits for a few seconds only.
func (s *sending) finish(ctx context.Context) error {
	ctx, cancel := grace(ctx)
	defer cancel()
	// A producer that is being closed tries nothing again, such as what it has sent to
	// a new topic without a leader.
	for s.pending > 0 && s.err == nil {
		if _, err := s.step(ctx, nil, nil, nil); err != nil {
			break
		}
	}
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
			go drain(s.producer.Successes()) // so that the producer can end
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
