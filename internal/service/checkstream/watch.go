package checkstream

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/stream"
)

// watch reads a stream and keeps statistics of it.
type watch struct {
	Source   stream.Source
	Registry alert.Registry
	Interval time.Duration // between batches
	Log      *slog.Logger

	stats stats
}

// Run watches until the context ends or the limit is reached. The job has no
// ledger: each run begins where its flags say.
func (w *watch) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w.stats.begin(time.Now())
	decoder := &alert.Decoder{Registry: w.Registry}
	defer decoder.Close()
	sinkOf := func(show func(arrow.Record) error) stream.Sink {
		return stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			if err := show(rows.Record); err != nil {
				return stream.Permanent(err)
			}
			if w.stats.full() {
				stop()
			}
			return nil
		})
	}
	job := &stream.MicroBatch{
		Source:     watched{w.Source, &w.stats},
		Transforms: []stream.Transform{decoder},
		Sink:       sinkOf(func(r arrow.Record) error { return w.stats.addAlerts(alertRows(r)) }),
		Rejects:    sinkOf(func(r arrow.Record) error { return w.stats.addUndecodable(rejects(r)) }),
		RecordLost: true, // it is counted
		Interval:   w.Interval,
		Log:        w.Log,
	}
	return job.Run(ctx)
}

// watched is a source that keeps statistics. It hides that the source is a
// stream.Committer, because nothing is archived.
type watched struct {
	source stream.Source
	stats  *stats
}

// Available implements stream.Source.
func (w watched) Available(ctx context.Context) ([]stream.Extent, error) {
	list, err := w.source.Available(ctx)
	if err == nil {
		w.stats.setExtents(list)
	}
	return list, err
}

// Read implements stream.Source.
func (w watched) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for chunk, err := range w.source.Read(ctx, ranges) {
			if err == nil {
				w.count(chunk)
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

func (w watched) count(c stream.Chunk) {
	row := int64(0)
	for _, a := range c.Accounts {
		w.stats.addRead(a, size(c.Messages, row, row+a.Read))
		row += a.Read
	}
}

// size returns the number of bytes of the keys and values of some messages.
func size(messages arrow.Record, from, to int64) (n int64) {
	for _, column := range []int{stream.ColKey, stream.ColValue} {
		if from == to {
			return 0
		}
		if views, ok := messages.Column(column).(*array.BinaryView); ok {
			for i := from; i < to; i++ {
				n += int64(views.ValueLen(int(i)))
			}
		}
	}
	return n
}
