package main

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

// watch reads a stream, and notes on its board what comes.
type watch struct {
	Source   stream.Source
	Registry alert.Registry
	Interval time.Duration // from look to look
	Log      *slog.Logger

	board board
}

// Run watches until the context ends or enough was shown. The ledger of the
// job is in memory: each run begins where its flags say.
func (w *watch) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w.board.begin(time.Now())
	decoder := &alert.Decoder{Registry: w.Registry}
	defer decoder.Close()
	note := func(show func(arrow.Record) error) stream.Sink {
		return stream.SinkFunc(func(_ context.Context, rows stream.Rows) error {
			if err := show(rows.Record); err != nil {
				return stream.Permanent(err)
			}
			if w.board.full() {
				stop()
			}
			return nil
		})
	}
	engine := &stream.MicroBatch{
		Source:     watched{w.Source, &w.board},
		Transforms: []stream.Transform{decoder},
		Sink:       note(func(r arrow.Record) error { return w.board.saw(sightings(r)) }),
		Rejects:    note(func(r arrow.Record) error { return w.board.undecodable(rejects(r)) }),
		RecordLost: true, // it is counted
		Interval:   w.Interval,
		Log:        w.Log,
	}
	return engine.Run(ctx)
}

// watched is a source whose answers are noted. It does not pass on what else
// the source can do: nobody should be told that this was archived.
type watched struct {
	source stream.Source
	board  *board
}

// Available implements stream.Source.
func (w watched) Available(ctx context.Context) ([]stream.Extent, error) {
	list, err := w.source.Available(ctx)
	if err == nil {
		w.board.extents(list)
	}
	return list, err
}

// Read implements stream.Source.
func (w watched) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for chunk, err := range w.source.Read(ctx, ranges) {
			if err == nil {
				w.note(chunk)
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

func (w watched) note(c stream.Chunk) {
	row := int64(0)
	for _, a := range c.Accounts {
		w.board.read(a, size(c.Messages, row, row+a.Read))
		row += a.Read
	}
}

// size is how many bytes the keys and values of some messages have.
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
