package lightcurve_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
)

var (
	f32, f64, i32, i64 = arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	text               = arrow.BinaryTypes.String
)

func field(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var candidate = arrow.StructOf(field("candid", i64), field("jd", f64), field("fid", i32), field("magpsf", f32), field("sigmapsf", f32),
	field("diffmaglim", f32), field("isdiffpos", text), field("distnr", f32), field("magnr", f32), field("sigmagnr", f32), field("nbad", i32), field("rb", f32))

var ztf = arrow.NewSchema([]arrow.Field{field("candidate", candidate), field("prv_candidates", arrow.ListOf(candidate))}, nil)

var source = arrow.StructOf(field("diaSourceId", i64), field("midpointMjdTai", f64), field("band", text), field("psfFlux", f32), field("psfFluxErr", f32),
	field("shape_flag", arrow.FixedWidthTypes.Boolean), field("centroid_flag", arrow.FixedWidthTypes.Boolean))

var lsst = arrow.NewSchema([]arrow.Field{field("diaSource", source), field("prvDiaSources", arrow.ListOf(source))}, nil)

func record(t testing.TB, mem memory.Allocator, schema *arrow.Schema, json string) arrow.Record {
	rec, _, err := array.RecordFromJSON(mem, schema, strings.NewReader(json))
	require.NoError(t, err)
	return rec
}

// add adds the features of alerts to a record, which it releases.
func add(t testing.TB, tr lightcurve.Transform, rec arrow.Record) arrow.Record {
	defer rec.Release()
	res, err := tr.Apply(context.Background(), stream.Rows{Table: "alerts/x", Record: rec})
	require.NoError(t, err)
	require.Equal(t, "alerts/x", res.Rows[0].Table)
	return res.Rows[0].Record
}

// values returns a feature of each row; NaN is null.
func values(t testing.TB, rec arrow.Record, path string) (out []float64) {
	get := stream.Float64s(stream.Field(rec, path))
	require.NotNil(t, get, path)
	for i := range int(rec.NumRows()) {
		v, ok := get(i)
		if !ok {
			v = math.NaN()
		}
		out = append(out, v)
	}
	return out
}

const alerts = `[
	{"candidate": {"jd": 2460003.5, "fid": 1, "magpsf": 18, "sigmapsf": 0.5},
	 "prv_candidates": [
		{"jd": 2460001.5, "fid": 1, "magpsf": 20, "sigmapsf": 0.25},
		{"jd": 2460002.5, "fid": 1, "diffmaglim": 19},
		{"jd": 2460002.5, "fid": 2, "magpsf": 17, "sigmapsf": 0.25, "rb": 0.1},
		{"jd": 2460003.5, "fid": 1, "magpsf": 99, "sigmapsf": 0.5}]},
	{"candidate": {"jd": 2460003.5, "fid": 3, "magpsf": 18, "sigmapsf": 0.5}, "prv_candidates": null},
	{"candidate": null, "prv_candidates": []}]`

func TestTransform(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	rec := add(t, lightcurve.Transform{Memory: mem}, record(t, mem, ztf, alerts))
	defer rec.Release()
	nan := math.NaN()
	same := func(want []float64, path string) {
		t.Helper()
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(values(t, rec, path)), path)
	}
	same([]float64{59.5, nan, nan}, "lc.g.mean") // 20 and, of equal times, the history's 99; no upper limit
	same([]float64{39.5, nan, nan}, "lc.g.maximum_slope")
	same([]float64{17, nan, nan}, "lc.r.mean") // of bad quality, but a detection
	same([]float64{nan, nan, nan}, "lc.r.standard_deviation")
	same([]float64{nan, 18, nan}, "lc.i.mean")
	assert.True(t, stream.Field(rec, "lc").IsValid(2))
	assert.True(t, stream.Field(rec, "lc.g").IsNull(1), "a band without points is null")
	assert.True(t, stream.Field(rec, "lc.r").IsValid(0))
	assert.Nil(t, stream.Field(rec, "lc.g.eta"), "not one of Fink's")
	assert.EqualValues(t, 3, rec.NumCols())
}

func TestTransformOfPartOfARecord(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	all := record(t, mem, ztf, alerts)
	defer all.Release()
	rec := add(t, lightcurve.Transform{Memory: mem}, all.NewSlice(1, 3))
	defer rec.Release()
	assert.Equal(t, "[18 NaN]", fmt.Sprint(values(t, rec, "lc.i.mean")))
	assert.Equal(t, "[NaN NaN]", fmt.Sprint(values(t, rec, "lc.g.mean")))
}

