// Archive writes alerts into a Parquet archive by the hour, exactly once.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/files"
)

func main() { os.Exit(cli.Main("archive", run)) }

func run(ctx context.Context, args []string) (err error) {
	s := &archive.Service{Wrap: wrap, Log: cli.Log()}
	f := flag.NewFlagSet("archive", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	paths := f.String("files", "", "")
	f.StringVar(&s.Dir, "out", "archive", "")
	registry := f.String("registry", "", "")
	f.DurationVar(&s.Interval, "interval", 10*time.Second, "")
	once := f.Bool("once", false, "")
	clock := f.String("clock", "event", "")
	compression := f.String("compression", "zstd", "")
	f.Int64Var(&s.Limits.Rows, "max-rows", 0, "")
	f.Var((*cli.Size)(&s.Limits.Bytes), "max-bytes", "")
	f.IntVar(&s.Workers, "workers", 0, "")
	meter := cli.Meter{Out: os.Stdout, Err: os.Stderr}
	f.StringVar(&meter.Mode, "progress", "auto", "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if s.Clock, err = sink.ParseClock(*clock); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	if s.Compression, err = sink.ParseCompression(*compression); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	switch {
	case !slices.Contains(cli.Modes, meter.Mode):
		return cli.UsageError{Text: fmt.Sprintf("no progress %q: use auto, json or off", meter.Mode)}
	case *paths == "":
		return cli.UsageError{Text: "say what to read: -files DIR, a file, a glob or a .tar.gz"}
	case s.Interval <= 0 || s.Limits.Rows < 0 || s.Workers < 0:
		return cli.UsageError{Text: "-interval, -max-rows and -workers must be positive"}
	}
	if *registry != "" {
		if s.Registry, err = alert.OpenRegistry(ctx, *registry); err != nil {
			return err
		}
	}
	source := &files.Source{Patterns: strings.Split(*paths, ",")}
	if !*once {
		source.Settle = 2 * time.Second
	}
	s.Source = source
	extents, err := source.Available(ctx)
	if err != nil {
		return err
	}
	work := s.Run
	if *once {
		work = s.Drain
		if len(extents) == 0 {
			return fmt.Errorf("no alerts in %s: files end in .avro, .bin, .tar or .tar.gz", *paths)
		}
	}
	if err := meter.Watch(s.Progress, func() error { return work(ctx) }); err != nil {
		return err
	}
	meter.Summary(s.Progress(), s.Dir)
	return nil
}
