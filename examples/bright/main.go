// Bright is a service of one's own: it reads alerts, keeps those brighter than
// a limit, and prints them.
//
//	go run ./examples/bright -files DIR [-limit 18]
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

func main() {
	path := flag.String("files", "", "a file, directory, glob or tarball of ZTF alerts")
	limit := flag.Float64("limit", 18, "the faintest magnitude to print")
	flag.Parse()
	if *path == "" {
		log.Fatal("bright: say what to read: -files DIR")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	job := &stream.MicroBatch{
		Source:     &files.Source{Patterns: []string{*path}},
		Transforms: []stream.Transform{&alert.Decoder{}, brighterThan(*limit)},
		Sink:       sink.Console{Columns: []string{"objectId", "candid", "candidate.magpsf", "ra", "dec"}},
	}
	if err := job.Drain(ctx); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
	p := job.Progress()
	log.Printf("%d alerts read, %d are brighter than %g", p.Read, p.Written, *limit)
}

// brighterThan keeps the alerts whose PSF magnitude is below a limit.
func brighterThan(limit float64) stream.Transform {
	return stream.TransformFunc(func(_ context.Context, in stream.Rows) (stream.Result, error) {
		mag := stream.Float64s(stream.Field(in.Record, "candidate.magpsf"))
		if mag == nil {
			return stream.Result{}, nil // another survey
		}
		return stream.Keep(in, func(row int) bool {
			m, ok := mag(row)
			return ok && m < limit
		}), nil
	})
}