func TestTransformChoosesFeatures(t *testing.T) {
	tr := lightcurve.Transform{Name: "f", Features: []lightcurve.Feature{lightcurve.EtaE, lightcurve.ObservationCount}}
	rec := add(t, tr, record(t, memory.DefaultAllocator, ztf, alerts))
	defer rec.Release()
	assert.Equal(t, 2, stream.Field(rec, "f.g").(*array.Struct).NumField())
	assert.Equal(t, 2.0, values(t, rec, "f.g.observation_count")[0])
}

// One point with a source behind it, in any band, makes all magnitudes apparent.
func TestMagnitudes(t *testing.T) {
	const two = `[{"candidate": {"jd": 2460003.5, "fid": 1, "magpsf": 18, "sigmapsf": 0.5, "isdiffpos": "t", "magnr": 18, "sigmagnr": 0.5, "distnr": 9},
		"prv_candidates": [{"jd": 2460001.5, "fid": 2, "magpsf": 20, "sigmapsf": 0.25, "isdiffpos": "f", "magnr": 20, "sigmagnr": 0.5, "distnr": 1.5}]}]`
	for m, want := range map[lightcurve.Magnitudes]float64{
		lightcurve.Difference: 18, lightcurve.Apparent: 18 - 2.5*math.Log10(2), lightcurve.AsFink: 18 - 2.5*math.Log10(2),
	} {
		rec := add(t, lightcurve.Transform{Magnitudes: m}, record(t, memory.DefaultAllocator, ztf, two))
		assert.InDelta(t, want, values(t, rec, "lc.g.mean")[0], 1e-12, "%v", m)
		assert.Equal(t, m != lightcurve.Difference, stream.Field(rec, "lc.r").IsNull(0), "no flux is left in r")
		rec.Release()
	}
	alone := strings.ReplaceAll(two, `"distnr": 1.5`, `"distnr": -999`)
	rec := add(t, lightcurve.Transform{}, record(t, memory.DefaultAllocator, ztf, alone))
	defer rec.Release()
	assert.Equal(t, 18.0, values(t, rec, "lc.g.mean")[0])
}

func TestTransformLSST(t *testing.T) {
	rec := add(t, lightcurve.Transform{}, record(t, memory.DefaultAllocator, lsst, `[
		{"diaSource": {"midpointMjdTai": 61000.5, "band": "z", "psfFlux": -300, "psfFluxErr": 10},
		 "prvDiaSources": [{"midpointMjdTai": 60999.5, "band": "z", "psfFlux": 100, "psfFluxErr": 10}]}]`))
	defer rec.Release()
	assert.Equal(t, -100.0, values(t, rec, "lc.z.mean")[0])
	assert.Equal(t, 400.0, values(t, rec, "lc.z.maximum_slope")[0])
	assert.Equal(t, 6, stream.Field(rec, "lc").(*array.Struct).NumField())
}

func TestPoints(t *testing.T) {
	kinds := func(rec arrow.Record) (out []lightcurve.Kind) {
		defer rec.Release()
		points, err := lightcurve.Points(nil, rec, 0)
		require.NoError(t, err)
		for _, p := range points {
			out = append(out, p.Kind)
		}
		return out
	}
	good, bad, limit := lightcurve.Detection, lightcurve.BadQuality, lightcurve.UpperLimit
	assert.Equal(t, []lightcurve.Kind{good, limit, bad, bad, good, good}, kinds(record(t, memory.DefaultAllocator, ztf, `[
		{"candidate": {"jd": 7, "fid": 1, "magpsf": 18, "sigmapsf": 0.5, "rb": 0.1, "nbad": 1},
		 "prv_candidates": [
			{"jd": 1, "fid": 1, "magpsf": 20, "sigmapsf": 0.25, "rb": 0.6, "nbad": 0},
			{"jd": 2, "fid": 2, "diffmaglim": 19},
			{"jd": 3, "fid": 2, "magpsf": 17, "sigmapsf": 0.25, "rb": 0.54},
			{"jd": 4, "fid": 2, "magpsf": 17, "sigmapsf": 0.25, "rb": 0.9, "nbad": 1},
			{"jd": 5, "fid": 2, "magpsf": 17, "sigmapsf": 0.25},
			{"jd": 6, "fid": 2},
			{"jd": 6, "fid": 9, "magpsf": 17}]}]`)))
	assert.Equal(t, []lightcurve.Kind{bad, good}, kinds(record(t, memory.DefaultAllocator, lsst, `[
		{"diaSource": {"midpointMjdTai": 61000.5, "band": "z", "psfFlux": -300, "psfFluxErr": 10, "shape_flag": false},
		 "prvDiaSources": [{"midpointMjdTai": 60999.5, "band": "z", "psfFlux": 100, "centroid_flag": true}, {"midpointMjdTai": 60998.5, "band": "z"}]}]`)))
}

