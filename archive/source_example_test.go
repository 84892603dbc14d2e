package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// A service reads some columns of an archive. With a ledger of its own, and Run in
// place of Drain, it gets each alert once, soon after it was archived.
func ExampleSource() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	alerttest.WriteZTF(filepath.Join(dir, "night"), 100, 3)
	service := &archive.Service{
		Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{filepath.Join(dir, "night")}}},
		Dir: filepath.Join(dir, "archive"),
	}
	if err := service.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}

	job := stream.MicroBatch{
		Source: &archive.Source{
			Dir:     filepath.Join(dir, "archive"),
			Columns: []string{"object_id", "candidate.jd", "candidate.magpsf"},
			Times: archive.TimeRange{
				Clock: sink.EventTime,
				From:  time.Date(2018, 11, 29, 7, 0, 0, 0, time.UTC),
				To:    time.Date(2018, 11, 29, 8, 0, 0, 0, time.UTC),
			},
		},
		Sink: stream.SinkFunc(func(_ context.Context, r stream.Rows) error {
			fmt.Println(r.Table, r.Record.NumRows(), "rows", stream.Field(r.Record, "candidate.magpsf") != nil)
			return nil
		}),
	}
	if err := job.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: alerts/ztf 33 rows true
}
