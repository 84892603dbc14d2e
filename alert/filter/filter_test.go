package filter

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "t", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "c", Type: arrow.StructOf(
		arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "f", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	), Nullable: true},
	{Name: "list", Type: arrow.ListOf(arrow.StructOf(
		arrow.Field{Name: "m", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	)), Nullable: true},
	{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
}, nil)

// rows returns a record of rows in JSON.
func rows(t testing.TB, text string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, testSchema, strings.NewReader(text), array.WithUseNumber())
	require.NoError(t, err)
	t.Cleanup(rec.Release)
	return rec
}

// verdict returns what a condition says of the first row: true, false or null.
func verdict(t testing.TB, where string, rec arrow.Record) string {
	t.Helper()
	s, err := Compile([]*Filter{{Name: "a", Where: where}}, testSchema)
	require.NoError(t, err)
	require.NoError(t, s.Rejected()["a"], where)
	why, err := s.Why("a", rec, 0)
	require.NoError(t, err)
	v, err := s.Eval(t.Context(), rec)
	require.NoError(t, err)
	assert.Equal(t, why.Value == "true", v.Passes(0, 0), where)
	return why.Value
}

func TestVerdicts(t *testing.T) {
	rec := rows(t, `[{"id": 9007199254740993, "name": "ZTF18abc", "ok": true, "t": "2026-07-01 12:00:00", "c": {"x": 2.5, "f": 0.4, "n": -7},
		"list": [{"m": 18, "n": 1}, {"m": 20, "n": 2}, {"m": null, "n": 1}]}]`)
	for where, want := range map[string]string{
		"true": "true", "NOT true": "false", "null": "null", "NOT null": "null", "not ok": "false",
		"true or null": "true", "null or false": "null", "false and null": "false", "null and true": "null",
		"id = 9007199254740993": "true", "id = 9007199254740992": "false", "id + 0 = 9007199254740992": "true", // as double
		"id % 113 = 100": "true", "c.n % 3 = -1": "true", "c.n % 0 is null": "true", "-c.n = 7": "true",
		"c.x = 2.5": "true", "c.f > 0.4": "true", "c.f = 0.4": "false", "c.x > c.n": "true", "C.x is null": "unknown",
		"c.x between 2 and 3": "true", "c.x not between 2 and 3": "false", "c.x in (1, 2.5)": "true", "c.n not in (1, 2)": "true", "c.x in (1, c.n, 2.5)": "true", "c.x in (1, null)": "null", "c.x not in (1, c.n)": "true", "c.n in (c.n)": "true", "c.x in (c.n, 2.5)": "true", "c.x in (c.n)": "false",
		"trim('\u00a0a\u3000 ') = 'a'": "true", "(id - id - 1) % -1 = 0": "true", "c.n % -1 = 0": "true",
		"1 / min(list, case m when 18 then 0 when 20 then -0.0 end) < 0": "true", "1 / max(list, case m when 18 then -0.0 when 20 then 0 end) > 0": "true",
		"name like 'ZTF%'": "true", "name like '%abc'": "true", "name like '%8_b%'": "true", "name not like 'ztf%'": "true", "name = 'a''b'": "false",
		"name in ('x', 'ZTF18abc')": "true", `"name" = 'ZTF18abc'`: "true", "regexp_matches(name, '^ZTF[0-9]+')": "true", "lower(name) = 'ztf18abc'": "true",
		"1 + 2 * 3 = 7": "true", "(1 + 2) * 3 = 9": "true", "2 - 1 - 1 = 0": "true", "1 / 0 > 1e300": "true", "(0 / 0) is null": "true", "sqrt(-1) is null": "true",
		"case when c.x > 3 then 'a' when c.x > 2 then 'b' else 'c' end = 'b'": "true", "case c.n when -7 then 1 end = 1": "true", "case c.n when 7 then 1 end is null": "true",
		"least(c.x, null, 1) = 1": "true", "greatest(c.n, c.x) = 2.5": "true", "coalesce(null, c.x, 1) = 2.5": "true",
		"any(list, m < 19 and n = 1)": "true", "all(list, n > 0)": "true", "all(list, m > 0)": "false", "count(list, n = 1) = 2": "true", "count(list) = 3": "true",
		"min(list, m) = 18": "true", "max(list, m) = 20": "true", "mean(list, m) = 19": "true", "sum(list, n) = 4": "true", "first(list, m) = 18": "true", "last(list, m) = 20": "true",
		"any(list, m < c.x * 8)": "true", "any(list, name = 'ZTF18abc' and n = 2)": "true", "count(list, c.n < 0) = 3": "true", "mean(list, m * 0 / 0) is null": "true",
		"median(list, n) = 1": "true", "median(list, m) = 19": "true", "max(list, lag(m, n)) = 18": "true", "count(list, lag(n, true) = 2) = 1": "true", "nullif(c.x, 2.5) is null": "true",
		"mjd(t) = 61222.5": "true", "jd(t) = 2461223": "true", "t is not null": "true", "bytes is null": "true",
		"cone(10, 20, 10, 20.1, 0.2)": "true", "cone(10, 20, 10, 20.3, 0.2)": "false", "abs(separation(0, 90, 100, 80) - 10) < 1e-9": "true",
		"abs(gal_b(192.85948, 27.12825) - 90) < 1e-4": "true", "abs(gal_l(266.40499, -28.93617)) < 1e-3 or gal_l(266.40499, -28.93617) > 359.9": "true",
		"abs(ecl_lat(270, 66.5607) - 90) < 1e-3": "true", "abs(mag(1) - 31.4) < 1e-12": "true", "mag(-1) is null": "true",
		"ok = true": "true", "ok <> true": "false", "ok and -- a comment\n c.x > 1": "true", "1e400 > 1": "error", "not not ok": "true",
	} {
		if want == "unknown" || want == "error" {
			continue
		}
		assert.Equal(t, want, verdict(t, where, rec), where)
	}
	none := rows(t, `[{"list": null}]`)
	for where, want := range map[string]string{
		"c.x > 1": "null", "c.x is null": "true", "any(list, m > 1)": "false", "all(list, m > 1)": "true", "count(list) = 0": "true", "max(list, m) > 1": "null",
		"name in ('a')": "null", "name like '%'": "null", "c.x > 1 or true": "true", "ok": "null", "coalesce(ok, false)": "false",
	} {
		assert.Equal(t, want, verdict(t, where, none), where)
	}
}

