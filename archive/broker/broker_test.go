package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/alert/lightcurve"
	"github.com/skyfinch/skyfinch/alert/science"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/archive/broker"
	"github.com/skyfinch/skyfinch/internal/rows"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// archived returns an archive of n alerts.
func archived(n int) (dir string, err error) {
	root, err := os.MkdirTemp("", "")
	if err != nil {
		return "", err
	}
	night, old := sim.Simulator{Survey: sim.ZTF, Alerts: n}, time.Now().Add(-48*time.Hour)
	for p, err := range night.Packets(0) {
		name := filepath.Join(root, fmt.Sprintf("%d.avro", p.ID))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(name, p.Value, 0o666); err != nil {
			return "", err
		}
		if err := os.Chtimes(name, old, old); err != nil { // it is read once it is complete
			return "", err
		}
	}
	s := &archive.Service{
		Job: stream.MicroBatch{Source: &files.Source{Patterns: []string{filepath.Join(root, "*.avro")}}},
		Dir: filepath.Join(root, "sky"),
	}
	return s.Dir, s.Drain(context.Background())
}

// newService returns a broker that follows an archive.
func newService(sky, out string, filters []*filter.Filter) (*archive.Service, error) {
	columns, err := science.Columns("ztf")
	if err != nil {
		return nil, err
	}
	return &archive.Service{
		Job: stream.MicroBatch{
			Source: &archive.Source{Dir: sky, Tables: []string{"ztf"}},
			Transforms: []stream.Transform{
				&science.Transform{Columns: columns, Needs: []string{"candidate"}},
				&lightcurve.Transform{},
				&broker.Transform{Cuts: "passes_cuts", Filters: filters},
			},
			Log: slog.New(slog.DiscardHandler),
		},
		Dir: out,
	}, nil
}

func Example() {
	sky, err := archived(100)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(filepath.Dir(sky))
	filters := []*filter.Filter{{Name: "bright", Survey: "ztf", Version: "1", Where: "candidate.magpsf < 18 AND nalerthist > 1"}}
	service, err := newService(sky, filepath.Join(filepath.Dir(sky), "science"), filters)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := service.Drain(context.Background()); err != nil { // Run goes on for ever
		fmt.Println(err)
	}
	c := service.Progress().Counts
	fmt.Println(c.Read, "alerts:", c.Written, "in the science table,", c.Dropped, "left out by the cuts")
	// Output: 100 alerts: 43 in the science table, 57 left out by the cuts
}

// table returns the values of a column of a table of the output.
func table(t *testing.T, dir string, columns ...string) (out [][]any) {
	t.Helper()
	tables, err := rows.Open(dir, archive.TimeRange{})
	require.NoError(t, err)
	require.NoError(t, tables[0].Each(t.Context(), 1, func(*arrow.Schema) ([]string, error) { return columns, nil }, func(_ *arrow.Schema, rec arrow.Record) error {
		for i := range int(rec.NumRows()) {
			var row []any
			for _, name := range columns {
				row = append(row, rec.Column(rec.Schema().FieldIndices(name)[0]).GetOneForMarshal(i))
			}
			out = append(out, row)
		}
		return nil
	}))
	return out
}

func TestTables(t *testing.T) {
	sky, err := archived(300)
	require.NoError(t, err)
	defer os.RemoveAll(filepath.Dir(sky))
	out := filepath.Join(t.TempDir(), "science")
	filters := []*filter.Filter{
		{Name: "bright", Version: "2", Where: "candidate.magpsf < 18"},
		{Name: "rubin_only", Survey: "rubin", Where: "true"},
		{Name: "missing", Where: "nobody > 3"},
		{Name: "all", Where: "alert_id IS NOT NULL"},
	}
	s, err := newService(sky, out, filters)
	require.NoError(t, err)
	require.NoError(t, s.Drain(t.Context()))
	require.NoError(t, s.Drain(t.Context()), "again: nothing is new")

	all := table(t, filepath.Join(sky, "alerts", "ztf"), "alert_id")
	want, bright := map[any]bool{}, map[any]bool{}
	for _, row := range all {
		want[row[0]] = true
	}
	science := table(t, filepath.Join(out, "science", "ztf"), "alert_id", "passes_cuts", "nalerthist", "candidate", "lc")
	passed := table(t, filepath.Join(out, "passed", "ztf"), "filter", "version", "alert_id", "object_id", "ra")
	require.NotEmpty(t, science)
	assert.Less(t, len(science), len(all))
	seen := map[any]bool{}
	for _, row := range science {
		assert.False(t, seen[row[0]], "twice")
		seen[row[0]] = true
		assert.True(t, want[row[0]])
		assert.Equal(t, true, row[1])
	}
	tags := map[string]int{}
	for _, row := range passed {
		tags[fmt.Sprint(row[0], row[1])]++
		assert.True(t, seen[row[2]], "not in the science table")
		if row[0] == "bright" {
			bright[row[2]] = true
		}
	}
	assert.Equal(t, len(science), tags["all"])
	assert.Equal(t, len(bright), tags["bright2"])
	assert.Len(t, tags, 2)
	assert.NotZero(t, len(bright))

	report, err := audit.Run(t.Context(), audit.Options{Dir: out, Deep: true})
	require.NoError(t, err)
	assert.True(t, report.OK(), report.Findings)
	tables, err := rows.Open(filepath.Join(out, "science", "ztf"), archive.TimeRange{})
	require.NoError(t, err)
	for _, f := range tables[0].Schema.Fields() {
		assert.NotContains(t, []string{"cutoutScience", "cutoutTemplate", "cutoutDifference", "prv_candidates"}, f.Name)
	}
	assert.NotEmpty(t, tables[0].Schema.FieldIndices("candidate"))
}

func TestErrors(t *testing.T) {
	rec := array.NewRecord(arrow.NewSchema(nil, nil), nil, 3)
	_, err := (&broker.Transform{}).Apply(t.Context(), stream.Rows{Table: "rejected", Record: rec})
	assert.ErrorContains(t, err, `rows of the table "rejected"`)
	_, err = (&broker.Transform{Cuts: "nobody > 3"}).Apply(t.Context(), stream.Rows{Table: "alerts/ztf", Record: rec})
	assert.ErrorContains(t, err, "unknown column nobody")
	_, err = (&broker.Transform{}).Apply(t.Context(), stream.Rows{Table: "alerts/ztf", Record: rec})
	assert.ErrorContains(t, err, "alert_id of an archive is missing")
}
