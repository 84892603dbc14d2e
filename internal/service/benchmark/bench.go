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

// bench is a benchmark under way.
type bench struct {
	*options
	progress io.Writer

	topic    string
	filled   bool               // the topic is there, as far as we know
	temp     string             // the archives, and schemas
	bytes    int64              // of the messages
	sizes    map[string][]int64 // of the archive's files, by compression
	embedded func() error       // ends the broker; nil: it is none of ours
}

// open makes a place to write, a broker if need be, and a topic full of packets.
func (b *bench) open(ctx context.Context) (err error) {
	if b.dir != "" {
		if err := os.MkdirAll(b.dir, 0o777); err != nil {
			return err
		}
	}
	if b.temp, err = os.MkdirTemp(b.dir, "benchmark-"); err != nil {
		return err
	}
	b.sizes = map[string][]int64{}
	b.topic = fmt.Sprintf("benchmark-%s-%d", b.survey, time.Now().UnixMilli())
	if len(b.brokers) == 0 && b.config == "" {
		if err := b.embed(ctx); err != nil {
			return err
		}
	}
	return b.fill(ctx)
}

// close removes what open made.
func (b *bench) close() error {
	var errs []error
	if b.keep && b.topic != "" {
		fmt.Fprintf(b.progress, "left: topic %s, archives and schemas in %s\n", b.topic, b.temp)
	} else if b.temp != "" {
		errs = append(errs, os.RemoveAll(b.temp))
		if b.filled && b.embedded == nil {
			errs = append(errs, b.remove())
		}
	}
	if b.embedded != nil {
		errs = append(errs, b.embedded())
	}
	return errors.Join(errs...)
}

// measure does the runs.
func (b *bench) measure(ctx context.Context) (*result, error) {
	r := &result{Title: b.title(), Alerts: int64(b.n), Compressions: b.compressions}
	for i := range b.runs {
		run := map[string]done{}
		if err := b.run(ctx, i, run); err != nil {
			return nil, err
		}
		r.Runs = append(r.Runs, run)
		fmt.Fprintf(b.progress, "run %d of %d:", i+1, b.runs)
		for _, name := range r.labels() {
			fmt.Fprintf(b.progress, "  %s %.2f s", name, run[name].Wall.Seconds())
		}
		fmt.Fprintln(b.progress)
	}
	return r, nil
}

func (b *bench) title() string {
	where, what := "embedded broker", "simulated"
	if b.embedded == nil {
		where = "Kafka"
	}
	if b.packets != "" {
		what = "real"
	}
	return fmt.Sprintf("%s %s %s packets of %.1f kB, %s, %d partitions",
		cli.Count(int64(b.n)), what, b.survey, float64(b.bytes)/1e3/float64(b.n), where, b.partitions)
}

// run measures each phase once. The disk is slower for whoever comes after much
// writing, so the archive and the plain write change places from run to run.
func (b *bench) run(ctx context.Context, i int, run map[string]done) error {
	todo := []task{{Phase: fetch}, {Phase: read}}
	for _, c := range b.compressions {
		pair := []task{{Phase: archiveAll, Compression: c}, {Phase: write, Compression: c}}
		if i%2 == 1 {
			slices.Reverse(pair)
		}
		todo = append(todo, pair...)
	}
	for _, t := range todo {
		d, err := b.one(ctx, t)
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		run[label(t.Phase, t.Compression)] = d
	}
	return nil
}

// one measures a phase.
func (b *bench) one(ctx context.Context, t task) (done, error) {
	t.Brokers, t.Config, t.Topic, t.Registry = b.brokers, b.config, b.topic, b.schemas()
	t.Files = b.sizes[t.Compression]
	t.Dir = filepath.Join(b.temp, string(t.Phase)+"-"+t.Compression)
	if err := os.RemoveAll(t.Dir); err != nil {
		return done{}, err
	}
	d, err := runPhase(ctx, t)
	switch {
	case err != nil:
		return d, err
	case t.Phase != write && d.Alerts != int64(b.n):
		return d, fmt.Errorf("benchmark: %s: %d alerts of %d", t.Phase, d.Alerts, b.n)
	case t.Phase == archiveAll:
		b.sizes[t.Compression] = d.Files
	}
	if b.keep && t.Phase == archiveAll {
		return d, nil
	}
	return d, os.RemoveAll(t.Dir)
}
