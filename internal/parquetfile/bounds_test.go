package parquetfile

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBounds compares the bounds of two row groups with a simple search.
func TestBounds(t *testing.T) {
	var fields []arrow.Field
	var names []string
	for i, typ := range leafTypes() {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: typ, Nullable: true})
		names = append(names, fields[i].Name)
	}
	schema := arrow.NewSchema(fields, nil)
	found := 0
	for seed := range uint64(60) {
		g := newGenerator(seed, memory.DefaultAllocator)
		r := g.record(schema, 2+g.IntN(10))
		var index []int32
		for i := range int32(r.NumRows()) {
			index = append(index, i)
		}
		half := len(index) / 2
		w, err := NewWriter(io.Discard, schema, Options{Bounds: append(names, "none"), Workers: 2})
		require.NoError(t, err)
		require.NoError(t, w.WriteRowGroup([]Rows{{r, index[:half]}}))
		require.NoError(t, w.WriteRowGroup([]Rows{{r, index[half:]}}))
		require.NoError(t, w.Close())
		for i, f := range fields {
			lower, upper, _ := extremes(r.Column(i), index)
			least, greatest, ok := w.Bounds(i)
			if f.Type.ID() == arrow.STRING || f.Type.ID() == arrow.STRING_VIEW {
				ok = ok || lower == nil || !ok && long(r.Column(i))
			} else {
				assert.Equal(t, lower != nil, ok, "seed %d, %s", seed, f.Type)
			}
			if least != nil {
				assert.Equal(t, lower, least, "seed %d, %s", seed, f.Type)
				assert.Equal(t, upper, greatest, "seed %d, %s", seed, f.Type)
				found++
			}
			assert.True(t, ok || lower == nil)
		}
		_, _, ok := w.Bounds(len(fields))
		assert.False(t, ok)
		r.Release()
	}
	assert.Greater(t, found, 500)
}

func long(a arrow.Array) bool {
	for i := range a.Len() {
		if a.IsValid(i) && len(a.ValueStr(i)) > maxTextBound {
			return true
		}
	}
	return false
}

// A string without bounds in one row group leaves the column without any: the
// bounds of the others are not those of the file.
func TestBoundsOfLongStrings(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	record := func(values string) arrow.Record {
		r, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(values))
		require.NoError(t, err)
		return r
	}
	for _, c := range []struct {
		groups []string
		want   string
	}{
		{[]string{`[{"s":"b"},{"s":null}]`, `[{"s":null}]`, `[{"s":"a"}]`}, "a b true"},
		{[]string{`[{"s":"b"}]`, `[{"s":"` + strings.Repeat("z", 65) + `"}]`, `[{"s":"a"}]`}, "  false"},
		{[]string{`[{"s":null}]`}, "  false"},
		{nil, "  false"},
	} {
		w, err := NewWriter(io.Discard, schema, Options{Bounds: []string{"s"}})
		require.NoError(t, err)
		for _, g := range c.groups {
			require.NoError(t, w.WriteRowGroup([]Rows{{Record: record(g)}}))
		}
		require.NoError(t, w.Close())
		least, greatest, ok := w.Bounds(0)
		assert.Equal(t, c.want, fmt.Sprintf("%s %s %v", least, greatest, ok))
	}
}
