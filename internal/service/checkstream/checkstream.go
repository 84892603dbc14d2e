package checkstream

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// Run runs the command with its arguments until ctx ends.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	server, err := o.web.Open()
	if err != nil {
		return err
	}
	defer server.Close()
	w := &watcher{Interval: o.interval, stats: stats{limit: o.count}, Watch: server}
	if o.kafka.Simulator {
		d, err := demo.Start(ctx, demo.Night{})
		if err != nil {
			return err
		}
		defer d.Close()
		o.kafka.Use(d.Brokers, d.Topics)
		w.Registry = d.Registry
	}
	if at, err := o.registry.Address(); err != nil {
		return err
	} else if at != "" {
		r, err := alert.OpenRegistry(ctx, at)
		if err == nil {
			err = r.Check(ctx)
		}
		if err != nil {
			return err
		}
		w.Registry = r
	}
	source, err := o.kafka.Source()
	if err != nil {
		return err
	}
	defer source.Close()
	if err := source.Check(ctx); err != nil {
		return err
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	err = o.watch(ctx, w, source)
	_, errSummary := fmt.Fprint(os.Stderr, summary(w.stats.report(time.Now())))
	return cmp.Or(err, errSummary)
}

// watch shows a source: as a table on a terminal, otherwise as lines.
func (o *options) watch(ctx context.Context, w *watcher, source *kafka.Source) error {
	w.Source, w.Log = source, source.Log
	if _, _, terminal := cli.Terminal(os.Stdout); terminal && !o.lines {
		s := &screen{Out: os.Stdout, Title: strings.Join(source.Topics, ",") + " at " + strings.Join(source.Brokers, ",")}
		w.Log, source.Log = s.Log(), s.Log()
		return s.Watch(&w.stats, o.interval, func() error { return w.Run(ctx) })
	}
	w.stats.lines = &lines{Out: os.Stdout, Err: os.Stderr}
	return w.Run(ctx)
}

// options are the flags.
type options struct {
	kafka    cli.Kafka
	registry cli.Registry
	count    int64
	duration time.Duration
	interval time.Duration
	lines    bool
	web      cli.Watch
}

func parse(args []string) (*options, error) {
	o := &options{kafka: cli.Kafka{Observer: true, Stream: kafka.Flags{Start: kafka.Latest()}}}
	f := flag.NewFlagSet("checkstream", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	o.kafka.Flags(f)
	o.registry.Flags(f)
	o.web.Flags(f)
	f.Int64Var(&o.count, "n", 0, "")
	f.DurationVar(&o.duration, "for", 0, "")
	f.DurationVar(&o.interval, "interval", 500*time.Millisecond, "")
	f.BoolVar(&o.lines, "lines", false, "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	if o.count < 0 || o.duration < 0 || o.interval <= 0 {
		return nil, cli.UsageError{Text: "-n and -for must not be negative, -interval must be positive"}
	}
	if err := o.web.Check(); err != nil {
		return nil, err
	}
	return o, o.kafka.Check()
}
