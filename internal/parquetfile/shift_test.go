package parquetfile

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"
)

// shifted returns the same values in arrays that, at every level, have an offset.
func (g *generator) shifted(t testing.TB, d arrow.ArrayData) arrow.ArrayData {
	id := d.DataType().ID()
	if d.Len() > 0 && id != arrow.BINARY_VIEW && id != arrow.STRING_VIEW { // Arrow cannot concatenate these
		a := array.MakeFromData(d)
		k := min(1+g.IntN(11), a.Len())
		front := array.NewSlice(a, 0, int64(k))
		both, err := array.Concatenate([]arrow.Array{front, a}, memory.DefaultAllocator)
		require.NoError(t, err)
		d = array.NewSlice(both, int64(k), int64(k+a.Len())).Data()
	}
	var children []arrow.ArrayData
	for _, c := range d.Children() {
		children = append(children, g.shifted(t, c))
	}
	return array.NewData(d.DataType(), d.Len(), d.Buffers(), children, d.NullN(), d.Offset())
}

// TestOffsets writes arrays whose children have offsets too, which slices of a
// record do not have.
func TestOffsets(t *testing.T) {
	for seed := range uint64(300) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := g.schema()
		record := g.record(schema, 1+g.IntN(40))
		var columns []arrow.Array
		for _, c := range record.Columns() {
			columns = append(columns, array.MakeFromData(g.shifted(t, c.Data())))
		}
		moved := array.NewRecord(schema, columns, record.NumRows())
		rows := g.pick(moved)
		if rows.len() == 0 {
			continue
		}
		_, got := read(t, write(t, schema, [][]Rows{{rows}}, Options{}), memory.DefaultAllocator)
		want := plainRows([]Rows{{Record: record, Index: rows.Index}})
		require.Equal(t, [][]map[string]any{want}, got, "seed %d", seed)
	}
}
