package rowhash_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/rowhash"
)

var nested = arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true})

func schema(id arrow.DataType, more ...arrow.Field) *arrow.Schema {
	return arrow.NewSchema(append([]arrow.Field{
		{Name: "id", Type: id, Nullable: true},
		{Name: "list", Type: arrow.ListOf(nested), Nullable: true},
		{Name: "ll", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Float64)), Nullable: true},
		{Name: "st", Type: nested, Nullable: true},
	}, more...), nil)
}

func sum(t *testing.T, s *arrow.Schema, rows ...string) string {
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader("["+strings.Join(rows, ",")+"]"))
	require.NoError(t, err)
	defer rec.Release()
	var whole, parts rowhash.Sum
	require.NoError(t, whole.Add(rec))
	for i := range rec.NumRows() { // in slices, the last first
		slice := rec.NewSlice(rec.NumRows()-1-i, rec.NumRows()-i)
		require.NoError(t, parts.Add(slice))
		slice.Release()
	}
	require.Equal(t, whole.String(), parts.String(), rows)
	return whole.String()
}

func TestSum(t *testing.T) {
	narrow := schema(arrow.PrimitiveTypes.Int32)
	rows := []string{
		`{"id":1,"list":[{"x":1,"s":"a"},{"x":2,"s":null}],"ll":[[1.5],[],[2,3]],"st":{"x":5,"s":"z"}}`,
		`{"id":1,"list":[{"x":2,"s":"a"},{"x":1,"s":null}],"ll":[[1.5],[],[2,3]],"st":{"x":5,"s":"z"}}`,
		`{"id":1,"list":[{"x":1,"s":"a"},{"x":2,"s":null}],"ll":[[1.5],[2],[3]],"st":{"x":5,"s":"z"}}`,
		`{"id":2,"list":[],"ll":[],"st":null}`,
		`{"id":2,"list":null,"ll":[],"st":null}`,
		`{"id":2,"list":null,"ll":[],"st":{"x":null,"s":null}}`,
		`{"id":2,"list":[null],"ll":[],"st":null}`,
		`{"id":2,"list":[{"x":null,"s":null}],"ll":[],"st":null}`,
		`{"id":2,"list":[null,null],"ll":null,"st":null}`,
		`{"id":null,"list":[{"x":2,"s":""}],"ll":[[2]],"st":null}`,
		`{"id":-2,"list":[{"x":2,"s":""}],"ll":[[-2]],"st":null}`,
	}
	seen := map[string]string{}
	for _, r := range rows {
		s := sum(t, narrow, r)
		assert.Empty(t, seen[s], "equal hashes of %s", r)
		seen[s] = r
	}
	all := sum(t, narrow, rows...)
	reversed := append([]string(nil), rows...)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	assert.Equal(t, all, sum(t, narrow, reversed...))
	assert.Equal(t, all, sum(t, schema(arrow.PrimitiveTypes.Int64, arrow.Field{Name: "later", Type: arrow.BinaryTypes.String, Nullable: true}), rows...), "a wider table")
	assert.NotEqual(t, all, sum(t, narrow, append(rows, rows[0])...))
	assert.NotEqual(t, sum(t, narrow, rows[0], rows[0]), sum(t, narrow, rows[3], rows[3]))
}
