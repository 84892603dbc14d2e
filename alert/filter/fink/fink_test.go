package fink_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/alert/filter/fink"
	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
	"github.com/skyfinch/skyfinch/stream"
)

func read(t *testing.T) []*filter.Filter {
	t.Helper()
	filters, err := fink.Filters()
	require.NoError(t, err)
	return filters
}

func TestCases(t *testing.T) {
	surveys := map[string]int{}
	for _, f := range read(t) {
		surveys[f.Survey]++
		t.Run(f.Name, func(t *testing.T) {
			assert.NotEmpty(t, f.Description)
			assert.Equal(t, "1", f.Version)
			assert.NotEmpty(t, f.Pass)
			assert.NotEmpty(t, f.Fail)
			assert.NoError(t, f.Test(t.Context()))
		})
	}
	assert.Equal(t, map[string]int{"ztf": 19, "rubin": 14}, surveys)
}

// shared returns a file of ../shared/, beside the module, or skips the test.
func shared(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no reference: %v", err)
	}
	return path
}

// TestReference compares the verdicts with those of fink-filters, or with what they
// should be where its code is known to err (README.md).
func TestReference(t *testing.T) {
	for survey, alerts := range map[string]string{"ztf": "candid", "rubin": "diaSourceId"} {
		t.Run(survey, func(t *testing.T) {
			rec := parquetFile(t, shared(t, "science/filters_"+survey+".parquet"))
			require.NotNil(t, stream.Field(rec, alerts))
			var filters []*filter.Filter
			for _, f := range read(t) {
				if f.Survey == survey {
					filters = append(filters, f)
					rec = match(t, f, rec)
				}
			}
			set, err := filter.Compile(filters, rec.Schema())
			require.NoError(t, err)
			require.Empty(t, set.Rejected())
			v, err := set.Eval(t.Context(), rec)
			require.NoError(t, err)
			place, passed := map[string]int{}, map[string]int{}
			for i, f := range set.Filters() {
				place[f.Name] = i
				_, err := v.Failed(i)
				require.NoError(t, err, f.Name)
			}
			n := 0
			for _, line := range csvFile(t, shared(t, "science/filters_"+survey+".csv"))[1:] {
				row, name, meant := integer(t, line[0]), line[1], line[3]
				i, ok := place[name]
				require.True(t, ok, name)
				if meant == "" {
					continue // any verdict will do
				}
				n++
				if got := strconv.FormatBool(v.Passes(i, row)); got != meant {
					why, err := set.Why(name, rec, row)
					require.NoError(t, err)
					t.Fatalf("row %d, %s: got %s, want %s\n%s", row, name, got, meant, why)
				}
				if meant == "true" {
					passed[name]++
				}
			}
			assert.Len(t, passed, len(filters), "filters that pass something")
			t.Logf("%d verdicts agree", n)
		})
	}
}

// match adds the columns of a filter's watchlists.
func match(t *testing.T, f *filter.Filter, rec arrow.Record) arrow.Record {
	for _, w := range f.Watchlists {
		join, err := catalog.Open(t.Context(), w.Name+"="+w.Spec, catalog.Options{})
		require.NoError(t, err)
		defer join.Close()
		ra, dec := stream.Field(rec, "candidate.ra"), stream.Field(rec, "candidate.dec")
		positions := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "ra", Type: ra.DataType()}, {Name: "dec", Type: dec.DataType()}}, nil),
			[]arrow.Array{ra, dec}, rec.NumRows())
		defer positions.Release()
		matched, err := (&crossmatch.Transform{Joins: []crossmatch.Join{join}}).Match(t.Context(), positions)
		require.NoError(t, err)
		defer matched.Release()
		rec = array.NewRecord(arrow.NewSchema(slices.Concat(rec.Schema().Fields(), matched.Schema().Fields()[2:]), nil),
			slices.Concat(rec.Columns(), matched.Columns()[2:]), rec.NumRows())
		t.Cleanup(rec.Release)
	}
	return rec
}

func parquetFile(t *testing.T, path string) arrow.Record {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	table, err := pqarrow.ReadTable(t.Context(), f, parquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(t, err)
	defer table.Release()
	r := array.NewTableReader(table, table.NumRows())
	defer r.Release()
	require.True(t, r.Next())
	rec := r.Record()
	require.Equal(t, table.NumRows(), rec.NumRows())
	for i, n := range stream.Field(rec, "row").(*array.Int64).Int64Values() {
		require.EqualValues(t, i, n)
	}
	rec.Retain()
	t.Cleanup(rec.Release)
	return rec
}

func csvFile(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return lines
}

func integer(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// TestTypes checks that lists of SIMBAD's types are complete: with each type they have its
// short form and both long labels, and of hosts all that Fink has.
func TestTypes(t *testing.T) {
	labels := map[string][]string{}
	data, err := os.ReadFile(shared(t, "science/labels.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &labels))
	data, err = os.ReadFile(shared(t, "catalogs/simbad-otypes.txt"))
	require.NoError(t, err)
	var types [][]string
	for line := range strings.Lines(string(data)) {
		if part := strings.Split(line, "|"); len(part) == 4 {
			types = append(types, []string{strings.TrimSpace(part[1]), strings.TrimSpace(part[2]), strings.TrimSpace(part[3])})
		}
	}
	require.Greater(t, len(types), 190)
	lists := map[string][]string{}
	files, err := filepath.Glob("*.yml")
	require.NoError(t, err)
	for _, name := range files {
		var doc struct{ Lists map[string][]string }
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(data, &doc))
		for name, l := range doc.Lists {
			lists[name] = l
		}
	}
	complete := func(in []string) (out []string) {
		out = slices.Clone(in)
		for _, s := range types {
			if slices.Contains(in, s[1]) || slices.Contains(in, s[2]) {
				out = append(out, s...)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for name, from := range map[string][]string{
		"hosts": labels["hosts"], "gravitation": labels["grav"],
		"blazars": {"Blazar", "Blazar_Candidate", "BLLac", "BLLac_Candidate"},
		"young":   {"YSO_Candidate", "TTau*_Candidate"},
	} {
		assert.ElementsMatch(t, complete(from), lists[name], name)
	}
	assert.ElementsMatch(t, labels["vsx_stars"], lists["vsx_stars"])
}
