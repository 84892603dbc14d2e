package science

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	archives "github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/internal/rows"
	"github.com/skyfinch/skyfinch/internal/service/archive"
)

// newArchive archives n simulated alerts of ZTF.
func newArchive(t *testing.T, n int) (dir string) {
	t.Helper()
	in, dir := t.TempDir(), filepath.Join(t.TempDir(), "sky")
	night, old := sim.Simulator{Survey: sim.ZTF, Alerts: n}, time.Now().Add(-48*time.Hour)
	for p, err := range night.Packets(0) {
		require.NoError(t, err)
		name := filepath.Join(in, fmt.Sprintf("%d.avro", p.ID))
		require.NoError(t, os.WriteFile(name, p.Value, 0o666))
		require.NoError(t, os.Chtimes(name, old, old))
	}
	require.NoError(t, archive.Run(t.Context(), []string{"-files", in, "-out", dir, "-once", "-progress", "off"}))
	return dir
}

// count returns the number of rows of a table, and its schema.
func count(t *testing.T, dir string) (n int64, schema *arrow.Schema) {
	t.Helper()
	tables, err := rows.Open(dir, archives.TimeRange{})
	require.NoError(t, err)
	require.NoError(t, tables[0].Each(t.Context(), 1, func(*arrow.Schema) ([]string, error) { return []string{"alert_id"}, nil }, func(_ *arrow.Schema, rec arrow.Record) error {
		n += rec.NumRows()
		return nil
	}))
	return n, tables[0].Schema
}

func TestFollow(t *testing.T) {
	sky := newArchive(t, 200)
	out := filepath.Join(t.TempDir(), "out")
	filters := filepath.Join(t.TempDir(), "bright.yml")
	require.NoError(t, os.WriteFile(filters, []byte("name: bright\nwhere: candidate.magpsf < 18 AND everywhere_match = 'match'\nwatchlists: {everywhere: '"+
		filepath.Join(filepath.Dir(filters), "sky.csv")+"?radius=100deg'}\n"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(filters), "sky.csv"), []byte("name,ra,dec\na,0,0\nb,90,0\nc,180,0\nd,270,0\ne,0,90\nf,0,-90\n"), 0o666))
	args := []string{"-in", sky, "-out", out, "-once", "-progress", "off", "-cuts", "none", "-filters", filters, "-catalog", "m=../../../crossmatch/table/testdata/messier.csv?radius=1deg"}
	require.NoError(t, Run(t.Context(), args))
	require.NoError(t, Run(t.Context(), args), "again: nothing is new")
	n, schema := count(t, filepath.Join(out, "science", "ztf"))
	assert.EqualValues(t, 200, n)
	for _, name := range []string{"is_transient", "lc", "m_match", "everywhere_name", "candidate", "object_id"} {
		assert.NotEmpty(t, schema.FieldIndices(name), name)
	}
	for _, name := range []string{"cutoutScience", "prv_candidates"} {
		assert.Empty(t, schema.FieldIndices(name), name)
	}
	passed, _ := count(t, filepath.Join(out, "passed", "ztf"))
	assert.Positive(t, passed)
	assert.Less(t, passed, n)
	report, err := audit.Run(t.Context(), audit.Options{Dir: out, Deep: true})
	require.NoError(t, err)
	assert.True(t, report.OK(), report.Findings)

	file := filepath.Join(t.TempDir(), "eval.parquet")
	require.NoError(t, Run(t.Context(), []string{"-eval", sky, "-o", file}))
	n, _ = count(t, file)
	assert.EqualValues(t, 200, n)
	for want, args := range map[string][]string{
		"-in is missing":         {"-out", out},
		"no such directory":      {"-in", out + "x"},
		"are for -once":          {"-in", sky, "-from", "2026-01-01"},
		"unknown column nobody":  {"-in", sky, "-out", t.TempDir(), "-once", "-progress", "off", "-cuts", "nobody > 1"},
		"-progress":              {"-in", sky, "-progress", "some"},
		"must not have slashes":  {"-in", sky, "-table-version", "a/b"},
		"-filters":               {"-in", sky, "-out", t.TempDir(), "-filters", out + "x"},
		"-eval FILE.parquet and": {"-eval", sky},
	} {
		assert.ErrorContains(t, Run(t.Context(), args), want)
	}
	assert.ErrorContains(t, Classify(t.Context(), []string{"-eval", sky, "-o", file}), "no column cdsxmatch")
}

// A service may start before its archive.
func TestFollowWaits(t *testing.T) {
	sky := newArchive(t, 20)
	in, out := filepath.Join(t.TempDir(), "sky"), filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.Mkdir(in, 0o777))
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	done := make(chan error)
	go func() { done <- Run(ctx, []string{"-in", in, "-out", out, "-cuts", "none", "-progress", "off"}) }()
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, os.CopyFS(in, os.DirFS(sky)))
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(out, "science/ztf/*/*/*/*/*.parquet"))
		return len(files) > 0
	}, 20*time.Second, 50*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	n, _ := count(t, filepath.Join(out, "science", "ztf"))
	assert.EqualValues(t, 20, n)
}
