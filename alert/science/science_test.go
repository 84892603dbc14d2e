package science_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/science"
	"github.com/skyfinch/skyfinch/stream"
)

// alerts returns rows with some fields of ZTF's packets, from JSON.
func alerts(text string) (arrow.Record, error) {
	double, float, long, str := arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String
	field := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	point := []arrow.Field{field("jd", double), field("fid", long), field("magpsf", float), field("sigmapsf", float), field("isdiffpos", str)}
	candidate := append(point, field("nbad", long), field("rb", float), field("ndethist", long), field("jdstarthist", double), field("ra", double), field("dec", double))
	schema := arrow.NewSchema([]arrow.Field{field("candidate", arrow.StructOf(candidate...)), field("prv_candidates", arrow.ListOf(arrow.StructOf(point...)))}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(text))
	return rec, err
}

const two = `[
	{"candidate": {"jd": 2459602.5, "fid": 1, "magpsf": 17.5, "sigmapsf": 0.1, "isdiffpos": "t", "nbad": 0, "rb": 0.9, "ndethist": 3, "jdstarthist": 2459600.5, "ra": 10, "dec": 20},
	 "prv_candidates": [{"jd": 2459600.5, "fid": 1, "magpsf": 18.5, "sigmapsf": 0.1, "isdiffpos": "t"}, {"jd": 2459601.5, "fid": 2, "magpsf": 18, "isdiffpos": "t"}]},
	{"candidate": {"jd": 2459602.5, "fid": 3, "nbad": 0, "rb": 0.9}}]`

func Example() {
	rec, err := alerts(two)
	if err != nil {
		log.Fatal(err)
	}
	defer rec.Release()
	columns, err := science.Columns("ztf")
	if err != nil {
		log.Fatal(err)
	}
	t := &science.Transform{Columns: columns, Needs: []string{"candidate"}}
	out, err := t.Apply(context.Background(), stream.Rows{Table: "alerts/ztf", Record: rec})
	if err != nil {
		log.Fatal(err)
	}
	defer out.Release()
	for _, name := range []string{"passes_cuts", "nalerthist", "age", "mag_rate", "stationary"} {
		fmt.Println(name, stream.Field(out.Rows[0].Record, name))
	}
	// Output:
	// passes_cuts [true false]
	// nalerthist [3 0]
	// age [2 (null)]
	// mag_rate [-0.5 (null)]
	// stationary [true false]
}

// Columns that older packets do not have are null, and what is known is still computed.
func TestMissingColumns(t *testing.T) {
	rec, err := alerts(two)
	require.NoError(t, err)
	defer rec.Release()
	columns, err := science.Columns("ztf")
	require.NoError(t, err)
	tr := &science.Transform{Columns: columns, Needs: []string{"candidate"}}
	with, err := tr.Add(t.Context(), rec)
	require.NoError(t, err)
	defer with.Release()
	assert.EqualValues(t, 2+len(columns), with.NumCols())
	data, err := json.Marshal(with)
	require.NoError(t, err)
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(data, &rows))
	assert.Nil(t, rows[0]["real"], "no drb: it may be an artifact")
	assert.Equal(t, 0.0, rows[0]["roid"])
	assert.Nil(t, rows[0]["dc_mag"])
	assert.InDelta(t, 119.27, rows[0]["gal_l"], 0.01)
	assert.InDelta(t, -42.79, rows[0]["gal_b"], 0.01)

	other := array.NewRecord(arrow.NewSchema(nil, nil), nil, 1)
	_, err = tr.Apply(t.Context(), stream.Rows{Record: other})
	assert.ErrorContains(t, err, "no column candidate")
	_, err = science.Columns("sdss")
	assert.ErrorContains(t, err, `no columns for survey "sdss"`)
}
