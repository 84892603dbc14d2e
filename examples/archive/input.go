package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// input is what is to be archived.
type input struct {
	source   stream.Source
	registry alert.Registry
	work     func(context.Context, *archive.Service) error
	close    func()
}

// open opens what the flags name, and sees that it is there.
func (o *options) open(ctx context.Context) (_ *input, err error) {
	in := &input{close: func() {}, work: func(ctx context.Context, s *archive.Service) error {
		if o.once {
			return s.Drain(ctx)
		}
		return s.Run(ctx)
	}}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	if o.registry != "" {
		if in.registry, err = openRegistry(ctx, o.registry); err != nil {
			return nil, err
		}
	}
	switch {
	case o.kafka.Simulator:
		err = in.simulate(ctx, o)
	case o.files == nil:
		err = in.stream(ctx, o)
	default:
		err = in.look(ctx, o)
	}
	return in, err
}

// openRegistry opens a registry and asks a server once, for a wrong address
// should be told before the first alert needs it.
func openRegistry(ctx context.Context, at string) (alert.Registry, error) {
	r, err := alert.OpenRegistry(ctx, at)
	if err != nil {
		return nil, err
	}
	return r, r.Check(ctx)
}

// stream reads topics.
func (in *input) stream(ctx context.Context, o *options) error {
	source, err := o.kafka.Source()
	if err != nil {
		return err
	}
	in.source, o.service.Shared = source, source.Join
	in.also(func() { source.Close() })
	err = source.Check(ctx)
	var none *kafka.NoTopicError
	if !o.once && errors.As(err, &none) && none.Regexp {
		slog.Warn("nothing there yet, waiting for it", "topics", none.Topic)
		return nil
	}
	return err
}

// also adds something to close, before what is to be closed already.
func (in *input) also(f func()) {
	before := in.close
	in.close = func() { f(); before() }
}

// The night of a first run, and how often it is archived: it shall be over
// soon, and yet be seen to be a stream.
const (
	demoZTF, demoLSST = 2000, 500
	demoInterval      = 500 * time.Millisecond
)

// demoRate is the rate of a simulation without end, in alerts a second.
const demoRate = 100

// simulate reads a simulation. With -once that is a short night, which is over
// when all of it is archived.
func (in *input) simulate(ctx context.Context, o *options) error {
	night := demo.Night{Rate: demoRate}
	if o.once {
		night = demo.Night{ZTF: demoZTF, LSST: demoLSST}
		o.service.Interval = min(o.service.Interval, demoInterval)
	}
	night.Seed = uint64(time.Now().UnixNano()) // no two runs send the same alerts
	d, err := demo.Start(ctx, night)
	if err != nil {
		return err
	}
	if o.once {
		in.work = func(ctx context.Context, s *archive.Service) error { return runThrough(ctx, s, d) }
	}
	in.also(func() { d.Close() })
	o.kafka.Use(d.Brokers, d.Topics)
	if in.registry == nil {
		in.registry = d.Registry
	}
	return in.stream(ctx, o)
}

// errThrough ends a service that has archived a whole night.
var errThrough = errors.New("the night is over")

// runThrough archives until all of a demo's night is done.
func runThrough(ctx context.Context, s *archive.Service, d *demo.Demo) error {
	run, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		err := d.Wait()
		watch := time.NewTicker(demoInterval / 10)
		defer watch.Stop()
		for err == nil && s.Progress().Read < demoZTF+demoLSST && run.Err() == nil {
			<-watch.C
		}
		stop(cmp.Or(err, errThrough))
	}()
	if err := s.Run(run); err != nil {
		return err
	}
	if err := context.Cause(run); err != errThrough {
		return err
	}
	return nil
}

// afterDemo says what to do with the archive of a first run.
const afterDemo = `
Look at it:

  duckdb -c "SELECT objectId, count(*) AS alerts, min(candidate.magpsf) AS brightest
    FROM read_parquet('%[1]s/alerts/ztf/**/*.parquet', union_by_name = true) GROUP BY 1 ORDER BY 3 LIMIT 9"

  python3 -c "import pandas; print(pandas.read_parquet('%[1]s/alerts/lsst', columns=['alert_id', 'ra', 'dec', 'event_time']))"

Your own stream:  archive -brokers HOST:PORT -topics NAME -out DIR     (archive -h is the manual)
`

// settle is how long a file that may still be written to is left alone.
const settle = 5 * time.Second

// look reads files. With -once there must be something to read; a service may
// wait for its first files, but says so.
func (in *input) look(ctx context.Context, o *options) error {
	source := &files.Source{Patterns: o.files}
	if !o.once {
		source.Settle = settle
	}
	in.source = source
	extents, err := source.Available(ctx)
	if err != nil {
		return err
	}
	err = source.Check(ctx)
	var none *files.NoMatchError
	if !o.once && errors.As(err, &none) {
		slog.Warn("nothing there yet, waiting for it", "files", none.Pattern)
		return nil
	}
	if err == nil && o.once && len(extents) == 0 {
		err = fmt.Errorf("no alerts in %s: in a directory they end in .avro, .bin, .tar, .tgz or .tar.gz", strings.Join(o.files, ","))
	}
	return err
}
