package parquetfile

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
)

// plain returns a value as a Go value, so that values of different Arrow types can
// be compared. Null fields of structs are omitted.
func plain(a arrow.Array, i int) any {
	// IsNull of an array.Null is false.
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return nil
	}
	switch a := a.(type) {
	case *array.Struct:
		m := map[string]any{}
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			if v := plain(a.Field(k), i); v != nil {
				m[f.Name] = v
			}
		}
		return m
	case *array.Map:
		var l []any
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			l = append(l, []any{plain(a.Keys(), int(k)), plain(a.Items(), int(k))})
		}
		return l
	case *array.List:
		var l []any
		from, to := a.ValueOffsets(i)
		for k := from; k < to; k++ {
			l = append(l, plain(a.ListValues(), int(k)))
		}
		return l
	case *array.Boolean:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return math.Float64bits(float64(a.Value(i)))
	case *array.Float64:
		return math.Float64bits(a.Value(i))
	case *array.String:
		return a.Value(i)
	case *array.StringView:
		return a.Value(i)
	case *array.Binary:
		return string(a.Value(i))
	case *array.BinaryView:
		return string(a.Value(i))
	case *array.FixedSizeBinary:
		return string(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).BigInt().String()
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	}
	panic(fmt.Sprintf("no plain value of %s", a.DataType()))
}

func plainRow(r arrow.Record, i int) map[string]any {
	m := map[string]any{}
	for k, c := range r.Columns() {
		if v := plain(c, i); v != nil {
			m[r.ColumnName(k)] = v
		}
	}
	return m
}

// plainRows returns what is expected when a row group of the rows is read.
func plainRows(rows []Rows) []map[string]any {
	var want []map[string]any
	for _, r := range rows {
		if r.Index == nil {
			for i := range int(r.Record.NumRows()) {
				want = append(want, plainRow(r.Record, i))
			}
		}
		for _, i := range r.Index {
			want = append(want, plainRow(r.Record, int(i)))
		}
	}
	return want
}

func write(t testing.TB, schema *arrow.Schema, groups [][]Rows, o Options) []byte {
	t.Helper()
	return writePages(t, schema, groups, o, defaultPageLimits())
}

func writePages(t testing.TB, schema *arrow.Schema, groups [][]Rows, o Options, limits pageLimits) []byte {
	t.Helper()
	var buf bytes.Buffer
	format, err := newFormat(schema, o, limits)
	require.NoError(t, err)
	w := format.NewWriter(&buf)
	rows := 0
	for _, g := range groups {
		require.NoError(t, w.WriteRowGroup(g))
		for _, r := range g {
			rows += r.len()
		}
	}
	require.NoError(t, w.Close())
	require.EqualValues(t, buf.Len(), w.Size())
	require.EqualValues(t, rows, w.NumRows())
	return buf.Bytes()
}

// read returns the schema of a file, and its rows per row group.
func read(t testing.TB, data []byte, mem memory.Allocator) (*arrow.Schema, [][]map[string]any) {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data), file.WithReadProps(parquet.NewReaderProperties(mem)))
	require.NoError(t, err)
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, mem)
	require.NoError(t, err)
	schema, err := r.Schema()
	require.NoError(t, err)
	var groups [][]map[string]any
	all := make([]int, f.MetaData().Schema.NumColumns())
	for i := range all {
		all[i] = i
	}
	for g := range f.NumRowGroups() {
		table, err := r.ReadRowGroups(context.Background(), all, []int{g})
		require.NoError(t, err)
		var rows []map[string]any
		records := array.NewTableReader(table, 1<<20)
		for records.Next() {
			for i := range int(records.Record().NumRows()) {
				rows = append(rows, plainRow(records.Record(), i))
			}
		}
		groups = append(groups, rows)
		records.Release()
		table.Release()
	}
	return schema, groups
}

// roundTrip writes random row groups and reads them back.
func roundTrip(t *testing.T, seed uint64) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	g := newGenerator(seed, mem)
	schema := g.schema()
	groups := g.groups(schema, 60)
	defer release(groups)
	o := Options{Codec: Codec(g.IntN(3)), Workers: 1 + g.IntN(4)}
	limits := defaultPageLimits()
	if g.IntN(2) == 0 { // many small pages
		limits = pageLimits{entries: 1 + g.IntN(20), bytes: 1 + g.IntN(200)}
	}
	data := writePages(t, schema, groups, o, limits)
	_, err := inspect.Check(bytes.NewReader(data), inspect.Options{Deep: true})
	require.NoError(t, err, "seed %d", seed)

	_, got := read(t, data, memory.DefaultAllocator)
	var want [][]map[string]any
	for _, rows := range groups {
		if w := plainRows(rows); len(w) > 0 {
			want = append(want, w)
		}
	}
	require.Equal(t, len(want), len(got), "seed %d: row groups", seed)
	for i := range want {
		require.Equal(t, len(want[i]), len(got[i]), "seed %d: rows", seed)
		for k := range want[i] {
			if !assert.ObjectsAreEqual(want[i][k], got[i][k]) {
				require.Equal(t, want[i][k], got[i][k], "seed %d: row %d of group %d of %s", seed, k, i, schema)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(500) {
		roundTrip(t, seed)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(roundTrip)
}

// A page of one large value is compressed in another way.
func TestLargeValues(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}, {Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	value := bytes.Repeat([]byte("abcdefg"), maxReused/7+1)
	for i := range 3 {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(i) + string(value))
		b.Field(1).(*array.BinaryBuilder).Append(value)
		b.Field(0).(*array.StringBuilder).Append("short")
		b.Field(1).AppendNull()
	}
	rec := b.NewRecord()
	defer rec.Release()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, schema, Options{})
	require.NoError(t, err)
	require.NoError(t, w.WriteRowGroup([]Rows{{Record: rec}}))
	require.NoError(t, w.Close())
	require.Less(t, buf.Len(), maxReused)
	r, err := file.NewParquetReader(bytes.NewReader(buf.Bytes()))
	require.NoError(t, err)
	defer r.Close()
	in, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(t, err)
	table, err := in.ReadTable(t.Context())
	require.NoError(t, err)
	defer table.Release()
	for i, c := range rec.Columns() {
		chunks := table.Column(i).Data().Chunks()
		all, err := array.Concatenate(chunks, memory.DefaultAllocator)
		require.NoError(t, err)
		require.True(t, array.Equal(c, all), i)
		all.Release()
	}
}
