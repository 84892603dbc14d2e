package lightcurve

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
)

// Kind is what a point of a light curve is.
type Kind string

// The kinds of points.
const (
	Detection  Kind = "detection"
	UpperLimit Kind = "upperlim" // nothing was seen: Value is the limit
	// BadQuality is a detection of ZTF's history that its alert would have been left out
	// for, nbad > 0 or rb < 0.55, or a detection of LSST with one of the 16 flags raised
	// that Fink's filters look at, such as psfFlux_flag and pixelFlags_edge.
	BadQuality Kind = "badquality"
)

// Point is one point of a light curve.
type Point struct {
	ID    int64   // of the detection (candid, diaSourceId); 0 if it has none
	Time  float64 // JD for ZTF, MJD (TAI) for LSST
	Band  string  // g, r, i; LSST's also u, z, y
	Kind  Kind
	Value float64 // magnitude of the difference (ZTF), or flux of the difference in nJy (LSST)
	Error float64 // NaN for an upper limit
	// Apparent and ApparentError are the magnitude of the source and the reference
	// together (ZTF); NaN if they are not known.
	Apparent, ApparentError float64
	// Behind says that the reference has a source within 1.5 arcseconds, so that
	// the apparent magnitude is that of the object.
	Behind bool
}

// reader reads the points of the alerts of a record. The columns are those of ZTF's or
// LSST's packets.
type reader struct {
	lsst    bool
	current fields
	history fields
	lists   array.ListLike // nil if there is no history
}

// fields are the columns that points are read from: by row of the alert, or by number
// of the element of the history. A function is nil if there is no such column.
type fields struct {
	time, value, err, limit, distance, reference, referenceErr, nbad, rb, filter func(int) (float64, bool)
	band, positive                                                               func(int) string
	id                                                                           func(int) int64
	flags                                                                        []*array.Boolean // LSST's
}

// newReader returns a reader, or an error that says which column is missing.
func newReader(rec arrow.Record) (*reader, error) {
	r := &reader{}
	history := "prv_candidates"
	if len(rec.Schema().FieldIndices("diaSource")) > 0 {
		r.lsst, history = true, "prvDiaSources"
	} else if len(rec.Schema().FieldIndices("candidate")) == 0 {
		return nil, fmt.Errorf("lightcurve: neither a column candidate (ZTF) nor diaSource (LSST)")
	}
	outer := "candidate."
	if r.lsst {
		outer = "diaSource."
	}
	r.current = r.fields(func(name string) arrow.Array { return stream.Field(rec, outer+name) })
	if r.current.time == nil || r.current.value == nil {
		return nil, fmt.Errorf("lightcurve: the columns of the time and the brightness are missing in %s", outer[:len(outer)-1])
	}
	if l, ok := stream.Field(rec, history).(array.ListLike); ok {
		if elements, ok := l.ListValues().(*array.Struct); ok {
			r.lists = l
			r.history = r.fields(func(name string) arrow.Array {
				i, ok := elements.DataType().(*arrow.StructType).FieldIdx(name)
				if !ok {
					return nil
				}
				return elements.Field(i)
			})
		}
	}
	return r, nil
}

func (r *reader) fields(column func(name string) arrow.Array) fields {
	number := func(name string) func(int) (float64, bool) { return stream.Float64s(column(name)) }
	text := func(name string) func(int) string {
		a, ok := column(name).(interface {
			arrow.Array
			Value(int) string
		})
		if !ok {
			return nil
		}
		return func(i int) string {
			if a.IsNull(i) {
				return ""
			}
			return a.Value(i)
		}
	}
	if r.lsst {
		var flags []*array.Boolean
		for _, name := range lsstFlags {
			if a, ok := column(name).(*array.Boolean); ok {
				flags = append(flags, a)
			}
		}
		return fields{flags: flags, id: ids(column("diaSourceId")), time: number("midpointMjdTai"), value: number("psfFlux"), err: number("psfFluxErr"), band: text("band")}
	}
	return fields{
		id: ids(column("candid")), time: number("jd"), value: number("magpsf"), err: number("sigmapsf"), limit: number("diffmaglim"), distance: number("distnr"),
		reference: number("magnr"), referenceErr: number("sigmagnr"), nbad: number("nbad"), rb: number("rb"), filter: number("fid"), positive: text("isdiffpos"),
	}
}

