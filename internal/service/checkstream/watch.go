package checkstream

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

// watcher reads a stream and counts it in stats.
type watcher struct {
	Source   stream.Source
	Registry alert.Registry
	Interval time.Duration // between two requests for the extents
	Log      *slog.Logger
	Watch    *cli.Server // if nil, nobody watches

	stats stats
}

// Run reads until the context ends or the limit of stats is reached. The job's
// ledger is in memory, so each run begins where its flags say.
func (w *watcher) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w.stats.start(time.Now())
	decoder := &alert.Decoder{Registry: w.Registry}
	defer decoder.Close()
	counted := func(count func(arrow.Record) error) stream.Sink {
		return stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			if err := count(rows.Record); err != nil {
				return stream.Permanent(err)
			}
			if w.stats.full() {
				stop()
			}
			return nil
		})
	}
	engine := &stream.MicroBatch{
		Source:     countedSource{w.Source, &w.stats},
		Transforms: []stream.Transform{decoder},
		Sink:       counted(func(r arrow.Record) error { return w.stats.addAlerts(alertRows(r)) }),
		Rejects:    counted(func(r arrow.Record) error { return w.stats.addRejects(rejectRows(r)) }),
		RecordLost: true, // stats shows it
		Interval:   w.Interval,
		Limits:     stream.Limits{BacklogShare: 1}, // stats needs the offsets in order
		Log:        w.Log,
	}
	if w.Watch == nil {
		return engine.Run(ctx)
	}
	job := &monitor.Job{Name: "checkstream", MicroBatch: engine}
	if r, ok := w.Registry.(interface{ Check(context.Context) error }); ok {
		job.Checks = map[string]func(context.Context) error{"registry": r.Check}
	}
	w.Watch.Add(job)
	return w.Watch.Run(ctx, func() error { return engine.Run(ctx) })
}

// countedSource counts what a source returns. It hides the source's other
// methods, so that no offsets are committed.
type countedSource struct {
	source stream.Source
	stats  *stats
}

// Available implements stream.Source.
func (c countedSource) Available(ctx context.Context) ([]stream.Extent, error) {
	list, err := c.source.Available(ctx)
	if err == nil {
		c.stats.setExtents(list)
	}
	return list, err
}

// Read implements stream.Source.
func (c countedSource) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for chunk, err := range c.source.Read(ctx, ranges) {
			if err == nil {
				c.count(chunk)
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// Ping implements stream.Pinger.
func (c countedSource) Ping(ctx context.Context) error {
	if p, ok := c.source.(stream.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c countedSource) count(chunk stream.Chunk) {
	row := int64(0)
	for _, a := range chunk.Accounts {
		c.stats.addRead(a, size(chunk.Messages, row, row+a.Read))
		row += a.Read
	}
}

// size returns the bytes of the keys and values in rows [from, to).
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
