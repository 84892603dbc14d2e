package lightcurve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/rows"
	"github.com/skyfinch/skyfinch/stream"
)

// writeTable writes a table of curves.
func writeTable(t *testing.T, name, json string) {
	doubles := arrow.ListOf(arrow.PrimitiveTypes.Float64)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "case_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "t", Type: doubles, Nullable: true},
		{Name: "m", Type: doubles, Nullable: true}, {Name: "e", Type: doubles, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
	require.NoError(t, err)
	f, err := os.Create(name)
	require.NoError(t, err)
	w, err := parquetfile.NewWriter(f, schema, parquetfile.Options{})
	require.NoError(t, err)
	require.NoError(t, w.WriteRowGroup([]parquetfile.Rows{{Record: rec}}))
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
}

// The output may be the input; points with nulls are left out.
func TestCurves(t *testing.T) {
	name := filepath.Join(t.TempDir(), "curves.parquet")
	writeTable(t, name, `[{"case_id": 7, "t": [3, 1, 2, 4], "m": [18, 20, null, 19], "e": [0.1, 0.1, 0.1, 0.1]}, {"case_id": 8, "t": null, "m": null, "e": null}]`)
	_, err := run(t, "-curves", name, "-o", name)
	require.NoError(t, err)
	tables, err := rows.Open(name, archive.TimeRange{})
	require.NoError(t, err)
	seen := 0
	require.NoError(t, tables[0].Each(t.Context(), 1, func(s *arrow.Schema) ([]string, error) {
		return []string{"case_id", "observation_count", "mean", "maximum_slope"}, nil
	}, func(_ *arrow.Schema, rec arrow.Record) error {
		seen += int(rec.NumRows())
		value := func(column string, row int) any {
			v, ok := stream.Float64s(stream.Field(rec, column))(row)
			if !ok {
				return nil
			}
			return v
		}
		assert.Equal(t, 7.0, value("case_id", 0))
		assert.Equal(t, 3.0, value("observation_count", 0))
		assert.Equal(t, 19.0, value("mean", 0))
		assert.Equal(t, 1.0, value("maximum_slope", 0))
		assert.Equal(t, 0.0, value("observation_count", 1))
		assert.Nil(t, value("mean", 1))
		assert.Nil(t, tables[0].Schema.FieldIndices("t"))
		return nil
	}))
	assert.Equal(t, 2, seen)
}

// Nothing is left of an output that could not be written, and an older one stays.
func TestCurvesOfUnequalLengths(t *testing.T) {
	dir := t.TempDir()
	name, out := filepath.Join(dir, "curves.parquet"), filepath.Join(dir, "out.parquet")
	writeTable(t, name, `[{"case_id": 7, "t": [3, 1], "m": [18], "e": [0.1, 0.1]}]`)
	require.NoError(t, os.WriteFile(out, []byte("old"), 0o666))
	_, err := run(t, "-curves", name, "-o", out)
	assert.ErrorContains(t, err, "row 0 has 2 times, 1 magnitudes and 2 errors")
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
}
