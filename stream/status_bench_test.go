package stream

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"
)

// BenchmarkMeter reads chunks of 64 messages of 40 KB from 16 partitions into a
// job that does nothing with them: what remains is the engine. Its events and
// status must be a small part of that, and so of any real job:
//
//	go test ./stream -run - -bench Meter -cpuprofile cpu && go tool pprof -top -cum stream.test cpu
func BenchmarkMeter(b *testing.B) {
	src := &repeated{messages: int64(b.N)/16 + 1}
	m := &MicroBatch{Source: src, Sink: discardRows, Log: quiet(), Workers: 1}
	var events int
	m.Observe = func(Event) { events++ }
	b.SetBytes(40_000)
	b.ResetTimer()
	require.NoError(b, m.Drain(b.Context()))
	b.ReportMetric(float64(events)/float64(m.Progress().Batches), "events/batch")
}

// repeated is a source whose messages are all equal, but for their times.
type repeated struct{ messages int64 } // of each partition

func (s *repeated) Available(context.Context) (out []Extent, err error) {
	for p := range 16 {
		out = append(out, Extent{Range: Range{Partition: fmt.Sprint("cluster/topic@id/", p), To: s.messages}, Bytes: s.messages * 40_000})
	}
	return out, nil
}

func (s *repeated) Read(_ context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		b := NewMessageBuilder(memory.DefaultAllocator)
		defer b.Release()
		value := memory.NewBufferBytes(make([]byte, 40_000))
		for _, r := range ranges {
			for from := r.From; from < r.To; from += 64 {
				to := min(from+64, r.To)
				for o := from; o < to; o++ {
					b.Append(Message{Topic: "topic", Offset: o, Time: time.UnixMilli(o), Value: View{value, 0, 40_000}})
				}
				rec := b.NewRecord()
				more := yield(Chunk{Messages: rec, Accounts: []Account{{Range: Range{Partition: r.Partition, From: from, To: to}, Read: to - from}}}, nil)
				rec.Release()
				if !more {
					return
				}
			}
		}
	}
}