// The second record is judged like the first.
func TestEvalAgain(t *testing.T) {
	wheres := []string{"name = 'abc'", "name <> 'x'", "any(list, name = 'abc')", "case when ok then 'x' end = 'x'", "name like 'a%'", "coalesce(null, name) in ('abc')", "id = 1", "c.x = 2.5", "ok"}
	var filters []*Filter
	for _, where := range wheres {
		filters = append(filters, &Filter{Name: fmt.Sprint("f", len(filters)), Where: where})
	}
	s, err := Compile(filters, testSchema)
	require.NoError(t, err)
	require.Empty(t, s.Rejected())
	rec := rows(t, `[{"id": 1, "name": "abc", "ok": true, "c": {"x": 2.5}, "list": [{"m": 18}]}]`)
	for range 3 {
		v, err := s.Eval(t.Context(), rec)
		require.NoError(t, err)
		for i, where := range wheres {
			assert.True(t, v.Passes(i, 0), where)
		}
	}
}

func TestErrors(t *testing.T) {
	long := newNames()
	long.lists["long"] = make([]string, maxNodes)
	for where, want := range map[string]string{
		"":                           "where is missing",
		"c.x >":                      "expected a column, a number, a text or a function, not end\n    c.x >\n         ^",
		"c.x > 1 and\n  cx < 3":      "unknown column cx, did you mean \"c.x\"?\n      cx < 3\n      ^",
		"c.y = 1":                    `did you mean "c.x"?`,
		"x = 1":                      "did you mean c.x?",
		"name > 3":                   "a text and a number cannot be compared",
		"c.x":                        "c.x is a number, but a condition is needed here",
		"not c.x":                    "but a condition is needed here",
		"c.x + name > 1":             "name is a text, but a number is needed here",
		"sqrtt(c.x) > 1":             `unknown function sqrtt, did you mean "sqrt"?`,
		"sqrt(c.x, 1) > 1":           "sqrt needs one argument",
		"bytes = 'a'":                "can only be compared with null",
		"any(c.x, true)":             "c.x is not a list",
		"any(list, q > 1)":           "unknown column q",
		"any(list, any(list, true))": "within a function of another list",
		"name in missing":            "unknown list missing",
		"name in lower(name)":        `unexpected "("`,
		"name in long":               "with its blocks and lists, the filter has more than 20000 parts",
		"regexp_matches(name, '" + strings.Repeat("a", 1001) + "')":     "the pattern has 1001 bytes; at most 1000 are allowed",
		"regexp_matches(name, '" + strings.Repeat("a{1000}", 11) + "')": "the pattern is too large",
		"regexp_matches(name, '(')":                                     "missing closing )",
		"name like name":                                                "a pattern must be a text in quotes",
		"c.x = 'a":                                                      "a quote that does not end",
		"c.x > 1.5.5":                                                   "",
		"c.x > 1e400":                                                   "out of the range",
		"12ab > 1":                                                      "is not a number",
		"c.x > 1 c.x":                                                   `unexpected "c.x"`,
		"case when true then 1 else 'a' end = 1":                        "cannot be values of one CASE",
		"\xff":                                                          "not valid UTF-8",
		strings.Repeat("(", 10_000) + "true" + strings.Repeat(")", 10_000): "nested more than 100 times",
		strings.Repeat("not ", 10_000) + "true":                            "nested more than 100 times",
		strings.Repeat("-", 10_000) + "1 > 1":                              "", // a comment
		strings.Repeat("true and ", 1<<20/9) + "true":                      "at most 65536 are allowed",
		"$": `unexpected '$'`,
	} {
		s, err := Compile([]*Filter{{Name: "a", Where: where, names: long}}, testSchema)
		require.NoError(t, err)
		assert.ErrorContains(t, s.Rejected()["a"], want, clip(where, 80))
	}
	_, err := Compile([]*Filter{{Name: "a", Where: "true"}, {Name: "a", Where: "true"}}, testSchema)
	assert.ErrorContains(t, err, "two filters have the name a")
}

