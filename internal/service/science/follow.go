package science

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/alert/science"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/broker"
	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/rows"
	"github.com/skyfinch/skyfinch/internal/service/filter"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/monitor"
	"github.com/skyfinch/skyfinch/stream/store"
)

// options are the flags of a job that follows an archive.
type options struct {
	in, out, filters, cuts, from, to, version string
	catalogs                                  []string
	once                                      bool
	meter                                     cli.Meter
	watch                                     cli.Watch
}

func parse(args []string) (*options, error) {
	o := &options{meter: cli.Meter{Out: os.Stdout, Err: os.Stderr}}
	f := flag.NewFlagSet("science", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	f.StringVar(&o.in, "in", "", "")
	f.StringVar(&o.out, "out", "science", "")
	f.StringVar(&o.filters, "filters", "", "")
	f.StringVar(&o.cuts, "cuts", "ztf", "")
	f.StringVar(&o.from, "from", "", "")
	f.StringVar(&o.to, "to", "", "")
	f.StringVar(&o.version, "table-version", "", "")
	f.BoolVar(&o.once, "once", false, "")
	f.StringVar(&o.meter.Mode, "progress", "auto", "")
	f.Func("catalog", "", func(s string) error { o.catalogs = append(o.catalogs, s); return nil })
	o.watch.Flags(f)
	if err := cli.Parse(f, args); err != nil {
		return nil, err
	}
	switch o.cuts {
	case "ztf":
		o.cuts = "passes_cuts"
	case "none":
		o.cuts = ""
	}
	switch {
	case o.in == "":
		return nil, cli.UsageError{Text: "-in is missing: name the archive to follow (or -eval FILE and -o FILE for one table)"}
	case o.out == "":
		return nil, cli.UsageError{Text: "-out must name a directory"}
	case (o.from != "" || o.to != "") && !o.once:
		return nil, cli.UsageError{Text: "-from and -to are for -once: a job that goes on has no end"}
	case strings.ContainsAny(o.version, "/\\ "):
		return nil, cli.UsageError{Text: "-table-version must not have slashes or blanks"}
	case o.meter.Mode != "auto" && o.meter.Mode != "json" && o.meter.Mode != "off":
		return nil, cli.UsageError{Text: fmt.Sprintf("-progress %q: use auto, json or off", o.meter.Mode)}
	}
	return o, o.watch.Check()
}

// follow is a job that makes the science table and the passed table of an archive.
func follow(ctx context.Context, args []string, t *science.Transform) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if info, err := os.Stat(o.in); err != nil || !info.IsDir() {
		return fmt.Errorf("-in %s: no such directory: name the directory of an archive", o.in)
	}
	if !o.await(ctx) {
		return nil // stopped
	}
	server, err := o.watch.Open()
	if err != nil {
		return err
	}
	defer server.Close()
	source := &archive.Source{Dir: o.in, Tables: []string{"ztf"}, Columns: withoutImages(o.in)}
	defer source.Close()
	if o.from != "" || o.to != "" {
		if source.Times, err = archive.ParseTimeRange("event=" + o.from + "," + o.to); err != nil {
			return cli.UsageError{Text: "-from, -to: " + strings.TrimPrefix(err.Error(), "archive: ")}
		}
		source.Times.Clock = sink.EventTime
	}
	transforms, done, err := o.transforms(ctx, t)
	if err != nil {
		return err
	}
	defer done()
	s := &archive.Service{Job: stream.MicroBatch{Source: source, Transforms: transforms, Log: cli.Log()}, Dir: o.out}
	if s.Store, err = store.OpenDir(o.out); err != nil {
		return fmt.Errorf("%w: choose with -out a directory that can be written", err)
	}
	work := s.Run
	if o.once {
		work = s.Drain
	}
	server.Add(&monitor.Job{Name: "science", MicroBatch: &s.Job, Store: s.Store})
	o.meter.Out = cli.Unblocked(os.Stdout)
	err = server.Run(ctx, func() error {
		return o.meter.Watch(s.Progress, func() error { return work(ctx) })
	})
	if p := s.Progress(); p.Elapsed > 0 {
		o.meter.Summary(p, o.out)
	}
	return err
}

// await waits until the archive has alerts of ZTF, or is not to be waited for. It
// reports false if the context ends first.
func (o *options) await(ctx context.Context) bool {
	for said := false; !o.once && withoutImages(o.in) == nil; said = true {
		if !said {
			cli.Log().Info("no alerts of ZTF are archived yet: waiting for the first", "in", o.in)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
	return true
}

// withoutImages returns the columns of ZTF's table but those of images. If there is no
// table yet, it returns nil: all columns, then.
func withoutImages(dir string) (names []string) {
	tables, err := rows.Open(dir, archive.TimeRange{})
	if err != nil {
		return nil
	}
	for _, t := range tables {
		for _, f := range t.Schema.Fields() {
			if t.Name == "ztf" && !strings.HasPrefix(f.Name, "cutout") {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// transforms returns the transforms of the job, and a function that closes what they use.
func (o *options) transforms(ctx context.Context, columns *science.Transform) (all []stream.Transform, done func(), err error) {
	var joins []crossmatch.Join
	var closers []func()
	closeAll := func() {
		for _, f := range closers {
			f()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	last := &broker.Transform{Cuts: o.cuts, Version: o.version, Log: cli.Log()}
	if o.filters != "" {
		if last.Filters, err = filter.Load(o.filters); err != nil {
			return nil, nil, err
		}
		lists, close, err := filter.Watchlists(ctx, last.Filters)
		if err != nil {
			return nil, nil, err
		}
		joins, closers = lists, append(closers, close)
	}
	for _, spec := range o.catalogs {
		join, err := catalog.Open(ctx, spec, catalog.Options{})
		if err != nil {
			return nil, nil, err
		}
		joins, closers = append(joins, join), append(closers, func() { join.Close() })
	}
	all = []stream.Transform{columns}
	if len(joins) > 0 {
		all = append(all, &crossmatch.Transform{Joins: joins})
	}
	return append(all, &lightcurve.Transform{}, last), closeAll, nil
}
