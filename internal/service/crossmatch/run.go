package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	sky "github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/table"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

const (
	batchRows     = 10_000  // positions matched at a time, and in a request to the CDS
	hatsBatchRows = 200_000 // for a HATS catalogue, parts of which may be loaded again for each batch
	allBatchRows  = 200     // if each position may match any number of rows
)

func (o *options) batchRows() int {
	for _, c := range o.catalogs {
		if info, err := os.Stat(c.Where); err == nil && info.IsDir() {
			return hatsBatchRows
		}
	}
	return batchRows
}

func (o *options) run(ctx context.Context) error {
	server, err := o.watch.Open()
	if err != nil {
		return err
	}
	defer server.Close()
	c := &counter{started: time.Now()}
	server.Add(&monitor.Job{Name: "crossmatch", Status: c.jobStatus})
	return server.Run(ctx, func() error { return o.matchAll(ctx, c) })
}

// matchAll opens the positions and the catalogues, and writes all matches.
func (o *options) matchAll(ctx context.Context, c *counter) error {
	c.setPhase("opening " + o.positions)
	stop := c.watch(o)
	defer stop()
	in, err := openInput(o)
	if err != nil {
		if errors.Is(err, table.ErrNoPosition) {
			err = fmt.Errorf("%w with -ra and -dec", err)
		}
		return err
	}
	defer in.close()
	if err := o.checkOut(in.files); err != nil {
		return err
	}
	if err := in.times.check(o, nil); err != nil { // before catalogues are read
		return err
	}
	t := &sky.Transform{RA: in.ra, Dec: in.dec, Epoch: in.times.name}
	t.Joins, err = o.joins(ctx, c)
	defer func() {
		for _, j := range t.Joins {
			j.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := in.times.check(o, t.Joins); err != nil {
		return err
	}
	limitMemory()
	c.begin(t.Joins)
	err = o.match(ctx, t, in, c)
	stop()
	if err != nil {
		return err
	}
	fmt.Fprint(os.Stderr, c.summary())
	return c.failure(o)
}

// match writes all rows with their matches.
func (o *options) match(ctx context.Context, t *sky.Transform, in *input, c *counter) error {
	schema, err := o.schema(t, in)
	if err != nil {
		return err
	}
	moving := o.moving(t.Joins) != "" && o.epoch != noEpoch
	return o.create(schema, func(out output) error {
		return in.records(ctx, func(rec arrow.Record) error {
			if moving {
				c.timeless += in.times.unknown(rec)
			}
			c.positions.Add(rec.NumRows())
			return o.each(ctx, t, rec, func(matched arrow.Record) error {
				c.count(matched)
				return out.write(matched)
			})
		})
	})
}

// schema returns the schema of the output.
func (o *options) schema(t *sky.Transform, in *input) (*arrow.Schema, error) {
	if o.retry {
		return in.schema, nil
	}
	s, err := t.Schema(in.times.widen(in.schema, arrow.PrimitiveTypes.Float64))
	if err != nil {
		return nil, err
	}
	return dropField(s, in.schema.NumFields()), nil
}

// each matches a record, whose last column is the times of observation, in parts
// if that takes less memory, and calls f with the results without that column.
func (o *options) each(ctx context.Context, t *sky.Transform, rec arrow.Record, f func(arrow.Record) error) error {
	times := int(rec.NumCols()) - 1
	match := t.Match
	rows := rec.NumRows()
	switch {
	case o.retry:
		match = t.Retry
	case o.all:
		rows = allBatchRows
		match = func(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
			return t.MatchAll(ctx, rec, o.limit)
		}
	}
	for from := int64(0); from < rec.NumRows(); from += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := rec.NewSlice(from, min(from+rows, rec.NumRows()))
		matched, err := match(ctx, part)
		part.Release()
		if err != nil {
			return err
		}
		matched = drop(matched, times)
		err = f(matched)
		matched.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// joins opens the catalogues. After an error it returns those that are open.
func (o *options) joins(ctx context.Context, c *counter) (out []sky.Join, err error) {
	for _, s := range o.catalogs {
		j, err := s.Open(ctx, catalog.Options{
			IndexDir: o.index, CacheBytes: int64(o.memory), Batch: batchRows,
			Service:  cds.Service{URL: o.cdsURL},
			Progress: func(name string, rows int64) { c.setPhase(fmt.Sprintf("reading %s: %s rows", name, cli.Count(rows))) },
			Note:     c.printLine,
		})
		if err != nil {
			return out, err
		}
		out = append(out, j)
	}
	return out, nil
}

// limitMemory makes Go collect garbage before it takes as much memory as the catalogues.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetMemoryLimit(int64(m.HeapAlloc) + 400<<20)
}