// What a filter takes is bounded, and what is too much fails the filter alone.
func TestBounds(t *testing.T) {
	nested := "c.x"
	for range 12 {
		nested = "gal_l(" + nested + ", 1)"
	}
	s, err := Compile([]*Filter{
		{Name: "sql", Where: nested + " > 1"},
		{Name: "parts", Where: "any(list, m" + strings.Repeat(" + m", 200) + " > 1)"},
		{Name: "few", Where: "any(list, m > 1)"},
	}, testSchema)
	require.NoError(t, err)
	require.Empty(t, s.Rejected())
	_, err = s.SQL("sql", "*", "x")
	assert.ErrorContains(t, err, "the query for DuckDB has more than 262144 bytes")

	list := func(n int) string {
		return `{"list": [` + strings.TrimSuffix(strings.Repeat(`{"m": 2, "n": 1},`, n), ",") + `]}`
	}
	rec := rows(t, "["+list(1)+","+list(maxValues/200+1)+","+list(2)+"]")
	v, err := s.Eval(t.Context(), rec)
	require.NoError(t, err)
	n, err := v.Failed(1)
	assert.Equal(t, 1, n)
	assert.ErrorContains(t, err, "a list of 83887 elements")
	assert.True(t, v.Passes(1, 0) && !v.Passes(1, 1) && v.Passes(1, 2))
	n, err = v.Failed(2)
	assert.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, 3, v.Count(2))
	r := newRun(s)
	r.open(rec)
	r.move(0, 3)
	assert.LessOrEqual(t, r.most*200, maxValues)
}

func TestTiles(t *testing.T) {
	const n = 3*tileRows + 17
	b := array.NewRecordBuilder(memory.DefaultAllocator, testSchema)
	defer b.Release()
	c := b.Field(4).(*array.StructBuilder)
	l := b.Field(5).(*array.ListBuilder)
	e := l.ValueBuilder().(*array.StructBuilder)
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		for _, k := range []int{1, 2, 3, 6} {
			b.Field(k).AppendNull()
		}
		c.Append(i%5 != 0)
		if i%5 != 0 {
			c.FieldBuilder(0).(*array.Float64Builder).Append(float64(i))
			c.FieldBuilder(1).AppendNull()
			c.FieldBuilder(2).AppendNull()
		}
		l.Append(i%7 != 0)
		for k := range i % 100 {
			if i%7 != 0 {
				if e.Append(k%3 != 0); k%3 == 0 {
					continue
				}
				e.FieldBuilder(0).(*array.Float32Builder).Append(float32(k))
				e.FieldBuilder(1).(*array.Int32Builder).Append(int32(i))
			}
		}
	}
	all := b.NewRecord()
	defer all.Release()
	rec := all.NewSlice(3, n-2)
	defer rec.Release()
	var filters []*Filter
	for k, where := range []string{"id % 3 = 0", "c.x is null", "count(list, m >= 0 and n = id) = 12", "not (id > 100)", "max(list, m) > 90 or id < 5"} {
		filters = append(filters, &Filter{Name: fmt.Sprint(k), Where: where})
	}
	s, err := Compile(filters, testSchema)
	require.NoError(t, err)
	require.Empty(t, s.Rejected())
	v, err := s.Eval(t.Context(), rec)
	require.NoError(t, err)
	for row := range int(rec.NumRows()) {
		i := row + 3
		known, most := 0, -1 // elements that are not null
		for k := range i % 100 {
			if i%7 != 0 && k%3 != 0 {
				known++
				most = k
			}
		}
		for k, want := range []bool{i%3 == 0, i%5 == 0, known == 12, i <= 100, most > 90 || i < 5} {
			require.Equal(t, want, v.Passes(k, row), "%d of %d", k, i)
		}
	}
	assert.Equal(t, []string{"c.x", "id", "list", "list.m", "list.n"}, s.Columns())
}

