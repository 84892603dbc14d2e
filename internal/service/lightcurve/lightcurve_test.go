package lightcurve

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/rows"
	service "github.com/skyfinch/skyfinch/internal/service/archive"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// newArchive archives n simulated alerts of a survey, and returns an object with several.
func newArchive(t *testing.T, n int) (dir, object string) {
	t.Helper()
	in, dir := t.TempDir(), filepath.Join(t.TempDir(), "sky")
	night := sim.Simulator{Survey: sim.ZTF, Alerts: n}
	old, i := time.Now().Add(-48*time.Hour), 0
	for p, err := range night.Packets(0) {
		require.NoError(t, err)
		name := filepath.Join(in, fmt.Sprintf("%04d.avro", i))
		require.NoError(t, os.WriteFile(name, p.Value, 0o666))
		require.NoError(t, os.Chtimes(name, old, old))
		i++
	}
	require.NoError(t, service.Run(t.Context(), []string{"-files", in, "-out", dir, "-once", "-progress", "off"}))
	tables, err := rows.Open(dir, archive.TimeRange{})
	require.NoError(t, err)
	seen := map[string]int{}
	require.NoError(t, tables[0].Each(t.Context(), 1, func(*arrow.Schema) ([]string, error) { return []string{"object_id"}, nil }, func(_ *arrow.Schema, rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			name := rec.Column(0).(*array.String).Value(i)
			if seen[name]++; seen[name] > seen[object] {
				object = name
			}
		}
		return nil
	}))
	return dir, object
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	err := Run(t.Context(), args)
	return out.String(), err
}

func TestObject(t *testing.T) {
	dir, object := newArchive(t, 400)
	text, err := run(t, "-in", dir, "-object", object)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	assert.Contains(t, lines[0], object+": ")
	assert.True(t, strings.HasPrefix(lines[1], "jd "), lines[1])
	seen := map[string]bool{}
	for _, l := range lines[2:] {
		f := strings.Fields(l)
		assert.False(t, seen[f[0]+f[1]], "twice: %s", l)
		seen[f[0]+f[1]] = true
	}
	out := t.TempDir()
	_, err = run(t, "-in", dir, "-object", object, "-o", out+"/a.csv")
	require.NoError(t, err)
	data, err := os.ReadFile(out + "/a.csv")
	require.NoError(t, err)
	assert.Equal(t, len(lines)-1, strings.Count(string(data), "\n"))
	_, err = run(t, "-in", dir, "-object", object, "-o", out+"/a.parquet")
	require.NoError(t, err)
	tables, err := rows.Open(out+"/a.parquet", archive.TimeRange{})
	require.NoError(t, err)
	assert.Len(t, tables[0].Schema.Fields(), 8)
	_, err = run(t, "-in", dir, "-object", object, "-o", out+"/a.svg")
	require.NoError(t, err)
	data, err = os.ReadFile(out + "/a.svg")
	require.NoError(t, err)
	assert.Contains(t, string(data), "<title>Light curve of "+object)
	assert.NotContains(t, string(data), "NaN")
	text, err = run(t, "-in", dir, "-object", object, "-features")
	require.NoError(t, err)
	assert.Contains(t, text, "observation_count")
	_, err = run(t, "-in", dir, "-features", "-o", out+"/all.parquet")
	require.NoError(t, err)
	tables, err = rows.Open(out+"/all.parquet", archive.TimeRange{})
	require.NoError(t, err)
	assert.NotEmpty(t, tables[0].Schema.FieldIndices("lc"))

	for want, args := range map[string][]string{
		"did you mean \"" + object:   {"-in", dir, "-object", object + "x"},
		"must end in .csv":           {"-in", dir, "-object", object, "-o", "a.txt"},
		"either a table of curves":   {"-o", "a.csv"},
		"written as .parquet":        {"-in", dir, "-features", "-o", "a.csv"},
		"goes without -object":       {"-curves", "a.parquet", "-object", object, "-o", "b.parquet"},
		"-object ID is missing":      {"-in", dir},
		"-o FILE.parquet is missing": {"-curves", "a.parquet"},
		"no such file":               {"-curves", "a.parquet", "-o", out + "/b.parquet"},
		"no column t":                {"-curves", out + "/all.parquet", "-o", out + "/b.parquet"},
		"no alerts of ZTF or LSST":   {"-in", out + "/a.parquet", "-object", "x"},
		"must be fink, difference":   {"-in", dir, "-object", object, "-magnitudes", "some"},
	} {
		_, err := run(t, args...)
		assert.ErrorContains(t, err, want)
	}
}

func TestSimulator(t *testing.T) {
	text, err := run(t, "-simulator")
	require.NoError(t, err)
	assert.Contains(t, text, "detection")
	object, _, found := strings.Cut(text, ":")
	require.True(t, found)
	again, err := run(t, "-simulator", "-object", object)
	require.NoError(t, err)
	assert.Equal(t, text, again)
	_, err = run(t, "-simulator", "-in", "sky")
	assert.ErrorContains(t, err, "or -simulator")
}
