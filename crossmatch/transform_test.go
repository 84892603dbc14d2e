package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

var (
	raField  = arrow.Field{Name: "ra", Type: arrow.PrimitiveTypes.Float64, Nullable: true}
	decField = arrow.Field{Name: "dec", Type: arrow.PrimitiveTypes.Float64, Nullable: true}
)

func checkedMemory(t *testing.T) memory.Allocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

// fromJSON returns a record that is released when the test ends.
func fromJSON(t testing.TB, mem memory.Allocator, text string, fields ...arrow.Field) arrow.Record {
	rec, _, err := array.RecordFromJSON(mem, arrow.NewSchema(fields, nil), strings.NewReader(text))
	require.NoError(t, err)
	t.Cleanup(rec.Release)
	return rec
}

// namedCatalog returns a catalogue of rows on the equator, with a name and a magnitude.
func namedCatalog(t *testing.T, mem memory.Allocator, prefix string, ra ...float64) *Catalog {
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String}, {Name: "mag", Type: arrow.PrimitiveTypes.Float32}}, nil))
	defer b.Release()
	for i := range ra {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(prefix, i))
		b.Field(1).(*array.Float32Builder).Append(float32(i) + 0.5)
	}
	rec := b.NewRecord()
	t.Cleanup(rec.Release)
	c, err := NewCatalog(Rows{RA: ra, Dec: make([]float64, len(ra)), Columns: rec})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// text returns a record as text: the values of each column, separated by bars.
func text(rec arrow.Record) map[string]string {
	out := map[string]string{}
	for i, c := range rec.Columns() {
		var values []string
		for k := range c.Len() {
			if c.IsNull(k) {
				values = append(values, "-")
			} else if f, ok := c.(*array.Float64); ok {
				values = append(values, fmt.Sprintf("%.3f", f.Value(k)))
			} else {
				values = append(values, c.ValueStr(k))
			}
		}
		out[rec.ColumnName(i)] = strings.Join(values, "|")
	}
	return out
}

// flaky is a matcher that fails all but the first few positions of a call.
type flaky struct {
	*Catalog
	answers atomic.Int64
	asked   atomic.Int64 // positions of the last call
}

func (f *flaky) Nearest(ctx context.Context, p Positions, radius Angle) (Answer, error) {
	f.asked.Store(int64(len(p.RA)))
	a, err := f.Catalog.Nearest(ctx, p, radius)
	for i := range a.Matches {
		if int64(i) >= f.answers.Load() && a.Matches[i].Status != StatusInvalid {
			a.Matches[i] = Match{Row: -1, Status: StatusFailed, Separation: nan}
			a.Cause = errors.New("the service rests")
		}
	}
	if a.Cause != nil && a.Rows != nil { // null rows for the failed
		rows := a.Rows
		defer rows.Release()
		a.Rows, err = f.gather(ctx, a.Matches, nil)
	}
	return a, err
}

