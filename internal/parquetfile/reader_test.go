package parquetfile

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
)

// readBack writes random row groups, and compares what the Reader makes of them
// with what was written.
func readBack(t *testing.T, seed uint64) {
	t.Helper()
	g := newGenerator(seed, memory.DefaultAllocator)
	schema := g.schema()
	groups := g.groups(schema, 60)
	defer release(groups)
	limits := defaultPageLimits()
	if g.IntN(2) == 0 {
		limits = pageLimits{entries: 1 + g.IntN(20), bytes: 1 + g.IntN(200)}
	}
	data := writePages(t, schema, groups, Options{Codec: Codec(g.IntN(3))}, limits)
	r, err := OpenReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err, "seed %d: %s", seed, schema)
	k := 0
	for _, rows := range groups {
		want := plainRows(rows)
		if len(want) == 0 {
			continue
		}
		rec, err := r.ReadRowGroup(k, nil)
		require.NoError(t, err, "seed %d: %s", seed, schema)
		k++
		require.EqualValues(t, len(want), rec.NumRows(), "seed %d", seed)
		require.True(t, r.Schema().Equal(rec.Schema()), "seed %d: %s\n%s", seed, r.Schema(), rec.Schema())
		for i := range want {
			if got := plainRow(rec, i); !assert.ObjectsAreEqual(want[i], got) {
				require.Equal(t, want[i], got, "seed %d: row %d of %s", seed, i, schema)
			}
		}
		for c := range rec.Columns() {
			chosen, err := r.ReadRowGroup(k-1, []string{rec.ColumnName(c)})
			require.NoError(t, err, "seed %d: %s", seed, schema)
			require.EqualValues(t, 1, chosen.NumCols())
			require.True(t, array.Equal(rec.Column(c), chosen.Column(0)) || hasNaN(rec.Column(c).DataType()), "seed %d: %s", seed, schema)
			chosen.Release()
		}
		rec.Release()
	}
	require.Equal(t, k, r.NumRowGroups())
}

// hasNaN reports whether values of a type may be NaN, which equals nothing, or
// cannot be compared.
func hasNaN(typ arrow.DataType) bool {
	switch typ := typ.(type) {
	case *arrow.Float32Type, *arrow.Float64Type:
		return true
	case arrow.NestedType:
		for _, f := range typ.Fields() {
			if hasNaN(f.Type) {
				return true
			}
		}
	}
	return false
}

func TestReader(t *testing.T) {
	for seed := range uint64(500) {
		readBack(t, seed)
	}
}

func TestBlockAndMetadata(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{3, 1, 2}, nil)
	rec := b.NewRecord()
	defer rec.Release()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, schema, Options{Metadata: map[string]string{"of": "all files"}})
	require.NoError(t, err)
	require.NoError(t, w.WriteRowGroup([]Rows{{Record: rec}}))
	at, err := w.AppendBlock([]byte("a block"))
	require.NoError(t, err)
	w.SetMetadata("block", "here")
	require.NoError(t, w.Close())
	data := buf.Bytes()
	assert.Equal(t, "a block", string(data[at:at+7]))
	_, err = inspect.Check(bytes.NewReader(data), inspect.Options{Deep: true})
	require.NoError(t, err)
	r, err := OpenReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"of": "all files", "block": "here"}, r.Metadata())
	least, greatest, ok := r.Bounds(0, "a")
	assert.True(t, ok)
	assert.Equal(t, []byte{1, 0, 0, 0, 0, 0, 0, 0}, least)
	assert.Equal(t, []byte{3, 0, 0, 0, 0, 0, 0, 0}, greatest)
	assert.EqualValues(t, 3, r.NumRows())
}

// Files of which any byte is wrong are errors, or read as they were.
func FuzzReader(f *testing.F) {
	for seed := range uint64(20) {
		g := newGenerator(seed, memory.DefaultAllocator)
		groups := g.groups(g.schema(), 20)
		var buf bytes.Buffer
		w, err := NewWriter(&buf, g.schema(), Options{Codec: Codec(seed % 3)})
		if err != nil {
			continue
		}
		for _, rows := range groups {
			_ = w.WriteRowGroup(rows)
		}
		_ = w.Close()
		release(groups)
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := OpenReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i := range r.NumRowGroups() {
			rec, err := r.ReadRowGroup(i, nil)
			if err != nil {
				continue
			}
			for k := range int(rec.NumRows()) {
				plainRow(rec, k)
			}
			rec.Release()
		}
	})
}

// One byte of a file is changed at a time.
func TestReaderDamage(t *testing.T) {
	for seed := range uint64(12) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := g.schema()
		groups := g.groups(schema, 10)
		data := write(t, schema, groups, Options{Codec: Codec(seed % 3)})
		release(groups)
		for at := range data {
			bad := bytes.Clone(data)
			bad[at] ^= 1 << (at % 8)
			r, err := OpenReader(bytes.NewReader(bad), int64(len(bad)))
			if err != nil {
				continue
			}
			for i := range r.NumRowGroups() {
				if rec, err := r.ReadRowGroup(i, nil); err == nil {
					for k := range int(rec.NumRows()) {
						plainRow(rec, k)
					}
					rec.Release()
				}
			}
		}
	}
}
