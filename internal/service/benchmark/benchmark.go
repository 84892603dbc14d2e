package benchmark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// Run runs the command with its arguments until ctx ends. It starts this
// program again for each measurement, with the argument "phase" in place of
// args.
func Run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == phaseArg {
		return runChild(ctx, os.Stdin, os.Stdout)
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{options: o, progress: os.Stderr}
	if n := len(os.Args) - len(args); n > 0 && slices.Equal(os.Args[n:], args) {
		b.command = os.Args[1:n]
	}
	return b.run(ctx, os.Stdout)
}

// bench is a benchmark in progress.
type bench struct {
	options  *options
	command  []string // the arguments before those of Run, in a program of several commands
	progress io.Writer

	topic       string
	created     bool               // the topic may exist
	temp        string             // the directory of archives and schemas
	bytes       int64              // of the messages
	sizes       map[string][]int64 // of the archive's files, by compression
	closeBroker func() error       // of the embedded broker, else nil
}

// run fills a topic, measures, and writes the table to out.
func (b *bench) run(ctx context.Context, out io.Writer) (err error) {
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

// open makes the directory, the embedded broker if there is no other, and the
// topic.
func (b *bench) open(ctx context.Context) (err error) {
	o := b.options
	if o.dir != "" {
		if err := os.MkdirAll(o.dir, 0o777); err != nil {
			return err
		}
	}
	if b.temp, err = os.MkdirTemp(o.dir, "benchmark-"); err != nil {
		return err
	}
	b.sizes = map[string][]int64{}
	b.topic = fmt.Sprintf("benchmark-%s-%d", o.survey, time.Now().UnixMilli())
	b.announce()
	if o.embedded() {
		if err := b.embed(ctx); err != nil {
			return err
		}
	}
	return b.fill(ctx)
}

// announce says what is about to happen, and what it takes.
func (b *bench) announce() {
	o := b.options
	where := "on Kafka"
	if o.embedded() {
		const packetSize = 75e3 // roughly
		where = fmt.Sprintf("in an embedded broker (about %s of memory)", cli.Bytes(int64(o.n)*packetSize))
	}
	fmt.Fprintf(b.progress, "filling a topic %s with %s %s alerts, then measuring %d times; archives go to %s\n",
		where, cli.Count(int64(o.n)), o.survey, o.runs, b.temp)
}

// close removes what open made.
func (b *bench) close() error {
	var errs []error
	if b.options.keep && b.topic != "" {
		fmt.Fprintf(b.progress, "left: topic %s, archives and schemas in %s\n", b.topic, b.temp)
	} else if b.temp != "" {
		errs = append(errs, os.RemoveAll(b.temp))
		if b.created && b.closeBroker == nil {
			errs = append(errs, b.deleteTopic())
		}
	}
	if b.closeBroker != nil {
		errs = append(errs, b.closeBroker())
	}
	return errors.Join(errs...)
}

// measure does all runs.
func (b *bench) measure(ctx context.Context) (*result, error) {
	o := b.options
	r := &result{Title: b.title(), Alerts: int64(o.n), Compressions: o.compressions}
	for i := range o.runs {
		run, err := b.measureAll(ctx, i)
		if err != nil {
			return nil, err
		}
		r.Runs = append(r.Runs, run)
		fmt.Fprintf(b.progress, "run %d of %d:", i+1, o.runs)
		for _, name := range r.labels() {
			fmt.Fprintf(b.progress, "  %s %.2f s", name, run[name].Wall.Seconds())
		}
		fmt.Fprintln(b.progress)
	}
	return r, nil
}

func (b *bench) title() string {
	o := b.options
	broker, what := "embedded broker", "simulated"
	if b.closeBroker == nil {
		broker = "Kafka"
	}
	if o.packets != "" {
		what = "real"
	}
	return fmt.Sprintf("%s %s %s packets of %.1f kB, %s, %d partitions",
		cli.Count(int64(o.n)), what, o.survey, float64(b.bytes)/1e3/float64(o.n), broker, o.partitions)
}

// measureAll measures each phase once and returns the results by label. A disk
// is slower after much writing, so the archive and the plain write are first in
// turn.
func (b *bench) measureAll(ctx context.Context, run int) (map[string]measurement, error) {
	phases := []task{{Phase: fetch}, {Phase: read}}
	for _, c := range b.options.compressions {
		pair := []task{{Phase: archiveAll, Compression: c}, {Phase: write, Compression: c}}
		if run%2 == 1 {
			slices.Reverse(pair)
		}
		phases = append(phases, pair...)
	}
	all := map[string]measurement{}
	for _, t := range phases {
		m, err := b.measurePhase(ctx, t)
		if err != nil {
			return nil, errors.Join(err, ctx.Err())
		}
		all[label(t.Phase, t.Compression)] = m
	}
	return all, nil
}

// measurePhase measures one phase.
func (b *bench) measurePhase(ctx context.Context, t task) (measurement, error) {
	o := b.options
	t.Kafka, t.Topic, t.Registry = o.kafka, b.topic, b.schemas()
	t.Watch = o.watch
	t.Files = b.sizes[t.Compression]
	t.Dir = filepath.Join(b.temp, string(t.Phase)+"-"+t.Compression)
	if err := os.RemoveAll(t.Dir); err != nil {
		return measurement{}, err
	}
	m, err := runPhase(ctx, b.command, t)
	switch {
	case err != nil:
		return m, err
	case t.Phase != write && m.Alerts != int64(o.n):
		return m, fmt.Errorf("benchmark: %s: %d alerts of %d", t.Phase, m.Alerts, o.n)
	case t.Phase == archiveAll:
		b.sizes[t.Compression] = m.Files
	}
	if o.keep && t.Phase == archiveAll {
		return m, nil
	}
	return m, os.RemoveAll(t.Dir)
}
