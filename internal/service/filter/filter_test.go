package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/service/archive"
)

// newArchive archives n simulated alerts of ZTF.
func newArchive(t *testing.T, n int) (dir string) {
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
	require.NoError(t, archive.Run(t.Context(), []string{"-files", in, "-out", dir, "-once", "-progress", "off"}))
	return dir
}

// run runs the command and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	err := Run(t.Context(), args)
	return out.String(), err
}

// write writes a file of filters and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "filter.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

const bright = "name: bright\nsurvey: ztf\nversion: 3\nwhere: candidate.magpsf < 18 AND NOT any(prv_candidates, magpsf < 15)\nmax_share: 0.001\n"

func TestCountWhyEvalSQL(t *testing.T) {
	dir := newArchive(t, 300)
	filters := write(t, bright)
	text, err := run(t, "count", "-in", dir, "-filters", filters, "-json")
	require.NoError(t, err)
	var got struct {
		Alerts  int64
		Filters []result
	}
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.EqualValues(t, 300, got.Alerts)
	require.Len(t, got.Filters, 1)
	r := got.Filters[0]
	assert.Equal(t, "bright", r.Filter)
	assert.Equal(t, "3", r.Version)
	assert.EqualValues(t, 300, r.Total.Of)
	require.Positive(t, r.Total.Alerts)
	assert.Less(t, r.Total.Alerts, int64(300))
	assert.Positive(t, r.Total.Objects)
	assert.True(t, r.Over)
	require.NotEmpty(t, r.Total.Examples)
	require.Len(t, r.Nights, 1)
	assert.Equal(t, "2026-09-15", r.Nights[0].Night)

	text, err = run(t, "why", "-in", dir, "-filters", filters, "-filter", "bright", "-alert", r.Total.Examples[0])
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(text, "true   candidate.magpsf < 18 AND NOT any"), text)
	assert.Contains(t, text, "candidate.magpsf\n")

	lines, err := run(t, "eval", "-in", filepath.Join(dir, "alerts", "ztf"), "-filters", filters)
	require.NoError(t, err)
	assert.Equal(t, 301, strings.Count(lines, "\n"))
	assert.EqualValues(t, r.Total.Alerts, strings.Count(lines, ",bright,true\n"))

	query, err := run(t, "sql", "bright", "-in", dir, "-filters", filters, "-columns", "alert_id")
	require.NoError(t, err)
	assert.Contains(t, query, "SELECT alert_id\nFROM read_parquet('"+dir+"/alerts/ztf/**/*.parquet', union_by_name = true) AS alerts\nWHERE ")

	// The tests of a filter may name alerts of the archive.
	good := write(t, bright+"pass: ["+r.Total.Examples[0]+"]\nfail: [{candidate: {magpsf: 19}}]\n")
	_, err = run(t, "test", "-in", dir, "-filters", good)
	assert.NoError(t, err)
	for cases, want := range map[string]string{
		"pass: [12345]\nfail: [{candidate: {magpsf: 19}}]\n":                       "alert 12345 of its tests is not in",
		"fail: [" + r.Total.Examples[0] + "]\npass: [{candidate: {magpsf: 17}}]\n": "is judged wrongly",
		"pass: [{candidate: {magpsf: 19}}]\nfail: [{candidate: {magpsf: 19}}]\n":   "the alert fails, but it must pass",
		"pass: [{candidate: {magpsf: 17}}]\n":                                      "needs an alert that passes and one that fails",
	} {
		text, err := run(t, "test", "-in", dir, "-filters", write(t, bright+cases))
		assert.ErrorContains(t, err, "1 of 1 filters fail")
		assert.Contains(t, text, want)
	}
	for want, args := range map[string][]string{
		"no alert 5 in":      {"why", "-in", dir, "-filters", filters, "-filter", "bright", "-alert", "5"},
		"no filter bricht":   {"why", "-in", dir, "-filters", filters, "-filter", "bricht", "-alert", "5"},
		"for survey rubin":   {"sql", "in_tns", "-in", dir},
		"-in is missing":     {"count", "-filters", filters},
		"it must be a date":  {"count", "-filters", filters, "-in", dir, "-from", "yesterday"},
		"no such file":       {"count", "-filters", filters, "-in", dir + "x"},
		"neither an archive": {"count", "-filters", filters, "-in", t.TempDir()},
		"unknown command":    {"counts"},
		"which command":      {},
		"no filters in":      {"test", "-filters", t.TempDir()},
		"unknown key nam":    {"test", "-filters", write(t, "nam: a\n")},
		"no filter is for":   {"count", "-filters", filters, "-survey", "rubin", "-in", dir},
		"unknown column rbb": {"count", "-filters", write(t, "name: a\nwhere: rbb > 1\n"), "-in", dir},
		"two filters have":   {"test", "-filters", twice(t)},
	} {
		_, err := run(t, args...)
		assert.ErrorContains(t, err, want)
	}
}

func TestEvalNeedsOneTable(t *testing.T) {
	dir := newArchive(t, 3)
	data, err := os.ReadFile(filepath.Join(dir, "schema", "ztf.parquet"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "schema", "other.parquet"), data, 0o666))
	_, err = run(t, "eval", "-in", dir)
	assert.ErrorContains(t, err, "have no order")
}

// twice returns a directory with two filters of one name.
func twice(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"a.yml", "b.yml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("name: same\nwhere: 'true'\n"), 0o666))
	}
	return dir
}

func TestWatchlist(t *testing.T) {
	dir := newArchive(t, 50)
	where := t.TempDir()
	// Every position of the sky is near one of the six.
	require.NoError(t, os.WriteFile(filepath.Join(where, "sky.csv"), []byte("name,ra,dec\na,0,0\nb,90,0\nc,180,0\nd,270,0\ne,0,90\nf,0,-90\n"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(where, "f.yml"), []byte("name: near\nwhere: sky_match = 'match' AND sky_separation < 360000 AND sky_name <> 'x'\nwatchlists: {sky: 'sky.csv?radius=100deg'}\n"), 0o666))
	text, err := run(t, "count", "-in", dir, "-filters", where)
	require.NoError(t, err)
	assert.Contains(t, text, "50")
	_, err = run(t, "sql", "near", "-in", dir, "-filters", where)
	assert.ErrorContains(t, err, "watchlist")
}
