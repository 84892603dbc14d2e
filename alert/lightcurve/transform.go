package lightcurve

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/stream"
)

// Magnitudes says which of ZTF's magnitudes features are computed of.
type Magnitudes int

const (
	// AsFink are apparent magnitudes if the reference has a source behind any point of
	// the curve, in any band (Point.Behind), else those of the difference.
	AsFink Magnitudes = iota
	// Difference are always those of the difference.
	Difference
	// Apparent are always those of the object with its reference.
	Apparent
)

// Transform is a stream.Transform that adds the features of each alert's light curve,
// its history and itself, as a struct for each band: lc.g.amplitude. Detections count,
// those of bad quality too; upper limits do not. A band without points, and a feature that is
// not defined, are null. LSST's features are those of fluxes, in nJy.
//
// A Transform may be used concurrently.
type Transform struct {
	Name       string     // of the column; if empty, lc
	Magnitudes Magnitudes // for ZTF
	// Features are those to add. If nil, they are the first FinkFeatures, Fink's.
	Features []Feature
	Memory   memory.Allocator // if nil, memory.DefaultAllocator
}

var _ stream.Transform = (*Transform)(nil)

// bandsOf returns the bands of a survey, in the order of wavelength.
func bandsOf(lsst bool) []string {
	if lsst {
		return []string{"u", "g", "r", "i", "z", "y"}
	}
	return []string{"g", "r", "i"}
}

// Apply implements stream.Transform. It returns a Permanent error if columns of the
// packet are missing.
func (t *Transform) Apply(ctx context.Context, in stream.Rows) (stream.Result, error) {
	rec, err := t.Add(in.Record)
	if err != nil {
		return stream.Result{}, stream.Permanent(err)
	}
	return stream.Result{Rows: []stream.Rows{{Table: in.Table, Record: rec}}}, nil
}

// Add returns the record with the column of features. The caller must release it, and
// still owns the old one.
func (t *Transform) Add(rec arrow.Record) (arrow.Record, error) {
	r, err := newReader(rec)
	if err != nil {
		return nil, err
	}
	name := t.Name
	if name == "" {
		name = "lc"
	}
	if len(rec.Schema().FieldIndices(name)) > 0 {
		return nil, fmt.Errorf("lightcurve: there is a column %s already", name)
	}
	c := t.newColumn(bandsOf(r.lsst))
	defer c.builder.Release()
	var points []Point
	for row := range int(rec.NumRows()) {
		points = r.append(points[:0], row)
		c.append(points)
	}
	features := c.builder.NewArray()
	defer features.Release()
	metadata := rec.Schema().Metadata()
	schema := arrow.NewSchema(append(slices.Clone(rec.Schema().Fields()), arrow.Field{Name: name, Type: features.DataType(), Nullable: true}), &metadata)
	return array.NewRecord(schema, append(slices.Clone(rec.Columns()), features), rec.NumRows()), nil
}

// column builds the column of features.
type column struct {
	bands      []string
	features   []Feature
	magnitudes Magnitudes
	builder    *array.StructBuilder
	extractor  Extractor
	curves     []Curve // by band
	values     []float64
}

