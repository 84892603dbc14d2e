// Archive writes alerts into a Parquet archive by the hour, exactly once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
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

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	s, source := &o.service, o.source
	s.Source, s.Log = source, cli.Log()
	if o.registry != "" {
		if s.Registry, err = alert.OpenRegistry(ctx, o.registry); err != nil {
			return err
		}
	}
	work := s.Drain
	if !o.once {
		work, source.Settle = s.Run, settle
	}
	if err := something(ctx, source, o.once); err != nil {
		return err
	}
	if s.Store, err = openStore(s.Dir); err != nil {
		return fmt.Errorf("%w: choose with -out a directory that can be written", err)
	}
	err = o.meter.Watch(s.Progress, func() error { return work(ctx) })
	if p := s.Progress(); p.Elapsed > 0 { // it has begun
		err = errors.Join(err, o.meter.Summary(p, s.Dir))
	}
	return err
}

// settle is how long a file that may still be written to is left alone.
const settle = 5 * time.Second

// something returns an error if there is nothing to read. A service may wait
// for its first files, but says so.
func something(ctx context.Context, source *files.Source, once bool) error {
	extents, err := source.Available(ctx)
	if err != nil {
		return err
	}
	err = source.Check(ctx)
	var none *files.NoMatchError
	if !once && errors.As(err, &none) {
		slog.Warn("nothing there yet, waiting for it", "files", none.Pattern)
		return nil
	}
	if err == nil && once && len(extents) == 0 {
		err = fmt.Errorf("no alerts in %s: in a directory they end in .avro, .bin, .tar, .tgz or .tar.gz", strings.Join(source.Patterns, ","))
	}
	return err
}

// options is what the flags say.
type options struct {
	service  archive.Service
	source   *files.Source
	registry string
	once     bool
	meter    cli.Meter
}

func parse(args []string) (*options, error) {
	o := &options{meter: cli.Meter{Out: os.Stdout, Err: os.Stderr}}
	s := &o.service
	f := flag.NewFlagSet("archive", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	paths := f.String("files", "", "")
	f.StringVar(&s.Dir, "out", "archive", "")
	f.StringVar(&o.registry, "registry", "", "")
	f.DurationVar(&s.Interval, "interval", 10*time.Second, "")
	f.BoolVar(&o.once, "once", false, "")
	clock := f.String("clock", "event", "")
	compression := f.String("compression", "zstd", "")
	lost := f.String("lost", "error", "")
	f.Int64Var(&s.Limits.Rows, "max-rows", 0, "")
	f.Var((*cli.Size)(&s.Limits.Bytes), "max-bytes", "")
	f.IntVar(&s.Workers, "workers", 0, "")
	f.StringVar(&o.meter.Mode, "progress", "auto", "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	patterns := strings.Split(*paths, ",")
	o.source = &files.Source{Patterns: patterns}
	s.RecordLost = *lost == "record"
	var errClock, errCompression error
	s.Clock, errClock = sink.ParseClock(*clock)
	s.Compression, errCompression = sink.ParseCompression(*compression)
	switch {
	case errClock != nil:
		return nil, cli.UsageError{Text: errClock.Error()}
	case errCompression != nil:
		return nil, cli.UsageError{Text: errCompression.Error()}
	case !slices.Contains([]string{"error", "record"}, *lost):
		return nil, cli.UsageError{Text: fmt.Sprintf("no -lost %q: use error or record", *lost)}
	case !slices.Contains(cli.Modes, o.meter.Mode):
		return nil, cli.UsageError{Text: fmt.Sprintf("no progress %q: use auto, json or off", o.meter.Mode)}
	case *paths == "":
		return nil, cli.UsageError{Text: "say what to read: -files DIR, a file, a glob or a .tar.gz"}
	case slices.Contains(patterns, ""):
		return nil, cli.UsageError{Text: fmt.Sprintf("an empty name in -files %q", *paths)}
	case s.Dir == "":
		return nil, cli.UsageError{Text: "say where the archive is: -out DIR"}
	case s.Interval <= 0 || s.Limits.Rows < 0 || s.Workers < 0:
		return nil, cli.UsageError{Text: "-interval must be positive, -max-rows and -workers not negative"}
	}
	return o, nil
}
