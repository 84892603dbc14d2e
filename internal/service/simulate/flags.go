package simulate

import (
	"cmp"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/feed"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// options are the flags, ready for use.
type options struct {
	feed      feed.Feed
	simulator sim.Simulator
	replay    sim.Replay
	registry  cli.Registry
	n         int64
	watch     cli.Watch
}

// rawFlags are flags that need more than parsing.
type rawFlags struct {
	kafka      kafka.Flags
	survey     string
	rate       string
	start      string
	replay     string
	schemas    string
	vary       bool
	partitions int
}

func parse(args []string) (*options, error) {
	o, raw := &options{}, rawFlags{}
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	raw.kafka.RegisterCluster(f)
	f.StringVar(&o.feed.Topic, "topic", "", "")
	f.StringVar(&raw.survey, "survey", "ztf", "")
	f.StringVar(&raw.rate, "rate", "100", "")
	f.Float64Var(&o.feed.Speed, "speed", 0, "")
	f.Int64Var(&o.n, "n", 0, "")
	f.Uint64Var(&o.simulator.Seed, "seed", 1, "")
	f.StringVar(&raw.start, "start", "", "")
	f.DurationVar(&o.simulator.Night, "night", 0, "")
	f.IntVar(&o.simulator.Alerts, "alerts", 0, "")
	f.StringVar(&raw.replay, "replay", "", "")
	f.BoolVar(&raw.vary, "vary", false, "")
	o.registry.Flags(f)
	o.watch.Flags(f)
	f.StringVar(&raw.schemas, "schemas", "", "")
	f.IntVar(&raw.partitions, "partitions", 4, "")
	f.TextVar(&o.feed.Compression, "compression", o.feed.Compression, "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.check(given); err != nil {
		return nil, err
	}
	if err := o.watch.Check(); err != nil {
		return nil, err
	}
	if err := o.setTopic(raw); err != nil {
		return nil, err
	}
	if err := o.setPackets(raw); err != nil {
		return nil, err
	}
	if given["speed"] {
		o.feed.Rate = 0
	}
	return o, nil
}

// check returns an error if a flag is missing, or if two exclude each other.
func (o *options) check(given map[string]bool) error {
	switch {
	case o.feed.Topic == "":
		return cli.UsageError{Text: "say where to send the alerts: -topic NAME"}
	case given["speed"] && given["rate"]:
		return cli.UsageError{Text: "-rate and -speed exclude each other: leave one out"}
	case o.feed.Speed < 0:
		return cli.UsageError{Text: "-speed must be positive: 1 is the packets' own pace, 10 is ten times faster"}
	case given["vary"] && !given["replay"]:
		return cli.UsageError{Text: "-vary is for -replay: simulated packets all differ already"}
	case given["replay"] && (given["survey"] || given["alerts"] || given["night"] && !given["vary"]):
		return cli.UsageError{Text: "-survey, -alerts and -night are for simulated nights: leave them out, or -replay"}
	}
	return nil
}

// setTopic sets the brokers and the topic.
func (o *options) setTopic(raw rawFlags) (err error) {
	if o.feed.Config, o.feed.Brokers, err = raw.kafka.Cluster(); err != nil {
		return cli.Usage(err)
	}
	if raw.partitions < 0 || raw.partitions > 100_000 {
		return cli.UsageError{Text: fmt.Sprintf("-partitions %d: it must be 0 to 100000", raw.partitions)}
	}
	o.feed.Partitions = int32(raw.partitions)
	return nil
}

// setPackets sets what the packets are, and their rate.
func (o *options) setPackets(raw rawFlags) (err error) {
	if o.simulator.Survey, err = sim.ParseSurvey(raw.survey); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	if raw.rate != "max" {
		if o.feed.Rate, err = strconv.ParseFloat(raw.rate, 64); err != nil || !(o.feed.Rate > 0) || o.feed.Rate > 1e9 {
			return cli.UsageError{Text: fmt.Sprintf("invalid -rate %q: write alerts per second, or max", raw.rate)}
		}
	}
	switch raw.start {
	case "":
	case "now":
		o.simulator.Start = time.Now()
	default:
		if o.simulator.Start, err = time.Parse(time.RFC3339, raw.start); err != nil {
			return cli.UsageError{Text: fmt.Sprintf("invalid -start %q: write now, or a time like 2026-09-15T03:00:00Z", raw.start)}
		}
	}
	registry := &sim.Registry{Dir: raw.schemas}
	o.simulator.Registry, o.replay.Registry = registry, registry
	if raw.replay != "" {
		o.replay.Patterns = strings.Split(raw.replay, ",")
	}
	if raw.vary {
		s := o.simulator
		o.replay.Vary = &sim.Vary{Seed: s.Seed, Start: s.Start, Span: cmp.Or(s.Night, 6*time.Hour)}
	}
	return nil
}
