package skyfinch_test

import (
	"context"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Archives the bright alerts of a Kafka topic, exactly once.
func Example() {
	run := func(ctx context.Context) error {
		out, err := store.OpenDir("sky")
		if err != nil {
			return err
		}
		records, err := ledger.Open(ctx, out, "ledger", nil)
		if err != nil {
			return err
		}
		job := &stream.MicroBatch{
			Source:     &kafka.Source{Brokers: []string{"localhost:9092"}, Topics: []string{`ztf_\d{8}_programid1`}},
			Transforms: []stream.Transform{&alert.Decoder{Schemas: records}, stream.TransformFunc(bright)},
			Sink:       &sink.Parquet{Store: out, Schemas: records},
			Rejects:    &sink.Parquet{Store: out, Clock: sink.IngestTime},
			Ledger:     records,
		}
		return job.Run(ctx)
	}
	_ = run
}

func bright(_ context.Context, in stream.Rows) (stream.Result, error) {
	mag := stream.Float64s(stream.Field(in.Record, "candidate.magpsf"))
	if mag == nil {
		return stream.Result{}, nil // not ZTF
	}
	return stream.Filter(in, func(row int) bool {
		m, ok := mag(row)
		return ok && m < 18
	}), nil
}

// Adds what a catalogue has within 1.5 arcseconds of each alert.
func Example_crossmatch() {
	run := func(ctx context.Context, job *stream.MicroBatch) error {
		gcvs, err := catalog.Open(ctx, "gcvs=gcvs.fits?radius=1.5&columns=VarType", catalog.Options{})
		if err != nil {
			return err
		}
		defer gcvs.Close()
		job.Transforms = append(job.Transforms, &crossmatch.Transform{Joins: []crossmatch.Join{gcvs}})
		return job.Run(ctx)
	}
	_ = run
}