func TestTransformErrors(t *testing.T) {
	apply := func(tr lightcurve.Transform, rec arrow.Record) error {
		defer rec.Release()
		_, err := tr.Apply(context.Background(), stream.Rows{Record: rec})
		return err
	}
	mem := memory.DefaultAllocator
	assert.ErrorContains(t, apply(lightcurve.Transform{Name: "candidate"}, record(t, mem, ztf, alerts)), "there is a column candidate already")
	none := arrow.NewSchema([]arrow.Field{field("detection", i64)}, nil)
	assert.ErrorContains(t, apply(lightcurve.Transform{}, record(t, mem, none, `[{"detection": 1}]`)), "neither a column candidate (ZTF) nor diaSource (LSST)")
	decam := arrow.NewSchema([]arrow.Field{field("candidate", arrow.StructOf(field("mjd", f64), field("magpsf", f32)))}, nil)
	assert.ErrorContains(t, apply(lightcurve.Transform{}, record(t, mem, decam, `[{"candidate": {"mjd": 61000.5}}]`)), "time and the brightness are missing in candidate")
}

func TestUnion(t *testing.T) {
	point := func(id int64, jd float64, band string, kind lightcurve.Kind, v float64) lightcurve.Point {
		return lightcurve.Point{ID: id, Time: jd, Band: band, Kind: kind, Value: v}
	}
	want := []lightcurve.Point{
		point(0, 1, "g", lightcurve.UpperLimit, 20), point(7, 2, "g", lightcurve.Detection, 18),
		point(8, 2, "r", lightcurve.BadQuality, 18), point(9, 3, "g", lightcurve.Detection, 17),
	}
	in := []lightcurve.Point{
		want[3], want[0], point(7, 2, "g", lightcurve.BadQuality, 18), want[2], want[1], // the alert 7 itself, and as history tells it
		point(0, 2, "g", lightcurve.UpperLimit, 19), point(0, 3, "g", lightcurve.Detection, 17), want[0], want[2],
	}
	assert.Equal(t, want, lightcurve.Union(slices.Clone(in)))
	slices.Reverse(in)
	assert.Equal(t, want, lightcurve.Union(slices.Clone(in)))
	assert.Empty(t, lightcurve.Union(nil))
}

// simulated returns decoded alerts of a simulated night.
func simulated(t testing.TB, n int) arrow.Record {
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	s := &sim.Simulator{Survey: sim.ZTF, Alerts: n, Start: time.Date(2026, 9, 15, 3, 0, 0, 0, time.UTC)}
	offset := int64(0)
	for p, err := range s.Packets(int64(n)) {
		require.NoError(t, err)
		b.Append(stream.Message{Topic: "ztf", Offset: offset, Time: p.Time, Value: stream.View{Buffer: memory.NewBufferBytes(p.Value), To: len(p.Value)}})
		offset++
	}
	messages := b.NewRecord()
	defer messages.Release()
	var d alert.Decoder
	defer d.Close()
	res, err := d.Apply(context.Background(), stream.Rows{Record: messages})
	require.NoError(t, err)
	require.Len(t, res.Rows, 1)
	return res.Rows[0].Record
}

// Curves of one record do not depend on those before.
func TestTransformSimulated(t *testing.T) {
	rec := simulated(t, 200)
	defer rec.Release()
	whole, err := new(lightcurve.Transform).Add(rec)
	require.NoError(t, err)
	defer whole.Release()
	points := 0
	for row := range int(rec.NumRows()) {
		got, err := lightcurve.Points(nil, rec, row)
		require.NoError(t, err)
		points += len(got)
		bands, features := lightcurve.Features(got, lightcurve.AsFink)
		for i, band := range bands {
			for f := range lightcurve.FinkFeatures {
				v := values(t, whole.NewSlice(int64(row), int64(row)+1), "lc."+band+"."+f.String())[0]
				require.Equal(t, fmt.Sprint(features[i][f]), fmt.Sprint(v), "row %d %s.%v", row, band, f)
			}
		}
	}
	assert.Greater(t, points, 5*int(rec.NumRows()))
}

func BenchmarkTransform(b *testing.B) {
	rec := simulated(b, 2000)
	defer rec.Release()
	for b.Loop() {
		out, err := new(lightcurve.Transform).Add(rec)
		require.NoError(b, err)
		out.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rec.NumRows()), "ns/alert")
}
