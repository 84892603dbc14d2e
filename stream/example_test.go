package stream_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// words is a source of one partition, whose messages are strings.
type words []string

// Available says that all words can be read.
func (w words) Available(context.Context) ([]stream.Extent, error) {
	return []stream.Extent{{Range: stream.Range{Partition: "words", To: int64(len(w))}}}, nil
}

// Read yields each range as a chunk.
func (w words) Read(_ context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			record := wordRecord(w[r.From:r.To])
			more := yield(stream.Chunk{Messages: record, Accounts: []stream.Account{{Range: r, Read: r.Len()}}}, nil)
			record.Release()
			if !more {
				return
			}
		}
	}
}

func wordRecord(words []string) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "word", Type: arrow.BinaryTypes.String}}, nil))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(words, nil)
	return b.NewRecord()
}

// upper puts words in capitals.
func upper(_ context.Context, in stream.Rows) (stream.Result, error) {
	column := stream.Field(in.Record, "word").(*array.String)
	out := make([]string, column.Len())
	for i := range out {
		out[i] = strings.ToUpper(column.Value(i))
	}
	return stream.Result{Rows: []stream.Rows{{Table: "words", Record: wordRecord(out)}}}, nil
}

// show prints words.
func show(_ context.Context, rows stream.Rows) error {
	column := stream.Field(rows.Record, "word").(*array.String)
	for i := range column.Len() {
		fmt.Println(column.Value(i))
	}
	return nil
}

// The shortest useful job: a source, a transform, and a function for a sink.
func Example() {
	job := &stream.MicroBatch{
		Source:     words{"nova", "quasar", "comet"},
		Transforms: []stream.Transform{stream.TransformFunc(upper)},
		Sink:       stream.SinkFunc(show),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// NOVA
	// QUASAR
	// COMET
}

// A filter is a function of one line.
func ExampleFilter() {
	short := func(_ context.Context, in stream.Rows) (stream.Result, error) {
		column := stream.Field(in.Record, "word").(*array.String)
		return stream.Filter(in, func(row int) bool { return len(column.Value(row)) < 6 }), nil
	}
	job := &stream.MicroBatch{
		Source:     words{"nova", "quasar", "comet"},
		Transforms: []stream.Transform{stream.TransformFunc(short)},
		Sink:       stream.SinkFunc(show),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	p := job.Progress()
	fmt.Println(p.Read, "read,", p.Written, "written,", p.Dropped, "dropped")
	// Output:
	// nova
	// comet
	// 3 read, 2 written, 1 dropped
}

// A transform adds a column to the rows, or puts another in its place.
func ExampleWithColumn() {
	length := arrow.Field{Name: "length", Type: arrow.PrimitiveTypes.Int32}
	measure := func(_ context.Context, in stream.Rows) (stream.Result, error) {
		words := stream.Field(in.Record, "word").(*array.String)
		b := array.NewInt32Builder(memory.DefaultAllocator)
		defer b.Release()
		for i := range words.Len() {
			b.Append(int32(words.ValueLen(i)))
		}
		column := b.NewArray()
		defer column.Release()
		return stream.WithColumn(in, length, column)
	}
	job := &stream.MicroBatch{
		Source:     words{"nova", "quasar"},
		Transforms: []stream.Transform{stream.TransformFunc(measure)},
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			for i := range int(rows.Record.NumRows()) {
				fmt.Println(rows.Record.Column(0).ValueStr(i), stream.Field(rows.Record, "length").ValueStr(i))
			}
			return nil
		}),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// nova 4
	// quasar 6
}

// With a ledger, a restart continues where the last run ended. In a service the
// store is a store.Dir.
func ExampleMicroBatch_ledger() {
	ctx := context.Background()
	s := store.NewMemory()
	drain := func(w words) {
		l, err := ledger.Open(ctx, s, "ledger", map[string]string{"case": "lower"})
		if err != nil {
			fmt.Println(err)
			return
		}
		job := &stream.MicroBatch{Source: w, Sink: stream.SinkFunc(show), Ledger: l}
		if err := job.Drain(ctx); err != nil {
			fmt.Println(err)
		}
		fmt.Println(job.Progress().Batches, "batches")
	}
	drain(words{"nova", "quasar"})
	drain(words{"nova", "quasar"})
	drain(words{"nova", "quasar", "comet"})
	_, err := ledger.Open(ctx, s, "ledger", map[string]string{"case": "upper"})
	var other *ledger.SettingsError
	if errors.As(err, &other) {
		fmt.Printf("%s is %q, not %q\n", other.Setting, other.Have, other.Want)
	}
	// Output:
	// nova
	// quasar
	// 1 batches
	// 0 batches
	// comet
	// 1 batches
	// case is "lower", not "upper"
}

// Observe is called when a stage begins or ends, an operation is tried again, a
// batch is published, and so on.
func ExampleMicroBatch_observe() {
	down := true
	job := &stream.MicroBatch{
		Source: words{"nova", "quasar"},
		Sink: stream.SinkFunc(func(context.Context, stream.Rows) error {
			if down {
				down = false
				return errors.New("the printer is out of paper")
			}
			return nil
		}),
		Log: slog.New(slog.DiscardHandler),
		Observe: func(v stream.Event) {
			switch v.Kind {
			case stream.EventRetry:
				fmt.Printf("batch %d: %s: %v\n", v.Batch, v.Stage, v.Err)
			case stream.EventEnd:
				if v.Stage == stream.StagePublish && v.Duration < time.Minute {
					fmt.Printf("batch %d: published in time\n", v.Batch)
				}
			case stream.EventPublished:
				fmt.Printf("batch %d: %d words\n", v.Batch, v.Counts.Written)
			}
		},
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 1: stage: the printer is out of paper
	// batch 1: 2 words
	// batch 1: published in time
}

// Status says at any time what a job is doing, and how far it is behind.
func ExampleMicroBatch_Status() {
	var job *stream.MicroBatch
	job = &stream.MicroBatch{
		Source: words{"nova", "quasar", "comet"},
		Sink: stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			s := job.Status()
			for _, lag := range s.Lag {
				fmt.Printf("batch %d: %s has %d messages to publish\n", s.Batch, lag.Partition, lag.Messages)
			}
			return nil
		}),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	s := job.Status()
	fmt.Printf("%d published, %d to publish, stage %q\n", s.Progress.Written, s.Lag[0].Messages, s.Stage)
	// Output:
	// batch 1: words has 3 messages to publish
	// 3 published, 0 to publish, stage ""
}
