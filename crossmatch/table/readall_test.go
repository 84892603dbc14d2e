package table_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// ReadAll returns the rows of all records, in order, and reports its progress.
func TestReadAll(t *testing.T) {
	var text strings.Builder
	text.WriteString("ra,dec,name\n")
	for i := range 10 {
		fmt.Fprintf(&text, "%d,0,n%d\n", i, i)
	}
	var told []int64
	tab, err := read([]byte(text.String()), table.Options{Rows: 4, Memory: checked(t), Progress: func(rows int64) { told = append(told, rows) }})
	require.NoError(t, err)
	rec, err := tab.ReadAll(t.Context())
	require.NoError(t, err)
	defer rec.Release()
	assert.Equal(t, []int64{4, 8, 10}, told)
	assert.True(t, rec.Schema().Equal(tab.Schema()))
	assert.Equal(t, []string{"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"}, cells(rec, "name"))
	assert.Equal(t, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, floats(rec, "ra"))
}

func TestReadAllOfNothing(t *testing.T) {
	tab, err := read([]byte("ra,dec,name\n"), table.Options{Memory: checked(t)})
	require.NoError(t, err)
	rec, err := tab.ReadAll(t.Context())
	require.NoError(t, err)
	defer rec.Release()
	assert.Zero(t, rec.NumRows())
	ra, err := table.Floats(rec, "ra")
	require.NoError(t, err)
	assert.Empty(t, ra)
}

// What was read before an error is let go.
func TestReadAllFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tab, err := read([]byte("ra,dec\n1,2\n3,4\n5,6\n"), table.Options{Rows: 1, Memory: checked(t), Progress: func(rows int64) {
		if rows == 2 {
			cancel()
		}
	}})
	require.NoError(t, err)
	_, err = tab.ReadAll(ctx)
	assert.ErrorIs(t, err, context.Canceled)

	tab, err = read([]byte("ra,dec\n1,2\n3,four\n"), table.Options{Memory: checked(t)})
	require.NoError(t, err)
	_, err = tab.ReadAll(t.Context())
	assert.ErrorContains(t, err, `x: row 2, column "dec": "four" is not an angle`)
}

func TestFloats(t *testing.T) {
	mem := checked(t)
	p := arrow.PrimitiveTypes
	for _, typ := range []arrow.DataType{p.Float64, p.Float32, p.Int64, p.Int32, p.Int16, p.Int8, p.Uint64, p.Uint32, p.Uint16, p.Uint8, arrow.FixedWidthTypes.Float16} {
		rec, _, err := array.RecordFromJSON(mem, arrow.NewSchema([]arrow.Field{{Name: "x", Type: typ, Nullable: true}}, nil),
			strings.NewReader(`[{"x": 7}, {"x": 3}, {"x": null}, {"x": 100}]`))
		require.NoError(t, err, typ)
		part := rec.NewSlice(1, 4)
		got, err := table.Floats(part, "X")
		require.NoError(t, err, typ)
		assert.Equal(t, "[3 NaN 100]", fmt.Sprint(got), typ)
		got[0] = 0 // ours
		again, err := table.Floats(part, "x")
		require.NoError(t, err)
		assert.Equal(t, 3., again[0], typ)
		part.Release()
		rec.Release()
	}
}

func TestFloatsOfOthers(t *testing.T) {
	rec := readText(t, "ra,dec,name,none\n1,2,x,\n3,4,,\n", table.Options{})
	defer rec.Release()
	_, err := table.Floats(rec, "NAME")
	assert.EqualError(t, err, `table: column "name" is utf8, and numbers are needed`)
	_, err = table.Floats(rec, "b")
	assert.EqualError(t, err, `table: no column "b": it has ra, dec, name, none`)
	none, err := table.Floats(rec, "none")
	require.NoError(t, err)
	require.Len(t, none, 2)
	assert.True(t, math.IsNaN(none[0]) && math.IsNaN(none[1]))
}

func TestFind(t *testing.T) {
	schema := func(names ...string) *arrow.Schema {
		var fields []arrow.Field
		for _, n := range names {
			fields = append(fields, arrow.Field{Name: n, Type: arrow.PrimitiveTypes.Int8})
		}
		return arrow.NewSchema(fields, nil)
	}
	for _, c := range []struct {
		s    *arrow.Schema
		name string
		want int
		says string
	}{
		{s: schema("a", "b"), name: "b", want: 1},
		{s: schema("a", "b"), name: "B", want: 1},
		{s: schema("A", "a", "aa"), name: "a", want: 1},
		{s: schema("Ä", "b"), name: "ä"},
		{s: schema("Ab", "aB"), name: "ab", says: `table: more than one column matches "ab", "Ab" for one: use the exact name`},
		{s: schema("a", "A", "a"), name: "a", says: `table: more than one column is called "a"`},
		{s: schema("a", "b"), name: "", says: `table: no column "": it has a, b`},
		{s: schema(), name: "a", says: `table: no column "a": it has none`},
	} {
		at, err := table.Find(c.s, c.name)
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, at)
	}
}

// Optional columns follow the others, if they exist.
func TestOptional(t *testing.T) {
	o := table.Options{Columns: []string{"b"}, Optional: []string{"x", "A", "b"}}
	rec := readText(t, "a,b,c,ra,dec\n1,2,3,4,5\n", o)
	defer rec.Release()
	assert.Equal(t, []string{"ra", "dec", "b", "a"}, names(rec))
	_, err := read([]byte("a,A,b,ra,dec\n1,2,3,4,5\n"), table.Options{Columns: []string{"b"}, Optional: []string{"a", "A"}})
	assert.NoError(t, err)
	_, err = read([]byte("xy,XY,b,ra,dec\n1,2,3,4,5\n"), table.Options{Columns: []string{"b"}, Optional: []string{"Xy"}})
	assert.ErrorContains(t, err, "more than one column matches")
	_, err = read([]byte("a,ra,dec\n1,2,3\n"), o)
	assert.ErrorContains(t, err, `no column "b"`)
	all := readText(t, "a,ra,dec\n1,2,3\n", table.Options{Optional: []string{"x"}})
	defer all.Release()
	assert.Equal(t, []string{"a", "ra", "dec"}, names(all))
}

func names(rec arrow.Record) (out []string) {
	for _, f := range rec.Schema().Fields() {
		out = append(out, f.Name)
	}
	return out
}
