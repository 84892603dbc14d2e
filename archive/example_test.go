package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// A night of alerts becomes an archive; the second run finds nothing new.
func ExampleService() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	night := filepath.Join(dir, "night")
	alerttest.WriteZTF(night, 100, 3)

	s := &archive.Service{
		Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{night}}},
		Dir: filepath.Join(dir, "archive"),
	}
	for range 2 {
		if err := s.Drain(context.Background()); err != nil {
			fmt.Println(err)
		}
		p := s.Progress()
		fmt.Println(p.Written, "alerts in", p.Files, "files")
	}
	hours, _ := filepath.Glob(filepath.Join(s.Dir, "alerts/ztf/*/*/*/*"))
	for _, h := range hours {
		hour, _ := filepath.Rel(s.Dir, h)
		fmt.Println(filepath.ToSlash(hour))
	}
	// Output:
	// 100 alerts in 3 files
	// 0 alerts in 0 files
	// alerts/ztf/2018/11/29/06
	// alerts/ztf/2018/11/29/07
	// alerts/ztf/2018/11/29/08
}

// The same archive, wired by hand: every part can be replaced.
func Example_wiring() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	alerttest.WriteZTF(filepath.Join(dir, "night"), 100, 3)

	ctx := context.Background()
	out, err := store.OpenDir(filepath.Join(dir, "archive"))
	if err != nil {
		fmt.Println(err)
	}
	ledger, err := ledger.Open(ctx, out, "ledger", nil)
	if err != nil {
		fmt.Println(err)
	}
	job := &stream.MicroBatch{
		Source:     &files.Source{Patterns: []string{filepath.Join(dir, "night")}},
		Transforms: []stream.Transform{&alert.Decoder{Schemas: ledger}},
		Sink:       &sink.Parquet{Store: out, Schemas: ledger, Compression: sink.Snappy},
		Rejects:    &sink.Parquet{Store: out, Clock: sink.IngestTime},
		Ledger:     ledger,
	}
	if err := job.Drain(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(job.Progress().Written, "alerts in", job.Progress().Files, "files")
	// Output: 100 alerts in 3 files
}
