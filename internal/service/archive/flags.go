package archive

import (
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

// options is what the flags say.
type options struct {
	service  archive.Service
	files    []string
	kafka    cli.Kafka
	registry cli.Registry
	once     bool
	demo     bool // no flag was given
	meter    cli.Meter
	watch    cli.Watch
}

func parse(args []string) (*options, error) {
	o := &options{meter: cli.Meter{Err: os.Stderr}}
	s := &o.service
	job := &s.Job
	f := flag.NewFlagSet("archive", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	paths := f.String("files", "", "")
	o.kafka.Flags(f)
	f.StringVar(&s.Dir, "out", "archive", "")
	o.registry.Flags(f)
	o.watch.Flags(f)
	f.DurationVar(&job.Interval, "interval", 10*time.Second, "")
	f.BoolVar(&o.once, "once", false, "")
	clock := f.String("clock", "event", "")
	compression := f.String("compression", "zstd", "")
	lost := f.String("lost", "error", "")
	compact := f.Bool("compact", false, "")
	f.Int64Var(&job.Limits.Rows, "max-rows", 0, "")
	f.Var((*cli.Size)(&job.Limits.Bytes), "max-bytes", "")
	share := f.Float64("late-share", 0.5, "")
	f.IntVar(&job.Workers, "workers", 0, "")
	f.StringVar(&o.meter.Mode, "progress", "auto", "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	if f.NFlag() == 0 {
		o.demo, o.once, o.kafka.Simulator = true, true, true
		s.Dir = demoDir
	}
	job.RecordLost = *lost == "record"
	if *compact {
		s.Compact = &archive.Compaction{Quiet: time.Hour}
	}
	if job.Limits.BacklogShare = *share; *share == 0 {
		job.Limits.BacklogShare = -1
	}
	var err error
	if s.Clock, err = sink.ParseClock(*clock); err != nil {
		return nil, cli.UsageError{Text: err.Error()}
	}
	if s.Compression, err = sink.ParseCompression(*compression); err != nil {
		return nil, cli.UsageError{Text: err.Error()}
	}
	if o.files, err = splitPaths(*paths); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]string{"error", "record"}, *lost):
		return nil, cli.UsageError{Text: fmt.Sprintf("-lost %q: use error or record", *lost)}
	case !(*share >= 0 && *share <= 1):
		return nil, cli.UsageError{Text: fmt.Sprintf("-late-share %v: use 0 to 1", *share)}
	}
	return o, o.check()
}

// splitPaths splits the value of -files.
func splitPaths(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	paths := strings.Split(text, ",")
	if slices.Contains(paths, "") {
		return nil, cli.UsageError{Text: fmt.Sprintf("-files %q has an empty name", text)}
	}
	return paths, nil
}

var errNoDir = cli.UsageError{Text: "say where the archive is: -out DIR"}

// check checks flags whose values are valid but may not fit together.
func (o *options) check() error {
	s := &o.service
	switch {
	case !slices.Contains(cli.Modes, o.meter.Mode):
		return cli.UsageError{Text: fmt.Sprintf("-progress %q: use auto, json or off", o.meter.Mode)}
	case o.files == nil && !o.kafka.Given():
		return cli.UsageError{Text: "say what to read: -brokers HOST:PORT -topics NAME, or -files DIR, a file, a glob or a .tar.gz"}
	case o.files != nil && o.kafka.Given():
		return cli.UsageError{Text: "-files and a stream need two archives: leave out -files, or the flags of the stream"}
	case s.Dir == "":
		return errNoDir
	case s.Job.Interval <= 0 || s.Job.Limits.Rows < 0 || s.Job.Workers < 0:
		return cli.UsageError{Text: "-interval must be positive, -max-rows and -workers not negative"}
	}
	if err := o.watch.Check(); err != nil || o.files != nil {
		return err
	}
	return o.kafka.Check()
}
