// Bright is a service of one's own: it reads alerts of ZTF, keeps those
// brighter than a limit, and prints them.
//
//	go run ./examples/bright -simulator
//	go run ./examples/bright -files DIR [-limit 18]
//	go run ./examples/bright -brokers HOST:PORT -topics NAME [-limit 18]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

const usage = `usage: bright [-limit 18] -simulator | -files PATH | -brokers HOST:PORT -topics NAME,...

` + cli.KafkaManual + `    -files PATH         a file, directory, glob or tarball instead
    -limit 18           the faintest magnitude to print
`

func main() { os.Exit(cli.Main("bright", run)) }

func run(ctx context.Context, args []string) error {
	in := cli.Kafka{Observer: true}
	f := flag.NewFlagSet("bright", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), usage) }
	in.Flags(f)
	path := f.String("files", "", "")
	limit := f.Float64("limit", 18, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	job := &stream.MicroBatch{
		Transforms: []stream.Transform{&alert.Decoder{}, brighterThan(*limit)},
		Sink:       sink.Console{Columns: []string{"objectId", "candid", "candidate.magpsf", "ra", "dec"}},
	}
	work := job.Drain // what is there now
	switch {
	case *path != "":
		job.Source = &files.Source{Patterns: []string{*path}}
	case in.Simulator:
		d, err := demo.Start(ctx, demo.Night{ZTF: 300})
		if err != nil {
			return err
		}
		defer d.Close()
		if err := d.Wait(); err != nil {
			return err
		}
		in.Use(d.Brokers, d.Topics)
	default:
		work = job.Run // until Ctrl-C
	}
	if job.Source == nil {
		source, err := in.Source()
		if err != nil {
			return err
		}
		defer source.Close()
		if err := source.Check(ctx); err != nil {
			return err
		}
		job.Source = source
	}
	err := work(ctx)
	p := job.Progress()
	fmt.Fprintf(os.Stderr, "%d alerts read, %d are brighter than %g\n", p.Read, p.Written, *limit)
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