// A record whose column has another type fails the filters that need it, not others.
func TestOtherType(t *testing.T) {
	other := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, other, strings.NewReader(`[{"id": 5, "name": "a"}]`))
	require.NoError(t, err)
	defer rec.Release()
	s, err := Compile([]*Filter{{Name: "a", Where: "id > 3"}, {Name: "b", Where: "name = 'a' and c.x is null"}}, testSchema)
	require.NoError(t, err)
	v, err := s.Eval(t.Context(), rec)
	require.NoError(t, err)
	n, err := v.Failed(0)
	assert.Equal(t, 1, n)
	assert.ErrorContains(t, err, "column id is float64")
	assert.False(t, v.Passes(0, 0))
	assert.True(t, v.Passes(1, 0))

	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int32)} {
		other = arrow.NewSchema([]arrow.Field{{Name: "list", Type: typ, Nullable: true}, {Name: "c", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
		rec, _, err = array.RecordFromJSON(memory.DefaultAllocator, other, strings.NewReader(`[{"c": 1}]`))
		require.NoError(t, err)
		defer rec.Release()
		s, err = Compile([]*Filter{{Name: "a", Where: "all(list, m > 3)"}, {Name: "b", Where: "c.x is null"}, {Name: "c", Where: "id is null"}}, testSchema)
		require.NoError(t, err)
		v, err = s.Eval(t.Context(), rec)
		require.NoError(t, err)
		for i, want := range []int{1, 1, 0} {
			n, _ := v.Failed(i)
			assert.Equal(t, want, n, "%v: %s", typ, s.Filters()[i].Where)
		}
	}
}

// Test cases may have infinities, NaN and large numbers.
func TestExtremeCases(t *testing.T) {
	all, err := Parse("f.yml", []byte(`
name: a
where: x > 1e19 AND y is null AND max(l, m) > 1e300 AND count(l, m is null) = 1
pass:
- {x: .inf, y: .nan, l: [{m: .inf}, {m: .nan}]}
- {x: 18446744073709551615, l: [{m: .inf}, {}]}
fail:
- {x: -.inf, l: [{m: .inf}, {}]}
`))
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, all[0].Test(t.Context()))
	}
	all[0].Pass, all[0].Fail = all[0].Fail, all[0].Pass
	assert.ErrorContains(t, all[0].Test(t.Context()), "line 6: the alert passes, but it must fail")
}

func TestFunc(t *testing.T) {
	rec := rows(t, `[{"id": 1}, {"id": 2}]`)
	s, err := Compile([]*Filter{
		{Name: "good", Func: func(_ context.Context, rec arrow.Record) ([]bool, error) { return []bool{false, true}, nil }},
		{Name: "short", Func: func(_ context.Context, rec arrow.Record) ([]bool, error) { return []bool{true}, nil }},
		{Name: "panics", Func: func(_ context.Context, rec arrow.Record) ([]bool, error) { panic("no") }},
		{Name: "where", Where: "id = 1"},
	}, testSchema)
	require.NoError(t, err)
	v, err := s.Eval(t.Context(), rec)
	require.NoError(t, err)
	assert.True(t, !v.Passes(0, 0) && v.Passes(0, 1) && v.Passes(3, 0) && !v.Passes(3, 1))
	for i, want := range map[int]string{1: "1 answers for 2 rows", 2: "panic: no"} {
		n, err := v.Failed(i)
		assert.Equal(t, 2, n)
		assert.ErrorContains(t, err, want)
		assert.Zero(t, v.Count(i))
	}
	_, err = s.SQL("good", "*", "x")
	assert.ErrorContains(t, err, "a function of a program")
}

func TestCompute(t *testing.T) {
	fsys := fstest.MapFS{
		"a.yml": {Data: []byte("compute: {double: 2 * c.x, big: double > 4, label: \"CASE WHEN big THEN name END\", missing: nobody + 1}\n")},
	}
	columns, err := ReadColumns(fsys, ".")
	require.NoError(t, err)
	c, err := CompileColumns(columns, testSchema)
	require.NoError(t, err)
	assert.Equal(t, []string{"c.x", "name"}, c.Needs())
	rec, err := c.Add(t.Context(), rows(t, `[{"name": "a", "c": {"x": 2.5}}, {"name": "b"}]`))
	require.NoError(t, err)
	defer rec.Release()
	n := int(rec.NumCols())
	text, err := rec.Column(n - 4).MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, "[5,null]", string(text))
	text, _ = rec.Column(n - 3).MarshalJSON()
	assert.Equal(t, "[true,null]", string(text))
	text, _ = rec.Column(n - 2).MarshalJSON()
	assert.Equal(t, `["a",null]`, string(text))
	assert.Equal(t, 2, rec.Column(n-1).NullN())
	_, err = CompileColumns(columns, rec.Schema())
	assert.ErrorContains(t, err, "there is a column double already")
}
