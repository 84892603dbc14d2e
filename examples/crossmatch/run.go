package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// batch is how many positions are matched at a time. A request to the CDS has as
// many.
const batch = 10_000

// manyBatches is how many are read at a time for a HATS catalogue, of which parts
// may be loaded anew each time.
const manyBatches = 20

func (o *options) batch() int {
	for _, c := range o.catalogs {
		if info, err := os.Stat(c.where); err == nil && info.IsDir() {
			return batch * manyBatches
		}
	}
	return batch
}

// fewAtATime is how many are, where each may have any number of rows.
const fewAtATime = 200

func (o *options) run(ctx context.Context) error {
	c := &counter{}
	c.tell("opening " + o.positions)
	stop := c.watch(o)
	defer stop()
	in, err := openInput(o)
	if err != nil {
		return rephrase(err, "name them in RA and Dec", "name them with -ra and -dec")
	}
	if err := o.checkOut(in.files); err != nil {
		return err
	}
	if err := in.times.check(o); err != nil { // before catalogues are read
		return err
	}
	t := &crossmatch.Transform{RA: in.ra, Dec: in.dec, Epoch: in.times.name}
	t.Joins, err = o.joins(ctx, c)
	defer closeAll(t.Joins)
	if err != nil {
		return err
	}
	if err := in.times.check(o); err != nil {
		return err
	}
	keepMemory()
	c.matching(t.Joins)
	err = o.match(ctx, t, in, c)
	stop()
	if err != nil {
		return forFlags(err)
	}
	fmt.Fprint(os.Stderr, c.summary())
	return c.failure(o)
}

// match writes all rows with what was found.
func (o *options) match(ctx context.Context, t *crossmatch.Transform, in *input, c *counter) error {
	schema, err := o.schema(t, in)
	if err != nil {
		return err
	}
	moving := o.moving() != nil && o.epoch != noEpoch
	return create(o.out, schema, func(out output) error {
		return in.records(ctx, func(rec arrow.Record) error {
			if moving {
				c.timeless += in.times.unknown(rec)
			}
			return o.each(ctx, t, rec, func(matched arrow.Record) error {
				c.count(rec, matched)
				return out.write(matched)
			})
		})
	})
}

// schema is that of what is written.
func (o *options) schema(t *crossmatch.Transform, in *input) (*arrow.Schema, error) {
	if o.retry {
		return in.schema, nil
	}
	s, err := t.Schema(in.times.widen(in.schema, arrow.PrimitiveTypes.Float64))
	if err != nil {
		return nil, err
	}
	return dropField(s, in.schema.NumFields()), nil
}

// each matches a record, whose last column is the times, in parts where that
// takes less memory. The times are taken away.
func (o *options) each(ctx context.Context, t *crossmatch.Transform, rec arrow.Record, f func(arrow.Record) error) error {
	times := int(rec.NumCols()) - 1
	match := t.Match
	rows := rec.NumRows()
	switch {
	case o.retry:
		match = t.Retry
	case o.all:
		rows = fewAtATime
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

// joins opens the catalogues. Those that are open when there is an error are
// returned too.
func (o *options) joins(ctx context.Context, c *counter) (out []crossmatch.Join, err error) {
	for i := range o.catalogs {
		f := &o.catalogs[i]
		j := crossmatch.Join{Name: f.name, Radius: crossmatch.Angle(f.radius)}
		info, err := os.Stat(f.where)
		switch {
		case f.remote():
			j.Matcher, err = o.openCDS(f)
		case err != nil:
		case info.IsDir():
			j.Matcher, err = o.openHATS(f)
		default:
			j.Matcher, err = o.openFile(ctx, f, c)
			if err == nil && f.columns != nil {
				j.Columns, err = columnsOf(j.Matcher, f.columns)
			}
		}
		if err != nil {
			err = rephrase(err, "name them in RA and Dec", "name them with ?ra=NAME&dec=NAME")
			return out, fmt.Errorf("-catalog %s: %w", f.name, err)
		}
		out = append(out, j)
	}
	return out, nil
}

// columnsOf returns what a catalogue calls the columns that are asked for.
func columnsOf(m crossmatch.Matcher, asked []string) ([]string, error) {
	if m.Schema() == nil {
		return nil, errors.New("it has no columns: leave out columns=")
	}
	var out []string
	for _, name := range asked {
		at, err := table.Find(m.Schema(), name)
		if err != nil {
			return nil, err
		}
		out = append(out, m.Schema().Field(at).Name)
	}
	return out, nil
}

func (o *options) openCDS(f *catalogFlag) (crossmatch.Matcher, error) {
	fields, err := f.fields()
	return &cds.Client{
		Table: strings.TrimPrefix(f.where, "cds:"), Fields: fields, Batch: batch,
		Service: cds.Service{URL: o.cdsURL},
	}, err
}

func closeAll(joins []crossmatch.Join) {
	for _, j := range joins {
		if c, ok := j.Matcher.(io.Closer); ok {
			c.Close()
		}
	}
}

// forFlags says by which flags a Transform is set.
func forFlags(err error) error {
	return rephrase(err, ", "+timesName, "", "give join", "give catalogue", "join ", "-catalog ")
}

// rephrase replaces the words of a package by those of the command.
func rephrase(err error, oldNew ...string) error {
	if err == nil {
		return nil
	}
	return rephrased{err, strings.NewReplacer(oldNew...).Replace(err.Error())}
}

type rephrased struct {
	error
	text string
}

func (r rephrased) Error() string { return r.text }
func (r rephrased) Unwrap() error { return r.error }

// keepMemory has Go collect garbage before it is as much as the catalogues, which
// stay.
func keepMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetMemoryLimit(int64(m.HeapAlloc) + 400<<20)
}
