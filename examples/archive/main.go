// Archive writes alerts into a Parquet archive by the hour, exactly once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
)

func main() { os.Exit(cli.Main("archive", run)) }

// commands are what archive does besides archiving.
var commands = map[string]func(context.Context, []string) error{
	"audit":           audit,
	"replay-rejected": replayRejected,
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	in, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	s := &o.service
	s.Source, s.Registry, s.Log = in.source, in.registry, cli.Log()
	if s.Store, err = openStore(s.Dir); err != nil {
		return fmt.Errorf("%w: choose with -out a directory that can be written", err)
	}
	rig(s)
	err = o.meter.Watch(s.Progress, func() error { return in.work(ctx, s) })
	if p := s.Progress(); p.Elapsed > 0 { // it has begun
		err = errors.Join(err, o.meter.Summary(p, s.Dir))
	}
	if o.demo && err == nil {
		fmt.Fprintf(o.meter.Out, afterDemo, s.Dir)
	}
	return err
}

// options is what the flags say.
type options struct {
	service  archive.Service
	files    []string
	kafka    cli.Kafka
	registry string
	once     bool
	demo     bool // no flag at all
	meter    cli.Meter
}

// demoDir is the archive of a first run, which must not be mixed with another.
const demoDir = "skyfinch-demo"

func parse(args []string) (*options, error) {
	o := &options{meter: cli.Meter{Out: os.Stdout, Err: os.Stderr}}
	s := &o.service
	f := flag.NewFlagSet("archive", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	paths := f.String("files", "", "")
	o.kafka.Flags(f)
	f.StringVar(&s.Dir, "out", "archive", "")
	f.StringVar(&o.registry, "registry", "", "")
	f.DurationVar(&s.Interval, "interval", 10*time.Second, "")
	f.BoolVar(&o.once, "once", false, "")
	clock := f.String("clock", "event", "")
	compression := f.String("compression", "zstd", "")
	lost := f.String("lost", "error", "")
	f.Int64Var(&s.Limits.Rows, "max-rows", 0, "")
	f.Var((*cli.Size)(&s.Limits.Bytes), "max-bytes", "")
	share := f.Float64("late-share", 0.5, "")
	f.IntVar(&s.Workers, "workers", 0, "")
	f.StringVar(&o.meter.Mode, "progress", "auto", "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	if f.NFlag() == 0 {
		o.demo, o.once, o.kafka.Simulator = true, true, true
		s.Dir = demoDir
	}
	s.RecordLost = *lost == "record"
	if s.Limits.BacklogShare = *share; *share == 0 {
		s.Limits.BacklogShare = -1
	}
	var errClock, errCompression error
	s.Clock, errClock = sink.ParseClock(*clock)
	s.Compression, errCompression = sink.ParseCompression(*compression)
	if *paths != "" {
		o.files = strings.Split(*paths, ",")
	}
	switch {
	case errClock != nil:
		return nil, cli.UsageError{Text: errClock.Error()}
	case errCompression != nil:
		return nil, cli.UsageError{Text: errCompression.Error()}
	case !slices.Contains([]string{"error", "record"}, *lost):
		return nil, cli.UsageError{Text: fmt.Sprintf("no -lost %q: use error or record", *lost)}
	case !slices.Contains(cli.Modes, o.meter.Mode):
		return nil, cli.UsageError{Text: fmt.Sprintf("no progress %q: use auto, json or off", o.meter.Mode)}
	case o.files == nil && !o.kafka.Given():
		return nil, cli.UsageError{Text: "say what to read: -brokers HOST:PORT -topics NAME, or -files DIR, a file, a glob or a .tar.gz"}
	case o.files != nil && o.kafka.Given():
		return nil, cli.UsageError{Text: "-files and a stream are two archives: leave out -files, or the flags of the stream"}
	case slices.Contains(o.files, ""):
		return nil, cli.UsageError{Text: fmt.Sprintf("an empty name in -files %q", *paths)}
	case s.Dir == "":
		return nil, cli.UsageError{Text: "say where the archive is: -out DIR"}
	case !(*share >= 0 && *share <= 1):
		return nil, cli.UsageError{Text: fmt.Sprintf("-late-share %v is no part of a batch: use 0 to 1", *share)}
	case s.Interval <= 0 || s.Limits.Rows < 0 || s.Workers < 0:
		return nil, cli.UsageError{Text: "-interval must be positive, -max-rows and -workers not negative"}
	}
	if o.files == nil {
		return o, o.kafka.Check()
	}
	return o, nil
}
