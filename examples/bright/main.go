// Bright is a service to copy: it prints alerts of ZTF brighter than a limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	switch err := run(ctx, os.Args[1:]); {
	case errors.Is(err, context.Canceled):
		os.Exit(130) // as after SIGINT
	case errors.As(err, new(kafka.FlagError)):
		fmt.Fprintln(os.Stderr, "bright:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bright:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var in kafka.Flags
	f := flag.NewFlagSet("bright", flag.ExitOnError)
	in.Register(f)
	path := f.String("files", "", "read a file, directory, glob or tarball at `PATH` instead")
	simulator := f.Bool("simulator", false, "read 300 simulated alerts of ZTF instead")
	limit := f.Float64("limit", 18, "the faintest `magnitude` to print")
	addr := f.String("http", "", "show pages and metrics at `HOST:PORT`, such as localhost:5000")
	config := f.String("http-config", "", "a `FILE` with certificates and users for -http")
	version := f.Bool("version", false, "print the version")
	f.Parse(args)
	if info, ok := debug.ReadBuildInfo(); ok && *version {
		fmt.Println("bright (skyfinch)", info.Main.Version, info.GoVersion)
		return nil
	}
	job := &stream.MicroBatch{
		Transforms: []stream.Transform{&alert.Decoder{}, brighterThan(*limit)},
		Sink:       sink.Console{Columns: []string{"objectId", "candid", "candidate.magpsf", "ra", "dec"}},
	}
	work := job.Drain // until what is available now has been read
	switch {
	case f.NArg() > 0:
		return kafka.FlagError(fmt.Sprintf("unexpected argument %q", f.Arg(0)))
	case *path != "":
		job.Source = &files.Source{Patterns: []string{*path}}
	case *simulator:
		job.Source = &sim.Source{Simulator: sim.Simulator{Survey: sim.ZTF, Alerts: 300}}
	default:
		source, err := in.Source()
		if err != nil {
			return err
		}
		defer source.Close()
		if err := source.Check(ctx); err != nil {
			return err
		}
		job.Source, work = source, job.Run // until Ctrl-C
	}
	if *addr != "" {
		m := &monitor.Monitor{Config: *config}
		m.Add(&monitor.Job{Name: "bright", MicroBatch: job})
		l, err := m.Listen(*addr)
		if err != nil {
			return err
		}
		go m.Serve(ctx, l)
	}
	err := work(ctx)
	fmt.Fprintf(os.Stderr, "%d alerts read, %d are brighter than %g\n", job.Progress().Read, job.Progress().Written, *limit)
	return err
}

// brighterThan keeps the alerts whose PSF magnitude is below a limit.
func brighterThan(limit float64) stream.Transform {
	return stream.TransformFunc(func(_ context.Context, in stream.Rows) (stream.Result, error) {
		mag := stream.Float64s(stream.Field(in.Record, "candidate.magpsf"))
		if mag == nil {
			return stream.Result{}, nil // another survey
		}
		return stream.Filter(in, func(row int) bool {
			m, ok := mag(row)
			return ok && m < limit
		}), nil
	})
}