// ids returns the integers of a column; null is 0.
func ids(a arrow.Array) func(int) int64 {
	if a, ok := a.(*array.Int64); ok {
		return func(i int) int64 {
			if a.IsNull(i) {
				return 0
			}
			return a.Value(i)
		}
	}
	return func(int) int64 { return 0 }
}

// get returns a value, NaN if it is not known.
func get(f func(int) (float64, bool), i int) float64 {
	if f == nil {
		return math.NaN()
	}
	if v, ok := f(i); ok {
		return v
	}
	return math.NaN()
}

var ztfBands = []string{"", "g", "r", "i"}

// append appends the points of an alert: its history in the packet's order, then the
// alert itself.
func (r *reader) append(points []Point, row int) []Point {
	if r.lists != nil && r.lists.IsValid(row) {
		from, to := r.lists.ValueOffsets(row)
		for i := from; i < to; i++ {
			if p, ok := r.history.point(int(i), r.lsst, true); ok {
				points = append(points, p)
			}
		}
	}
	if p, ok := r.current.point(row, r.lsst, false); ok {
		points = append(points, p)
	}
	return points
}

// point returns a point; ok is false if it has no time, band or brightness.
func (f *fields) point(i int, lsst, past bool) (p Point, ok bool) {
	p = Point{ID: f.id(i), Time: get(f.time, i), Value: get(f.value, i), Error: get(f.err, i), Kind: Detection, Apparent: math.NaN(), ApparentError: math.NaN()}
	if lsst {
		if f.band != nil {
			p.Band = f.band(i)
		}
		for _, flag := range f.flags {
			if flag.IsValid(i) && flag.Value(i) {
				p.Kind = BadQuality
			}
		}
		return p, p.Time == p.Time && p.Value == p.Value && p.Band != ""
	}
	if n := get(f.filter, i); n >= 1 && n <= 3 {
		p.Band = ztfBands[int(n)]
	}
	if p.Value != p.Value {
		p.Kind, p.Value, p.Error = UpperLimit, get(f.limit, i), math.NaN()
		return p, p.Time == p.Time && p.Value == p.Value && p.Band != ""
	}
	if past && (get(f.nbad, i) > 0 || get(f.rb, i) < 0.55) {
		p.Kind = BadQuality
	}
	d := get(f.distance, i)
	p.Behind = d >= 0 && d <= 1.5 && p.Error == p.Error
	if f.positive != nil && f.positive(i) != "" {
		p.Apparent, p.ApparentError = apparent(p.Value, p.Error, get(f.reference, i), get(f.referenceErr, i), f.positive(i))
	}
	return p, p.Time == p.Time && p.Band != ""
}

// apparent returns the magnitude of the reference and the difference together, as in
// the package fink-utils: F = 10^(−0.4 magnr) ± 10^(−0.4 magpsf). It is NaN if the
// flux is not positive or the reference is not known (magnr < 0).
func apparent(mag, err, reference, referenceErr float64, positive string) (m, sigma float64) {
	const perMagnitude = 1.0857 // 2.5 / ln 10, as fink-utils rounds it
	if !(reference >= 0) {
		return math.NaN(), math.NaN()
	}
	base, diff := math.Pow(10, -0.4*reference), math.Pow(10, -0.4*mag)
	flux := base - diff
	if positive == "t" || positive == "1" {
		flux = base + diff
	}
	if !(flux > 0) {
		return math.NaN(), math.NaN()
	}
	return -2.5 * math.Log10(flux), perMagnitude * math.Hypot(base*referenceErr/perMagnitude, diff*err/perMagnitude) / flux
}

// Union returns the points of the alerts of one object, sorted by time, each once. Of
// those with one ID, or with one time and band, a detection comes before an upper
// limit, and one with an ID, an alert of its own, before one that only histories have.
// The order of points does not matter. Union changes points.
func Union(points []Point) []Point {
	rank := map[Kind]int{Detection: 0, BadQuality: 1, UpperLimit: 2}
	slices.SortFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Band, b.Band), cmp.Compare(rank[a.Kind], rank[b.Kind]),
			-cmp.Compare(a.ID, b.ID), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Error, b.Error), cmp.Compare(a.Apparent, b.Apparent))
	})
	seen := map[int64]bool{}
	return slices.CompactFunc(slices.DeleteFunc(points, func(p Point) bool {
		twice := p.ID != 0 && seen[p.ID]
		seen[p.ID] = true
		return twice
	}), func(a, b Point) bool { return a.Time == b.Time && a.Band == b.Band })
}
