// Package checkstream is the command checkstream, which shows what an alert
// stream carries and stores nothing.
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

// Run runs the command.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	w := &watch{Interval: o.interval, stats: stats{limit: o.count}}
	if o.kafka.Simulator {
		d, err := demo.Start(ctx, demo.Night{})
		if err != nil {
			return err
		}
		defer d.Close()
		o.kafka.Use(d.Brokers, d.Topics)
		w.Registry = d.Registry
	}
	if o.registry != "" {
		r, err := alert.OpenRegistry(ctx, o.registry)
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
	if o.span > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.span)
		defer cancel()
	}
	w.Source, w.Log = source, source.Log
	if _, _, terminal := cli.Terminal(os.Stdout); terminal && !o.lines {
		s := &screen{Out: os.Stdout, Title: strings.Join(source.Topics, ",") + " at " + strings.Join(source.Brokers, ",")}
		w.Log, source.Log = s.Log(), s.Log()
		err = s.Watch(&w.stats, o.interval, func() error { return w.Run(ctx) })
	} else {
		w.stats.lines = &lines{Out: os.Stdout, Err: os.Stderr}
		err = w.Run(ctx)
	}
	_, errSummary := fmt.Fprint(os.Stderr, summary(w.stats.summarize(time.Now())))
	return cmp.Or(err, errSummary)
}

// options are the values of the flags.
type options struct {
	kafka    cli.Kafka
	registry string
	count    int64
	span     time.Duration
	interval time.Duration
	lines    bool
}

func parse(args []string) (*options, error) {
	o := &options{kafka: cli.Kafka{Observer: true, Start: kafka.Latest()}}
	f := flag.NewFlagSet("checkstream", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	o.kafka.Flags(f)
	f.StringVar(&o.registry, "registry", "", "")
	f.Int64Var(&o.count, "n", 0, "")
	f.DurationVar(&o.span, "for", 0, "")
	f.DurationVar(&o.interval, "interval", 500*time.Millisecond, "")
	f.BoolVar(&o.lines, "lines", false, "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	if o.count < 0 || o.span < 0 || o.interval <= 0 {
		return nil, cli.UsageError{Text: "-n and -for must not be negative, -interval must be positive"}
	}
	return o, o.kafka.Check()
}
