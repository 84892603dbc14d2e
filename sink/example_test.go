package sink_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// alerts returns three alerts in one record, as an engine makes of messages.
func alerts() iter.Seq2[stream.Rows, error] {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "event_time", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "candidate", Type: arrow.StructOf(arrow.Field{Name: "magpsf", Type: arrow.PrimitiveTypes.Float32, Nullable: true}), Nullable: true},
	}, nil)
	return func(yield func(stream.Rows, error) bool) {
		r, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
			{"alert_id": 1, "event_time": "2026-09-18 03:59:59.9", "candidate": {"magpsf": 18.5}},
			{"alert_id": 2, "event_time": "2026-09-18 04:00:00", "candidate": null},
			{"alert_id": 3, "event_time": "2026-09-18 03:10:00", "candidate": {"magpsf": 19.25}}]`))
		if err != nil {
			yield(stream.Rows{}, err)
			return
		}
		defer r.Release()
		yield(stream.Rows{Table: "alerts/ztf", Record: r}, nil)
	}
}

// An engine does this for each batch, with the ledger's commit between Stage
// and Publish.
func ExampleParquet() {
	dir, err := os.MkdirTemp("", "archive-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	st, err := store.OpenDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	p := &sink.Parquet{Store: st}
	id := stream.BatchID{Ledger: "5f2c81aa", Number: 42}
	receipt, err := p.Stage(ctx, stream.Batch{BatchID: id, Attempt: "first", Rows: alerts()})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Publish(ctx, id, receipt); err != nil {
		log.Fatal(err)
	}
	for _, f := range receipt.Files {
		fmt.Println(f.Path, f.Rows, f.First.Format("15:04:05"), f.Last.Format("15:04:05"))
	}
	// Output:
	// alerts/ztf/2026/09/18/03/5f2c81aa-000000000042-0.parquet 2 03:10:00 03:59:59
	// alerts/ztf/2026/09/18/04/5f2c81aa-000000000042-1.parquet 1 04:00:00 04:00:00
}

func ExampleConsole() {
	c := sink.Console{Columns: []string{"alert_id", "candidate.magpsf", "event_time"}}
	if _, err := c.Stage(context.Background(), stream.Batch{Rows: alerts()}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// alert_id=1 candidate.magpsf=18.5 event_time=2026-09-18T03:59:59.9Z
	// alert_id=2 candidate.magpsf=null event_time=2026-09-18T04:00:00Z
	// alert_id=3 candidate.magpsf=19.25 event_time=2026-09-18T03:10:00Z
}

// An archive, and a count of its alerts.
func ExampleTee() {
	count := 0
	tee := sink.Tee{
		&sink.Parquet{Store: store.NewMemory(), Clock: sink.EventTime},
		stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
			count += int(r.Record.NumRows())
			return nil
		}),
	}
	ctx := context.Background()
	id := stream.BatchID{Ledger: "5f2c81aa", Number: 42}
	receipt, err := tee.Stage(ctx, stream.Batch{BatchID: id, Attempt: "first", Rows: alerts()})
	if err != nil {
		log.Fatal(err)
	}
	if err := tee.Publish(ctx, id, receipt); err != nil {
		log.Fatal(err)
	}
	for f := range receipt.All() {
		fmt.Println(f.Path)
	}
	fmt.Println(count, "alerts")
	// Output:
	// alerts/ztf/2026/09/18/03/5f2c81aa-000000000042-0.parquet
	// alerts/ztf/2026/09/18/04/5f2c81aa-000000000042-1.parquet
	// 3 alerts
}

// Each alert goes to the filters that it passes.
func ExampleFanOut() {
	print := func(name string) sink.Route {
		return sink.Route{Name: name, Sink: stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
			fmt.Println(name, r.Record.Column(0))
			return nil
		})}
	}
	f := sink.FanOut{
		Routes: []sink.Route{print("odd"), print("all"), print("none")},
		Choose: func(_ context.Context, rows stream.Rows, chosen [][]int32) error {
			for row, id := range rows.Record.Column(0).(*array.Int64).Int64Values() {
				if id%2 == 1 {
					chosen[0] = append(chosen[0], int32(row))
				}
				chosen[1] = append(chosen[1], int32(row))
			}
			return nil
		},
	}
	if _, err := f.Stage(context.Background(), stream.Batch{Rows: alerts()}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// odd [1 3]
	// all [1 2 3]
}