func TestTransform(t *testing.T) {
	mem := checkedMemory(t)
	tr := &Transform{Memory: mem, Joins: []Join{
		{Name: "a", Matcher: namedCatalog(t, mem, "a", 10, 20, 30), Radius: 2 * Arcsecond},
		{Name: "b", Matcher: namedCatalog(t, mem, "b", 10.1, 20), Radius: 0.2 * Degree, Columns: []string{"mag"}},
		{Name: "c", Matcher: namedCatalog(t, mem, "c"), Radius: 180 * Degree, Columns: []string{}},
	}}
	rec := fromJSON(t, mem, `[{"id": 1, "ra": 370.0001, "dec": 0}, {"id": 2, "ra": 10, "dec": null}, {"id": 3, "ra": null, "dec": 0},
		{"id": 4, "ra": 30, "dec": 91}, {"id": 5, "ra": 10, "dec": 0.0005}, {"id": 6, "ra": 100, "dec": 0}]`,
		arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, raField, decField)
	want := map[string]string{
		"id": "1|2|3|4|5|6", "ra": "370.000|10.000|-|30.000|10.000|100.000", "dec": "0.000|-|0.000|91.000|0.001|0.000",
		"a_match": "match|invalid|invalid|invalid|match|none", "a_separation": "0.360|-|-|-|1.800|-", "a_cause": "-|-|-|-|-|-",
		"a_name": "a0|-|-|-|a0|-", "a_mag": "0.5|-|-|-|0.5|-",
		"b_match": "match|invalid|invalid|invalid|match|none", "b_separation": "359.640|-|-|-|360.004|-", "b_cause": "-|-|-|-|-|-",
		"b_mag":   "0.5|-|-|-|0.5|-",
		"c_match": "none|invalid|invalid|invalid|none|none", "c_separation": "-|-|-|-|-|-", "c_cause": "-|-|-|-|-|-",
	}
	out, err := tr.Apply(t.Context(), stream.Rows{Table: "alerts/x", Record: rec})
	require.NoError(t, err)
	defer out.Release()
	assert.Equal(t, "alerts/x", out.Rows[0].Table)
	got := out.Rows[0].Record
	assert.Equal(t, want, text(got))
	schema, err := tr.Schema(rec.Schema())
	require.NoError(t, err)
	assert.True(t, schema.Equal(got.Schema()), "%v\n%v", schema, got.Schema())

	t.Run("slice", func(t *testing.T) {
		part := rec.NewSlice(1, 5)
		defer part.Release()
		got, err := tr.Match(t.Context(), part)
		require.NoError(t, err)
		defer got.Release()
		all := text(got)
		for name, whole := range want {
			assert.Equal(t, strings.Join(strings.Split(whole, "|")[1:5], "|"), all[name], name)
		}
	})
	t.Run("empty", func(t *testing.T) {
		none := rec.NewSlice(3, 3)
		defer none.Release()
		got, err := tr.Match(t.Context(), none)
		require.NoError(t, err)
		defer got.Release()
		assert.Zero(t, got.NumRows())
		assert.True(t, schema.Equal(got.Schema()))
		again, err := tr.Retry(t.Context(), got)
		require.NoError(t, err)
		again.Release()
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("a signal"))
		_, err := tr.Apply(ctx, stream.Rows{Record: rec})
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// A failure drops no row, and Retry asks for the failed rows only.
func TestRetry(t *testing.T) {
	mem := checkedMemory(t)
	f := &flaky{Catalog: namedCatalog(t, mem, "f", 10, 20, 30, 40)}
	f.answers.Store(2)
	tr := &Transform{Memory: mem, RA: "x", Dec: "y", Joins: []Join{
		{Name: "good", Matcher: f.Catalog, Radius: Arcsecond, Columns: []string{"name"}},
		{Name: "bad", Matcher: f, Radius: Arcsecond, Columns: []string{"mag", "name"}},
	}}
	x, y := raField, decField
	x.Name, y.Name = "x", "y"
	rec := fromJSON(t, mem, `[{"x": 40, "y": 0}, {"x": 30, "y": 0}, {"x": 20, "y": 0}, {"x": 20, "y": null}, {"x": 11, "y": 0}, {"x": 10, "y": 0}]`, x, y)
	first, err := tr.Match(t.Context(), rec)
	require.NoError(t, err)
	defer first.Release()
	one := text(first)
	assert.Equal(t, "match|match|failed|invalid|failed|failed", one["bad_match"])
	assert.Equal(t, "0.000|0.000|-|-|-|-", one["bad_separation"])
	assert.Equal(t, "-|-|the service rests|-|the service rests|the service rests", one["bad_cause"])
	assert.Equal(t, "f3|f2|-|-|-|-", one["bad_name"])
	assert.Equal(t, "f3|f2|f1|-|-|f0", one["good_name"])

	second, err := tr.Retry(t.Context(), first)
	require.NoError(t, err)
	defer second.Release()
	two := text(second)
	assert.EqualValues(t, 3, f.asked.Load())
	assert.True(t, first.Schema().Equal(second.Schema()))
	assert.Equal(t, "match|match|match|invalid|none|failed", two["bad_match"])
	assert.Equal(t, "0.000|0.000|0.000|-|-|-", two["bad_separation"])
	assert.Equal(t, "-|-|-|-|-|the service rests", two["bad_cause"])
	assert.Equal(t, "f3|f2|f1|-|-|-", two["bad_name"])
	assert.Equal(t, "3.5|2.5|1.5|-|-|-", two["bad_mag"])
	assert.Equal(t, one["good_name"], two["good_name"])

	part := second.NewSlice(3, 6)
	defer part.Release()
	third, err := tr.Retry(t.Context(), part)
	require.NoError(t, err)
	defer third.Release()
	assert.Equal(t, "invalid|none|match", text(third)["bad_match"])
	assert.Equal(t, "-|-|f0", text(third)["bad_name"])

	f.asked.Store(-1)
	fourth, err := tr.Retry(t.Context(), third)
	require.NoError(t, err)
	defer fourth.Release()
	assert.EqualValues(t, -1, f.asked.Load(), "no row was failed")
	assert.True(t, array.RecordEqual(third, fourth))

	_, err = tr.Retry(t.Context(), rec)
	assert.EqualError(t, err, `crossmatch: no column "good_match" among x, y: only a record with the columns of join "good" can be retried`)
	tr.Joins[1].Columns = nil
	tr.Joins[1].Matcher = namedCatalog(t, mem, "x", 1)
	other := *tr
	other.Joins = []Join{{Name: "bad", Radius: 1, Matcher: mistaken{schema: arrow.NewSchema([]arrow.Field{{Name: "mag", Type: arrow.BinaryTypes.String}}, nil)}}}
	_, err = other.Retry(t.Context(), first)
	assert.EqualError(t, err, `crossmatch: column "bad_mag" is float32, but utf8 in join "bad"`)
}

// mistaken is a matcher that returns a given answer.
type mistaken struct {
	schema *arrow.Schema
	answer Answer
	err    error
}

func (m mistaken) Schema() *arrow.Schema { return m.schema }
func (m mistaken) Nearest(context.Context, Positions, Angle) (Answer, error) {
	if m.answer.Rows != nil {
		m.answer.Rows.Retain()
	}
	return m.answer, m.err
}

func TestTransformErrors(t *testing.T) {
	mem := checkedMemory(t)
	c := namedCatalog(t, mem, "a", 10, 20)
	rec := fromJSON(t, mem, `[{"ra": 10, "dec": 0, "mag": 3, "a_mag": 1, "when": "x"}]`, raField, decField,
		arrow.Field{Name: "mag", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "a_mag", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "when", Type: arrow.BinaryTypes.String})
	mag := fromJSON(t, mem, `[{"mag": 3}, {"mag": 4}]`, arrow.Field{Name: "mag", Type: arrow.PrimitiveTypes.Int64})
	matched := []Match{{Status: StatusMatch}}
	for says, tr := range map[string]Transform{
		"without Joins":                                {},
		`join "": it has no name`:                      {Joins: []Join{{Matcher: c}}},
		`join "x": it has no Matcher`:                  {Joins: []Join{{Name: "x"}}},
		`join "x": a radius of -1 degrees`:             {Joins: []Join{{Name: "x", Matcher: c, Radius: -1}}},
		`join "x": a radius of NaN degrees`:            {Joins: []Join{{Name: "x", Matcher: c, Radius: nan}}},
		`no column "color": it has name, mag`:          {Joins: []Join{{Name: "x", Matcher: c, Columns: []string{"color"}}}},
		`there is a column "a_mag" already: give join`: {Joins: []Join{{Name: "a", Matcher: c}}},
		`there is a column "x_match" already`:          {Joins: []Join{{Name: "x", Matcher: c}, {Name: "x", Matcher: c}}},
		`no column "alpha" among ra, dec, mag, a_mag, when: name the column in Transform.RA`: {RA: "alpha", Joins: []Join{{Name: "x", Matcher: c}}},
		`column "mag" is int64: positions must be float64`:                                   {Dec: "mag", Joins: []Join{{Name: "x", Matcher: c}}},
		`no column "mjd" among`: {Epoch: "mjd", Joins: []Join{{Name: "x", Matcher: c}}},
		`column "when" is utf8: a time of observation must be a timestamp`: {Epoch: "when", Joins: []Join{{Name: "x", Matcher: c}}},
		"returned 0 matches for 1 positions":                               {Joins: []Join{{Name: "x", Matcher: mistaken{}}}},
		"returned 2 rows for 1":                                            {Joins: []Join{{Name: "x", Matcher: mistaken{mag.Schema(), Answer{Matches: matched, Rows: mag}, nil}}}},
		"a match but no rows":                                              {Joins: []Join{{Name: "x", Matcher: mistaken{mag.Schema(), Answer{Matches: matched}, nil}}}},
		"makes no sense":                                                   {Joins: []Join{{Name: "x", Matcher: mistaken{err: errors.New("makes no sense")}}, {Name: "y", Matcher: c}}},
		`"mag" should be int64`:                                            {Joins: []Join{{Name: "x", Matcher: mistaken{mag.Schema(), Answer{Matches: matched, Rows: rec}, nil}}}},
	} {
		tr.Memory = mem
		_, err := tr.Apply(t.Context(), stream.Rows{Record: rec})
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "crossmatch: ")
		_, err = tr.Retry(t.Context(), rec)
		assert.Error(t, err)
	}
}

// A panic of a matcher occurs in the caller's goroutine, where it can be recovered.
func TestTransformPanic(t *testing.T) {
	rec := fromJSON(t, memory.DefaultAllocator, `[{"ra": 10, "dec": 0}]`, raField, decField)
	var none *flaky
	tr := &Transform{Joins: []Join{{Name: "x", Matcher: panicking{none}}}}
	assert.PanicsWithValue(t, "x", func() { tr.Match(t.Context(), rec) })
}

type panicking struct{ *flaky }

func (panicking) Schema() *arrow.Schema { return nil }
func (panicking) Nearest(context.Context, Positions, Angle) (Answer, error) {
	panic("x")
}

// With a damaged index, all positions fail.
func TestTransformDamaged(t *testing.T) {
	mem := checkedMemory(t)
	c := namedCatalog(t, mem, "a", 10, 20)
	c.layers[0].rows[0].id, c.layers[0].rows[1].id = 99, 99
	a, err := c.Nearest(compute.WithAllocator(t.Context(), mem), Positions{RA: []float64{10, 10, 50}, Dec: []float64{0, 91, 0}}, 1)
	require.NoError(t, err)
	assert.ErrorIs(t, a.Cause, ErrBadIndex)
	assert.Equal(t, []Status{StatusFailed, StatusInvalid, StatusFailed}, []Status{a.Matches[0].Status, a.Matches[1].Status, a.Matches[2].Status})
	assert.EqualValues(t, -1, a.Matches[0].Row)
	assert.True(t, c.Schema().Equal(a.Rows.Schema()))
	assert.Equal(t, map[string]string{"name": "-|-|-", "mag": "-|-|-"}, text(a.Rows))
	a.Rows.Release()
	rec := fromJSON(t, mem, `[{"ra": 10, "dec": 0}, {"ra": null, "dec": 1}]`, raField, decField)
	tr := &Transform{Memory: mem, Joins: []Join{{Name: "x", Matcher: c, Radius: 1}}}
	got, err := tr.Match(t.Context(), rec)
	require.NoError(t, err)
	defer got.Release()
	assert.Equal(t, "failed|invalid", text(got)["x_match"])
	assert.Contains(t, text(got)["x_cause"], "damaged")
	assert.Equal(t, "-|-", text(got)["x_name"])
	all, err := tr.MatchAll(t.Context(), rec, 0)
	require.NoError(t, err)
	defer all.Release()
	assert.Equal(t, "failed|invalid", text(all)["x_match"])
	assert.Equal(t, "10.000|-", text(all)["ra"])
}

func TestMatchAll(t *testing.T) {
	mem := checkedMemory(t)
	c := namedCatalog(t, mem, "a", 10, 20, 10.5, 9)
	tr := &Transform{Memory: mem, Joins: []Join{{Name: "x", Matcher: c, Radius: 1, Columns: []string{"name"}}}}
	rec := fromJSON(t, mem, `[{"id": "first", "ra": 50, "dec": 0}, {"id": "p", "ra": 10, "dec": 0}, {"id": "q", "ra": 10, "dec": null}, {"id": null, "ra": 20, "dec": 0}]`,
		arrow.Field{Name: "id", Type: arrow.BinaryTypes.String, Nullable: true}, raField, decField)
	for _, test := range []struct {
		from, limit int
		want        string
	}{
		{0, 0, "id first|p|p|p|q|-, name -|a0|a2|a3|-|a1, separation -|0.000|1800.000|3600.000|-|0.000, match none|match|match|match|invalid|match"},
		{0, 2, "id first|p|p|q|-, name -|a0|a2|-|a1, separation -|0.000|1800.000|-|0.000, match none|match|match|invalid|match"},
		{2, 0, "id q|-, name -|a1, separation -|0.000, match invalid|match"},
		{4, 0, "id , name , separation , match "},
	} {
		part := rec.NewSlice(int64(test.from), 4)
		got, err := tr.MatchAll(t.Context(), part, test.limit)
		part.Release()
		require.NoError(t, err)
		x := text(got)
		assert.Equal(t, test.want, fmt.Sprintf("id %s, name %s, separation %s, match %s", x["id"], x["x_name"], x["x_separation"], x["x_match"]))
		schema, err := tr.Schema(rec.Schema())
		require.NoError(t, err)
		assert.True(t, schema.Equal(got.Schema()))
		got.Release()
	}
	_, err := (&Transform{Joins: []Join{{Name: "x", Matcher: mistaken{}}}}).MatchAll(t.Context(), rec, 0)
	assert.ErrorContains(t, err, "finds only the nearest row")
	_, err = (&Transform{Joins: []Join{{}, {}}}).MatchAll(t.Context(), rec, 0)
	assert.ErrorContains(t, err, "one at a time")
	for says, change := range map[string]func(*Answer, []int32) []int32{
		"returned 4 matches for 3 positions": func(_ *Answer, p []int32) []int32 { return p[1:] },
		"returned 1 rows for 4 positions":    func(a *Answer, p []int32) []int32 { a.Rows = a.Rows.NewSlice(0, 1); return p },
		"which differ from its Schema":       func(a *Answer, p []int32) []int32 { a.Rows = rec.NewSlice(0, 4); return p },
		"row 4 of a table of 4":              func(_ *Answer, p []int32) []int32 { p[0] = 4; return p },
	} {
		tr.Joins[0].Matcher = mistakenAll{c, change}
		_, err = tr.MatchAll(t.Context(), rec, 1)
		assert.ErrorContains(t, err, says)
	}
}

// mistakenAll is an AllMatcher that changes the answers of a catalogue.
type mistakenAll struct {
	*Catalog
	change func(*Answer, []int32) []int32
}

func (m mistakenAll) MatchAll(ctx context.Context, p Positions, radius Angle, limit int, columns []int) (Answer, []int32, error) {
	a, positions, err := m.Catalog.MatchAll(ctx, p, radius, limit, columns)
	if err != nil {
		return a, positions, err
	}
	rows := a.Rows
	positions = m.change(&a, positions)
	if a.Rows != rows {
		rows.Release()
	}
	return a, positions, nil
}

func TestEpochs(t *testing.T) {
	assert.Equal(t, 2000., JulianYear(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)))
	assert.InDelta(t, 2016, JulianYear(time.Date(2016, 1, 1, 12, 0, 0, 0, time.UTC)), 1e-12) // 16 years of 365.25 days
	assert.Equal(t, 2026.5, julianYearOf(2026.5))
	assert.InDelta(t, 2000, julianYearOf(51544.5), 1e-12)
	assert.InDelta(t, 2000, julianYearOf(2451545), 1e-12)
	for _, x := range []float64{0, -1, 5000, 1e6, 1e9, math.NaN(), math.Inf(1)} {
		assert.True(t, math.IsNaN(julianYearOf(x)), "%v", x)
	}
	mem := checkedMemory(t)
	for _, c := range []struct {
		typ  arrow.DataType
		text string
	}{
		{arrow.FixedWidthTypes.Timestamp_s, `"2000-01-01 12:00:00"`},
		{arrow.FixedWidthTypes.Timestamp_ms, `"2000-01-01 12:00:00"`},
		{arrow.FixedWidthTypes.Timestamp_us, `"2000-01-01 12:00:00"`},
		{arrow.FixedWidthTypes.Timestamp_ns, `"2000-01-01 12:00:00"`},
		{arrow.PrimitiveTypes.Float64, "51544.5"},
		{arrow.PrimitiveTypes.Int64, "2000"},
	} {
		a, _, err := array.FromJSON(mem, c.typ, strings.NewReader("[null, "+c.text+"]"))
		require.NoError(t, err)
		got := epochs(a)
		assert.True(t, math.IsNaN(got[0]))
		assert.Equal(t, 2000., got[1], "%v", c.typ)
		part := array.NewSlice(a, 1, 2)
		assert.Equal(t, []float64{2000}, epochs(part))
		part.Release()
		a.Release()
	}
}

// The epoch of alerts is event_time by default.
func TestEventTime(t *testing.T) {
	mem := checkedMemory(t)
	c, err := NewCatalog(Rows{RA: []float64{10}, Dec: []float64{0}, PMRA: []float64{0}, PMDec: []float64{1000}, Epoch: 2000})
	require.NoError(t, err)
	rec := fromJSON(t, mem, `[{"ra": 10, "dec": 0, "event_time": "2010-01-01 00:00:00"}, {"ra": 10, "dec": 0, "event_time": null}]`,
		raField, decField, arrow.Field{Name: "event_time", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true})
	tr := &Transform{Memory: mem, Joins: []Join{{Name: "x", Matcher: c, Radius: Arcminute}}}
	got, err := tr.Match(t.Context(), rec)
	require.NoError(t, err)
	defer got.Release()
	assert.Equal(t, "10.000|0.000", text(got)["x_separation"])
}