func (t *Transform) newColumn(bands []string) *column {
	c := &column{bands: bands, features: t.Features, magnitudes: t.Magnitudes, curves: make([]Curve, len(bands))}
	if c.features == nil {
		for f := range FinkFeatures {
			c.features = append(c.features, f)
		}
	}
	var fields, inner []arrow.Field
	for _, f := range c.features {
		inner = append(inner, arrow.Field{Name: f.String(), Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	for _, b := range bands {
		fields = append(fields, arrow.Field{Name: b, Type: arrow.StructOf(inner...), Nullable: true})
	}
	mem := t.Memory
	if mem == nil {
		mem = memory.DefaultAllocator
	}
	c.builder = array.NewStructBuilder(mem, arrow.StructOf(fields...))
	return c
}

// byBand sorts points into the curves of some bands.
func byBand(curves []Curve, points []Point, bands []string, m Magnitudes) {
	apparent := m == Apparent
	for _, p := range points {
		apparent = apparent || m == AsFink && p.Behind
	}
	for i := range curves {
		k := &curves[i]
		k.T, k.M, k.E = k.T[:0], k.M[:0], k.E[:0]
	}
	for _, p := range points {
		i := slices.Index(bands, p.Band)
		if i < 0 || p.Kind == UpperLimit {
			continue
		}
		m, e := p.Value, p.Error
		if apparent {
			m, e = p.Apparent, p.ApparentError
		}
		k := &curves[i]
		k.T, k.M, k.E = append(k.T, p.Time), append(k.M, m), append(k.E, e)
	}
}

// Features returns the bands of a light curve's points, in the order of wavelength, and
// the NumFeatures features of each.
func Features(points []Point, m Magnitudes) (bands []string, features [][]float64) {
	for _, b := range bandsOf(true) {
		if slices.ContainsFunc(points, func(p Point) bool { return p.Band == b && p.Kind != UpperLimit }) {
			bands = append(bands, b)
		}
	}
	curves := make([]Curve, len(bands))
	byBand(curves, points, bands, m)
	var x Extractor
	for _, c := range curves {
		features = append(features, x.Features(nil, c))
	}
	return bands, features
}

// append appends the features of the points of one alert.
func (c *column) append(points []Point) {
	byBand(c.curves, points, c.bands, c.magnitudes)
	c.builder.Append(true)
	for i, k := range c.curves {
		b := c.builder.FieldBuilder(i).(*array.StructBuilder)
		c.values = c.extractor.Features(c.values[:0], k)
		if c.values[ObservationCount] == 0 {
			b.AppendNull()
			continue
		}
		b.Append(true)
		for j, f := range c.features {
			if v := c.values[f]; math.IsNaN(v) {
				b.FieldBuilder(j).AppendNull()
			} else {
				b.FieldBuilder(j).(*array.Float64Builder).Append(v)
			}
		}
	}
}

// Points appends the points of one alert's light curve to dst: its history, in the
// packet's order, and itself. rec must have the columns of ZTF's or LSST's packets.
func Points(dst []Point, rec arrow.Record, row int) ([]Point, error) {
	r, err := newReader(rec)
	if err != nil {
		return dst, err
	}
	return r.append(dst, row), nil
}

// Columns returns those of a schema's columns that light curves are made of, as dotted
// names.
func Columns(s *arrow.Schema) (out []string) {
	for _, from := range []struct {
		outer string
		names []string
	}{
		{"candidate", ztfColumns}, {"prv_candidates", ztfColumns}, {"diaSource", lsstColumns}, {"prvDiaSources", lsstColumns},
	} {
		for _, i := range s.FieldIndices(from.outer) {
			t := s.Field(i).Type
			if l, ok := t.(arrow.ListLikeType); ok {
				t = l.Elem()
			}
			st, ok := t.(*arrow.StructType)
			for _, name := range from.names {
				if ok {
					if _, found := st.FieldIdx(name); found {
						out = append(out, from.outer+"."+name)
					}
				}
			}
		}
	}
	return out
}

var (
	ztfColumns  = []string{"candid", "jd", "fid", "magpsf", "sigmapsf", "diffmaglim", "isdiffpos", "distnr", "magnr", "sigmagnr", "nbad", "rb"}
	lsstColumns = append([]string{"diaSourceId", "midpointMjdTai", "band", "psfFlux", "psfFluxErr"}, lsstFlags...)
	lsstFlags   = []string{
		"isDipole", "pixelFlags", "pixelFlags_bad", "pixelFlags_saturated", "pixelFlags_streakCenter", "pixelFlags_interpolated",
		"pixelFlags_cr", "pixelFlags_nodata", "pixelFlags_streak", "pixelFlags_edge", "psfFlux_flag", "apFlux_flag",
		"forced_PsfFlux_flag", "forced_PsfFlux_flag_edge", "shape_flag", "centroid_flag",
	}
)
