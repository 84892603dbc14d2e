package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Fields of structs are read by dotted names, if they are asked for; a field of a
// null struct is null.
func TestNestedColumns(t *testing.T) {
	double := arrow.PrimitiveTypes.Float64
	inner := arrow.StructOf(arrow.Field{Name: "magpsf", Type: double, Nullable: true}, arrow.Field{Name: "fid", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ra", Type: double}, {Name: "dec", Type: double},
		{Name: "candidate", Type: inner, Nullable: true},
		{Name: "many", Type: arrow.ListOf(double), Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"ra":1,"dec":2,"candidate":{"magpsf":18.5,"fid":1},"many":[1]},
		{"ra":3,"dec":4,"candidate":null,"many":null}, {"ra":5,"dec":6,"candidate":{"magpsf":null,"fid":2},"many":[]}]`))
	require.NoError(t, err)
	defer rec.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	require.NoError(t, w.Write(rec))
	require.NoError(t, w.Close())

	read := func(o Options) (arrow.Record, error) {
		tab, err := NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()), "x.parquet", o)
		if err != nil {
			return nil, err
		}
		return tab.ReadAll(t.Context())
	}
	got, err := read(Options{Columns: []string{"candidate.fid", "candidate.magpsf"}})
	require.NoError(t, err)
	defer got.Release()
	assert.Equal(t, "candidate.fid", got.ColumnName(2))
	fid, mag := got.Column(2).(*array.Int32), got.Column(3).(*array.Float64)
	assert.Equal(t, "[1 (null) 2]", fid.String())
	assert.Equal(t, "[18.5 (null) (null)]", mag.String())

	all, err := read(Options{})
	require.NoError(t, err)
	defer all.Release()
	assert.EqualValues(t, 2, all.NumCols(), "without being asked for, only flat columns are read")

	_, err = read(Options{Columns: []string{"candidate.magpfs"}})
	assert.EqualError(t, err, `table: x.parquet: no column "candidate.magpfs", did you mean "candidate.magpsf"?: it has ra, dec, candidate.magpsf, candidate.fid, many`)
	_, err = read(Options{Columns: []string{"candidate"}})
	assert.ErrorContains(t, err, `no column "candidate" by itself: name its fields, such as "candidate.magpsf": it has ra,`)
}

func TestAddDegrees(t *testing.T) {
	const text = "name,ra,dec\nA,00 01 16.37,-00 02 03\nB,abc,1\nC,,2\n"
	tab, err := NewReader(bytes.NewReader([]byte(text)), int64(len(text)), "x.csv", Options{AddDegrees: true})
	require.NoError(t, err)
	ra, dec := tab.Position()
	assert.Equal(t, []string{"ra_deg", "dec_deg"}, []string{ra, dec})
	rec, err := tab.ReadAll(t.Context())
	require.NoError(t, err)
	defer rec.Release()
	assert.Equal(t, "00 01 16.37", rec.Column(1).(*array.String).Value(0), "as it was")
	degrees := rec.Column(3).(*array.Float64)
	assert.InDelta(t, 0.318208333, degrees.Value(0), 1e-9)
	assert.True(t, degrees.IsValid(1) && degrees.Value(1) != degrees.Value(1), "not an angle")
	assert.True(t, degrees.IsNull(2))

	const numbers = "ra,dec\n1.5,2\n"
	tab, err = NewReader(bytes.NewReader([]byte(numbers)), int64(len(numbers)), "x.csv", Options{AddDegrees: true})
	require.NoError(t, err)
	assert.Equal(t, 2, tab.Schema().NumFields(), "degrees already")

	const again = "ra,dec,ra_deg,dec_deg\n00 01 16.37,x,0.3182,NaN\n"
	tab, err = NewReader(bytes.NewReader([]byte(again)), int64(len(again)), "x.csv", Options{AddDegrees: true})
	require.NoError(t, err)
	ra, dec = tab.Position()
	assert.Equal(t, []string{"ra_deg", "dec_deg"}, []string{ra, dec})
	assert.Equal(t, 4, tab.Schema().NumFields(), "they were added before")
}
