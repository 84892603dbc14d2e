package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// bench is a benchmark under way.
type bench struct {
	*options
	progress io.Writer

	topic    string
	temp     string // the archives, and schemas
	bytes    int64  // of the messages
	embedded func() error
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
	b.topic = fmt.Sprintf("benchmark-%s-%d", b.survey, time.Now().UnixMilli())
	if len(b.brokers) == 0 && b.config == "" {
		if err := b.embed(ctx); err != nil {
			return err
		}
	}
	return b.fill(ctx)
}

func (b *bench) close() {
	if b.keep && b.topic != "" {
		fmt.Fprintf(b.progress, "left: topic %s, archives and schemas in %s\n", b.topic, b.temp)
	} else if b.temp != "" {
		b.remove()
		os.RemoveAll(b.temp)
	}
	if b.embedded != nil {
		b.embedded()
	}
}

// measure does the runs.
func (b *bench) measure(ctx context.Context) (*result, error) {
	r := &result{Title: b.title(), Alerts: int64(b.n), Compressions: b.compressions}
	for i := range b.runs {
		run := map[string]done{}
		if err := b.run(ctx, run); err != nil {
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
		thousands(float64(b.n)), what, b.survey, float64(b.bytes)/1e3/float64(b.n), where, b.partitions)
}

// run measures each phase once.
func (b *bench) run(ctx context.Context, run map[string]done) error {
	do := func(p phase, compression string, files []int64) (done, error) {
		t := task{
			Phase: p, Brokers: b.brokers, Config: b.config, Topic: b.topic, Registry: b.schemas(), Compression: compression, Files: files,
			Dir: filepath.Join(b.temp, string(p)+"-"+compression),
		}
		if err := os.RemoveAll(t.Dir); err != nil {
			return done{}, err
		}
		d, err := runPhase(ctx, t)
		if err == nil && p != write && d.Alerts != int64(b.n) {
			err = fmt.Errorf("benchmark: %s: %d alerts of %d", p, d.Alerts, b.n)
		}
		if err == nil && (p == write || !b.keep) {
			err = os.RemoveAll(t.Dir)
		}
		run[label(p, compression)] = d
		return d, err
	}
	_, err := do(fetch, "", nil)
	if err == nil {
		_, err = do(read, "", nil)
	}
	for _, c := range b.compressions {
		if err != nil {
			break
		}
		var d done
		if d, err = do(archiveAll, c, nil); err == nil {
			_, err = do(write, c, d.Files)
		}
	}
	return errors.Join(err, ctx.Err())
}
