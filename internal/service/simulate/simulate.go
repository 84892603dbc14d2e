// Package simulate is the command simulate, which sends simulated or replayed
// alerts to a Kafka topic.
package simulate

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/feed"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// Run runs the command.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	packets, err := o.packets(ctx)
	if err != nil {
		return err
	}
	m := &meter{out: os.Stderr, begun: time.Now()}
	_, _, m.shown = cli.Terminal(m.out)
	o.feed.Observe = m.observe
	_, err = o.feed.Send(ctx, packets)
	m.end(o.feed.Topic)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // Ctrl-C is how an endless stream ends
	}
	return err
}

// options are the values of the flags.
type options struct {
	feed      feed.Feed
	simulator sim.Simulator
	replay    sim.Replay
	next      string // registry for packets that are framed already
	n         int64
}

// packets returns the packets that the flags ask for.
func (o *options) packets(ctx context.Context) (iter.Seq2[sim.Packet, error], error) {
	if len(o.replay.Patterns) == 0 {
		return o.simulator.Packets(o.n), nil
	}
	if o.next != "" {
		next, err := alert.OpenRegistry(ctx, o.next)
		if err != nil {
			return nil, err
		}
		o.replay.Registry.Next = next
	}
	return o.replay.Packets(ctx, o.n), nil
}

func parse(args []string) (*options, error) {
	o := &options{}
	given := map[string]bool{}
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	var t texts
	f.Func("brokers", "", func(text string) (err error) {
		t.brokers, err = cli.ParseBrokers(text)
		return err
	})
	f.StringVar(&t.config, "kafka-config", "", "")
	f.StringVar(&o.feed.Topic, "topic", "", "")
	f.StringVar(&t.survey, "survey", "ztf", "")
	f.StringVar(&t.rate, "rate", "100", "")
	f.Float64Var(&o.feed.Speed, "speed", 0, "")
	f.Int64Var(&o.n, "n", 0, "")
	f.Uint64Var(&o.simulator.Seed, "seed", 1, "")
	f.StringVar(&t.start, "start", "", "")
	f.DurationVar(&o.simulator.Night, "night", 0, "")
	f.IntVar(&o.simulator.Alerts, "alerts", 0, "")
	f.StringVar(&t.replay, "replay", "", "")
	f.BoolVar(&t.vary, "vary", false, "")
	f.StringVar(&o.next, "registry", "", "")
	f.StringVar(&t.schemas, "schemas", "", "")
	f.IntVar(&t.partitions, "partitions", 4, "")
	f.TextVar(&o.feed.Compression, "compression", o.feed.Compression, "")
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.usage(given); err != nil {
		return nil, err
	}
	if err := o.reach(t); err != nil {
		return nil, err
	}
	if err := o.choose(t); err != nil {
		return nil, err
	}
	if given["speed"] {
		o.feed.Rate = 0
	}
	return o, nil
}

// texts are flags that need more parsing.
type texts struct {
	config, survey, rate, start, replay, schemas string

	brokers    []string
	vary       bool
	partitions int
}

// usage returns a UsageError for flags that are missing or exclude each other.
func (o *options) usage(given map[string]bool) error {
	switch {
	case o.feed.Topic == "":
		return cli.UsageError{Text: "say where to send the alerts: -topic NAME"}
	case !given["brokers"] && !given["kafka-config"]:
		return cli.UsageError{Text: "say where Kafka is: -brokers HOST:PORT, or -kafka-config FILE"}
	case given["speed"] && given["rate"]:
		return cli.UsageError{Text: "-rate and -speed exclude each other"}
	case o.feed.Speed < 0:
		return cli.UsageError{Text: "-speed must be positive: 1 is the packets' own pace, 10 is ten times faster"}
	case given["vary"] && !given["replay"]:
		return cli.UsageError{Text: "-vary is for -replay: simulated packets all differ already"}
	case given["replay"] && (given["survey"] || given["alerts"] || given["night"] && !given["vary"]):
		return cli.UsageError{Text: "-survey, -alerts and -night are for simulated nights: leave them out, or -replay"}
	}
	return nil
}

// reach sets how to reach the brokers.
func (o *options) reach(t texts) (err error) {
	if t.config != "" {
		if o.feed.Config, o.feed.Brokers, err = kafka.ReadConfig(t.config); err != nil {
			return err
		}
	}
	if len(t.brokers) > 0 {
		o.feed.Brokers = t.brokers
	}
	if len(o.feed.Brokers) == 0 {
		return cli.UsageError{Text: t.config + " has no bootstrap.servers: add them, or say -brokers HOST:PORT"}
	}
	if t.partitions < 0 || t.partitions > 100_000 {
		return cli.UsageError{Text: fmt.Sprintf("-partitions %d is out of range: use 0 to 100,000", t.partitions)}
	}
	o.feed.Partitions = int32(t.partitions)
	return nil
}

// choose sets what the packets are, and how fast they are sent.
func (o *options) choose(t texts) (err error) {
	if o.simulator.Survey, err = sim.ParseSurvey(t.survey); err != nil {
		return cli.UsageError{Text: err.Error()}
	}
	if t.rate != "max" {
		if o.feed.Rate, err = strconv.ParseFloat(t.rate, 64); err != nil || !(o.feed.Rate > 0) || o.feed.Rate > 1e9 {
			return cli.UsageError{Text: fmt.Sprintf("-rate %q is not valid: use alerts a second, or max", t.rate)}
		}
	}
	switch t.start {
	case "":
	case "now":
		o.simulator.Start = time.Now()
	default:
		if o.simulator.Start, err = time.Parse(time.RFC3339, t.start); err != nil {
			return cli.UsageError{Text: fmt.Sprintf("-start %q is not valid: use now, or a time like 2026-09-15T03:00:00Z", t.start)}
		}
	}
	registry := &sim.Registry{Dir: t.schemas}
	o.simulator.Registry, o.replay.Registry = registry, registry
	if t.replay != "" {
		o.replay.Patterns = strings.Split(t.replay, ",")
	}
	if t.vary {
		s := o.simulator
		o.replay.Vary = &sim.Vary{Seed: s.Seed, Start: s.Start, Span: cmp.Or(s.Night, 6*time.Hour)}
	}
	return nil
}
