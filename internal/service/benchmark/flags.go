package benchmark

import (
	"flag"
	"fmt"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// options are the flags.
type options struct {
	kafka        kafka.Flags
	survey       sim.Survey
	n            int
	packets      string
	compressions []string
	runs         int
	partitions   int
	dir          string
	keep         bool
	watch        cli.Watch
}

// defaultAlerts keeps a run without flags short, and its topic in memory small.
const defaultAlerts = 2000

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	o.kafka.RegisterCluster(f)
	survey := f.String("survey", "ztf", "")
	f.IntVar(&o.n, "n", defaultAlerts, "")
	f.StringVar(&o.packets, "packets", "", "")
	compression := f.String("compression", "both", "")
	f.IntVar(&o.runs, "runs", 3, "")
	f.IntVar(&o.partitions, "partitions", 4, "")
	f.StringVar(&o.dir, "dir", "", "")
	f.BoolVar(&o.keep, "keep", false, "")
	o.watch.Flags(f)
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
	if err := o.watch.Check(); err != nil {
		return nil, err
	}
	if o.n < 1 || o.runs < 1 || o.partitions < 1 {
		return nil, cli.UsageError{Text: "-n, -runs and -partitions must be positive"}
	}
	if !o.embedded() {
		_, o.kafka.Brokers, err = o.kafka.Cluster()
	}
	return o, cli.Usage(err)
}

// embedded reports whether the broker runs in this process.
func (o *options) embedded() bool { return len(o.kafka.Brokers) == 0 && o.kafka.Config == "" }
