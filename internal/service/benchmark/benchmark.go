// Package benchmark is the command benchmark, which measures what archiving
// costs, beside a plain fetch of the same topic and a plain write of the same
// bytes.
package benchmark

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
)

// Run runs the command.
func Run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == childArg {
		return child(ctx, os.Stdin, os.Stdout)
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return benchmark(ctx, o, os.Stdout, os.Stderr)
}

// options are the values of the flags.
type options struct {
	brokers      []string
	config       string
	survey       sim.Survey
	n            int
	packets      string
	compressions []string
	runs         int
	partitions   int
	dir          string
	keep         bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	f.Func("brokers", "", func(text string) (err error) {
		o.brokers, err = cli.ParseBrokers(text)
		return err
	})
	f.StringVar(&o.config, "kafka-config", "", "")
	survey := f.String("survey", "ztf", "")
	f.IntVar(&o.n, "n", 2000, "")
	f.StringVar(&o.packets, "packets", "", "")
	compression := f.String("compression", "both", "")
	f.IntVar(&o.runs, "runs", 3, "")
	f.IntVar(&o.partitions, "partitions", 4, "")
	f.StringVar(&o.dir, "dir", "", "")
	f.BoolVar(&o.keep, "keep", false, "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	var err error
	if o.survey, err = sim.ParseSurvey(*survey); err != nil {
		return nil, cli.UsageError{Text: err.Error()}
	}
	o.compressions = []string{*compression}
	if *compression == "both" {
		o.compressions = []string{sink.Snappy.String(), sink.Zstd.String()}
	} else if _, err := sink.ParseCompression(*compression); err != nil {
		return nil, cli.UsageError{Text: err.Error() + ", or both"}
	}
	if o.n < 1 || o.runs < 1 || o.partitions < 1 {
		return nil, cli.UsageError{Text: "-n, -runs and -partitions must be positive"}
	}
	return o, nil
}

// benchmark fills a topic, measures, and prints the table on out.
func benchmark(ctx context.Context, o *options, out, progress io.Writer) (err error) {
	b := &bench{options: o, progress: progress}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	r, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return r.write(out)
}
