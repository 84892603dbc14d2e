package lightcurve

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/nearest"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/rows"
)

// stdout is replaced by tests.
var stdout io.Writer = os.Stdout

// object returns the light curve of one object: the union of its alerts.
func object(ctx context.Context, in, id string) (*curve, error) {
	tables, err := rows.Open(in, archive.TimeRange{})
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // protects what follows
	var points []lightcurve.Point
	alerts, lsst := 0, false
	others := map[string]bool{}
	collect := func(_ *arrow.Schema, rec arrow.Record) error {
		name, err := objectOf(rec)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for row := range int(rec.NumRows()) {
			if name(row) != id {
				if len(others) < 100_000 {
					others[name(row)] = true
				}
				continue
			}
			if points, err = lightcurve.Points(points, rec, row); err != nil {
				return err
			}
			alerts++
			lsst = len(rec.Schema().FieldIndices("diaSource")) > 0
		}
		return nil
	}
	for _, t := range tables {
		if err := t.Each(ctx, 2, columnsOf, collect); err != nil {
			return nil, err
		}
	}
	if alerts == 0 {
		return nil, fmt.Errorf("no object %s in %s%s", id, in, nearest.Hint(id, slices.Sorted(maps.Keys(others))))
	}
	return &curve{id, lsst, alerts, lightcurve.Union(points)}, nil
}

// show writes or prints the curve, and prints its features, as the flags ask for.
func (c *curve) show(o options) error {
	if o.out != "" {
		if err := c.save(o.out); err != nil {
			return err
		}
	} else if !o.features {
		return c.print(stdout)
	}
	if o.features {
		return c.printFeatures(stdout, magnitudes[o.magnitudes])
	}
	return nil
}

// objectOf returns the object's name of each row.
func objectOf(rec arrow.Record) (func(row int) string, error) {
	for _, name := range []string{"object_id", "objectId"} {
		for _, i := range rec.Schema().FieldIndices(name) {
			if a, ok := rec.Column(i).(interface {
				arrow.Array
				Value(int) string
			}); ok {
				return func(row int) string {
					if a.IsNull(row) {
						return ""
					}
					return a.Value(row)
				}, nil
			}
		}
	}
	return nil, errors.New("no column object_id or objectId tells the object of an alert")
}

// curve is the light curve of an object.
type curve struct {
	object string
	lsst   bool
	alerts int
	points []lightcurve.Point
}

// time and unit name the columns of the survey.
func (c *curve) time() string {
	if c.lsst {
		return "mjd"
	}
	return "jd"
}

func (c *curve) unit() string {
	if c.lsst {
		return "flux_njy"
	}
	return "mag"
}

var header = []string{"band", "kind", "", "error", "apparent", "apparent_error", "id"}

// cells returns a point as text; what is not known is empty.
func (c *curve) cells(p lightcurve.Point) []string {
	number := func(v float64, digits int) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'f', digits, 64)
	}
	id := ""
	if p.ID != 0 {
		id = strconv.FormatInt(p.ID, 10)
	}
	return []string{number(p.Time, 7), p.Band, string(p.Kind), number(p.Value, 6), number(p.Error, 6), number(p.Apparent, 6), number(p.ApparentError, 6), id}
}

func (c *curve) header() []string {
	h := append([]string{c.time()}, header...)
	h[3] = c.unit()
	return h
}

func (c *curve) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s: points %s, alerts %s\n", c.object, cli.Count(int64(len(c.points))), cli.Count(int64(c.alerts)))
	line := func(cells []string) {
		for _, s := range cells {
			fmt.Fprintf(tw, "%s\t", s)
		}
		fmt.Fprintln(tw)
	}
	line(c.header())
	for _, p := range c.points {
		line(c.cells(p))
	}
	return tw.Flush()
}

// save writes a file whose form is that of its name.
func (c *curve) save(path string) error {
	write := map[string]func(io.Writer) error{".csv": c.writeCSV, ".parquet": c.writeParquet, ".svg": c.writeSVG}[filepath.Ext(path)]
	return cli.WriteFile(path, write)
}

func (c *curve) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(c.header()); err != nil {
		return err
	}
	for _, p := range c.points {
		if err := out.Write(c.cells(p)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (c *curve) writeParquet(w io.Writer) error {
	double, text := arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String
	types := []arrow.DataType{double, text, text, double, double, double, double, arrow.PrimitiveTypes.Int64}
	var fields []arrow.Field
	for i, name := range c.header() {
		fields = append(fields, arrow.Field{Name: name, Type: types[i], Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, p := range c.points {
		for i, v := range map[int]float64{0: p.Time, 3: p.Value, 4: p.Error, 5: p.Apparent, 6: p.ApparentError} {
			if math.IsNaN(v) {
				b.Field(i).AppendNull()
			} else {
				b.Field(i).(*array.Float64Builder).Append(v)
			}
		}
		b.Field(1).(*array.StringBuilder).Append(p.Band)
		b.Field(2).(*array.StringBuilder).Append(string(p.Kind))
		if p.ID == 0 {
			b.Field(7).AppendNull()
		} else {
			b.Field(7).(*array.Int64Builder).Append(p.ID)
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	out, err := parquetfile.NewWriter(w, schema, parquetfile.Options{})
	if err != nil {
		return err
	}
	return errors.Join(out.WriteRowGroup([]parquetfile.Rows{{Record: rec}}), out.Close())
}

// printFeatures prints the features of each band.
func (c *curve) printFeatures(w io.Writer, magnitudes lightcurve.Magnitudes) error {
	bands, features := lightcurve.Features(c.points, magnitudes)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(tw, "feature\t")
	for _, b := range bands {
		fmt.Fprintf(tw, "%s\t", b)
	}
	fmt.Fprintln(tw)
	for f := range lightcurve.NumFeatures {
		fmt.Fprintf(tw, "%v\t", f)
		for i := range bands {
			text := ""
			if v := features[i][f]; !math.IsNaN(v) {
				text = strconv.FormatFloat(v, 'g', 8, 64)
			}
			fmt.Fprintf(tw, "%s\t", text)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}
