// Package lightcurve is the command lightcurve: features of light curves.
package lightcurve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// Run runs the command with its arguments, without the name of the program.
func Run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("lightcurve", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), manual) }
	var o options
	f.StringVar(&o.curves, "curves", "", "")
	f.StringVar(&o.in, "in", "", "")
	f.StringVar(&o.object, "object", "", "")
	f.StringVar(&o.out, "o", "", "")
	f.StringVar(&o.magnitudes, "magnitudes", "fink", "")
	f.BoolVar(&o.features, "features", false, "")
	f.BoolVar(&o.simulator, "simulator", false, "")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if o.curves != "" {
		return curves(ctx, o.curves, o.out)
	}
	c, err := o.read(ctx)
	if err != nil || c == nil {
		return err
	}
	return c.show(o)
}

// read reads the light curve of an object, or writes the features of all alerts and
// returns nil.
func (o *options) read(ctx context.Context) (*curve, error) {
	if o.simulator {
		dir, err := os.MkdirTemp("", "lightcurve-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		name, longest, err := simulated(ctx, dir)
		if err != nil {
			return nil, err
		}
		o.in = name
		if o.object == "" && !o.allAlerts() {
			o.object = longest
		}
	}
	if o.allAlerts() {
		return nil, alerts(ctx, o.in, o.out, &lightcurve.Transform{Magnitudes: magnitudes[o.magnitudes]})
	}
	return object(ctx, o.in, o.object)
}

// options are the flags.
type options struct {
	curves, in, object, out, magnitudes string
	simulator, features                 bool
}

var magnitudes = map[string]lightcurve.Magnitudes{"fink": lightcurve.AsFink, "difference": lightcurve.Difference, "apparent": lightcurve.Apparent}

// allAlerts reports whether the features of all alerts are wanted, rather than one
// object.
func (o *options) allAlerts() bool { return o.object == "" && o.features && o.out != "" }

// check returns an error for flags that do not fit together.
func (o *options) check() error {
	inputs := 0
	for _, given := range []bool{o.curves != "", o.in != "", o.simulator} {
		if given {
			inputs++
		}
	}
	_, known := magnitudes[o.magnitudes]
	ext := filepath.Ext(o.out)
	switch {
	case !known:
		return cli.UsageError{Text: fmt.Sprintf("-magnitudes %s: it must be fink, difference or apparent", o.magnitudes)}
	case inputs != 1:
		return cli.UsageError{Text: "name either a table of curves with -curves, an archive with -in, or -simulator"}
	case o.curves != "" && (o.object != "" || o.features):
		return cli.UsageError{Text: "-curves goes without -object and -features: it computes the features of all its curves"}
	case o.object == "" && !o.features && o.in != "":
		return cli.UsageError{Text: "-object ID is missing, or -features for all alerts"}
	case o.out == "" && (o.curves != "" || o.object == "" && o.in != ""):
		return cli.UsageError{Text: "-o FILE.parquet is missing"}
	case (o.curves != "" || o.allAlerts()) && ext != ".parquet":
		return cli.UsageError{Text: fmt.Sprintf("-o %s: features of many curves are written as .parquet", o.out)}
	case o.out != "" && ext != ".csv" && ext != ".parquet" && ext != ".svg":
		return cli.UsageError{Text: fmt.Sprintf("-o %s: the name must end in .csv, .parquet or .svg", o.out)}
	}
	return nil
}

// columns are those of a table of curves that are lists.
var columns = []string{"t", "m", "e"}

// curves adds the features of each curve of a table to its other columns.
func curves(ctx context.Context, in, out string) error {
	tables, err := rows.Open(in, archive.TimeRange{})
	if err != nil {
		return err
	}
	t := tables[0]
	schema, kept, err := outputSchema(t.Schema)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	return cli.WriteFile(out, func(file io.Writer) error {
		w, err := parquetfile.NewWriter(file, schema, parquetfile.Options{})
		if err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
		return writeCurves(ctx, t, kept, w)
	})
}

// writeCurves writes the features of a table's curves.
func writeCurves(ctx context.Context, t *rows.Table, kept []string, w *parquetfile.Writer) error {
	var x lightcurve.Extractor
	err := t.Each(ctx, 1, func(*arrow.Schema) ([]string, error) { return append(kept, columns...), nil }, func(_ *arrow.Schema, rec arrow.Record) error {
		features, err := of(rec, &x)
		if err != nil {
			return err
		}
		defer features.Release()
		return w.WriteRowGroup([]parquetfile.Rows{{Record: features}})
	})
	return errors.Join(err, w.Close())
}

// outputSchema returns the columns of the output, and those that are taken from the
// input: all but lists.
func outputSchema(s *arrow.Schema) (*arrow.Schema, []string, error) {
	var fields []arrow.Field
	var kept []string
	for _, name := range columns {
		i := s.FieldIndices(name)
		if len(i) == 0 {
			return nil, nil, fmt.Errorf("no column %s: a row is a curve, with lists t, m and e of its times, magnitudes and errors", name)
		}
		if l, ok := s.Field(i[0]).Type.(*arrow.ListType); !ok || l.Elem().ID() != arrow.FLOAT64 {
			return nil, nil, fmt.Errorf("column %s is %v, not a list of doubles", name, s.Field(i[0]).Type)
		}
	}
	for _, f := range s.Fields() {
		if _, ok := f.Type.(*arrow.ListType); !ok {
			f.Nullable = true
			fields, kept = append(fields, f), append(kept, f.Name)
		}
	}
	for f := range lightcurve.NumFeatures {
		fields = append(fields, arrow.Field{Name: f.String(), Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	return arrow.NewSchema(fields, nil), kept, nil
}

// of returns the columns of a record that are not lists, and the features of its
// curves, null where they are not defined.
func of(rec arrow.Record, x *lightcurve.Extractor) (arrow.Record, error) {
	schema, kept, err := outputSchema(rec.Schema())
	if err != nil {
		return nil, err
	}
	var arrays []arrow.Array
	for _, name := range kept {
		arrays = append(arrays, rec.Column(rec.Schema().FieldIndices(name)[0]))
	}
	var lists [3]*array.List
	for i, name := range columns {
		lists[i] = rec.Column(rec.Schema().FieldIndices(name)[0]).(*array.List)
	}
	builders := make([]*array.Float64Builder, lightcurve.NumFeatures)
	for i := range builders {
		builders[i] = array.NewFloat64Builder(memory.DefaultAllocator)
		defer builders[i].Release()
	}
	var features []float64
	for row := range int(rec.NumRows()) {
		var c [3][]float64
		for i, l := range lists {
			c[i] = doubles(l, row)
		}
		if len(c[0]) != len(c[1]) || len(c[0]) != len(c[2]) {
			return nil, fmt.Errorf("row %d has %d times, %d magnitudes and %d errors", row, len(c[0]), len(c[1]), len(c[2]))
		}
		features = x.Features(features[:0], lightcurve.Curve{T: c[0], M: c[1], E: c[2]})
		for i, v := range features {
			if math.IsNaN(v) {
				builders[i].AppendNull()
			} else {
				builders[i].Append(v)
			}
		}
	}
	for _, b := range builders {
		a := b.NewArray()
		defer a.Release()
		arrays = append(arrays, a)
	}
	return array.NewRecord(schema, arrays, rec.NumRows()), nil
}

// doubles returns the values of a list; null is NaN.
func doubles(l *array.List, row int) []float64 {
	from, to := l.ValueOffsets(row)
	values := l.ListValues().(*array.Float64)
	out := values.Float64Values()[from:to]
	if values.NullN() == 0 {
		return out
	}
	out = append([]float64(nil), out...)
	for i := range out {
		if values.IsNull(int(from) + i) {
			out[i] = math.NaN()
		}
	}
	return out
}
