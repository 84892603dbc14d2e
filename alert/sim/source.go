package sim

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// Source is a [stream.Source] of simulated alerts, for programs and tests that
// have no broker. It has one partition, whose offsets number the alerts of a
// Simulator from 0; equal sources return equal messages. The partition's name
// contains all settings of the Simulator.
//
// A Source keeps no state and may be used concurrently. Reading from offset n
// also makes the n alerts before it.
type Source struct {
	// Simulator makes the alerts. LSST's need a decoder whose registry is a
	// [Registry].
	Simulator Simulator
	// Count is the number of alerts. If zero, it is the number of alerts in one
	// night.
	Count int64
}

// sourceChunk is the number of messages per chunk; chunks end at its multiples.
const sourceChunk = 100

// Available implements stream.Source. It never blocks.
func (s *Source) Available(context.Context) ([]stream.Extent, error) {
	if s.Count < 0 {
		return nil, stream.Permanent(fmt.Errorf("sim: source: Count is %d, it must not be negative", s.Count))
	}
	return []stream.Extent{{Range: stream.Range{Partition: s.partition(), To: s.count()}}}, nil
}

func (s *Source) count() int64 { return cmp.Or(s.Count, int64(s.Simulator.alerts())) }

// partition returns the name of the partition.
func (s *Source) partition() string {
	m := &s.Simulator
	start := m.start().UTC().Format("20060102T150405.999999999Z")
	return fmt.Sprintf("sim/%v?seed=%d&start=%s&night=%v&alerts=%d", m.Survey, m.Seed, start, m.night(), m.alerts())
}

// Read implements stream.Source. The time of a message is that of its alert.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		b := stream.NewMessageBuilder(memory.DefaultAllocator)
		defer b.Release()
		for _, r := range ranges {
			if more, err := s.read(ctx, b, r, yield); err != nil {
				yield(stream.Chunk{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// read yields the chunks of one range, and reports whether to go on.
func (s *Source) read(ctx context.Context, b *stream.MessageBuilder, r stream.Range, yield func(stream.Chunk, error) bool) (bool, error) {
	if r.Partition != s.partition() || r.From < 0 || r.To < r.From || r.To > s.count() {
		return false, stream.Permanent(fmt.Errorf("sim: source: %v is not of %s", r, s.partition()))
	}
	if r.From == r.To {
		return true, nil
	}
	next, begin := int64(0), r.From
	for p, err := range s.Simulator.Packets(r.To) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return false, err
		}
		if next >= r.From {
			value := memory.NewBufferBytes(p.Value)
			b.Append(stream.Message{
				Topic: "sim-" + s.Simulator.Survey.String(), Offset: next, Time: p.Time,
				Value: stream.View{Buffer: value, To: value.Len()},
			})
			value.Release()
		}
		next++
		if next == r.To || next > r.From && next%sourceChunk == 0 {
			if !yieldChunk(b, stream.Range{Partition: r.Partition, From: begin, To: next}, yield) {
				return false, nil
			}
			begin = next
		}
	}
	return true, nil
}

// yieldChunk yields the builder's messages, which are those of r.
func yieldChunk(b *stream.MessageBuilder, r stream.Range, yield func(stream.Chunk, error) bool) bool {
	messages := b.NewRecord()
	defer messages.Release()
	return yield(stream.Chunk{Messages: messages, Accounts: []stream.Account{{Range: r, Read: r.Len()}}}, nil)
}
