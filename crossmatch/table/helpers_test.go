package table_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// checked returns an allocator that fails the test if memory leaks.
func checked(t testing.TB) memory.Allocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

func read(b []byte, o table.Options) (*table.Table, error) {
	return table.NewReader(bytes.NewReader(b), int64(len(b)), "x", o)
}

// rows reads the records of a table, up to an error.
func rows(tab *table.Table) (recs []arrow.Record, err error) {
	for rec, err := range tab.Records(context.Background()) {
		if err != nil {
			return recs, err
		}
		rec.Retain()
		recs = append(recs, rec)
	}
	return recs, nil
}

// whole reads a table as one record, whose columns have a chunk each.
func whole(t testing.TB, tab *table.Table) arrow.Record {
	recs, err := rows(tab)
	require.NoError(t, err)
	return join(t, tab.Schema(), recs)
}

func join(t testing.TB, schema *arrow.Schema, recs []arrow.Record) arrow.Record {
	var n int64
	cols := make([]arrow.Array, len(schema.Fields()))
	for _, r := range recs {
		n += r.NumRows()
	}
	for i, f := range schema.Fields() {
		var parts []arrow.Array
		for _, r := range recs {
			parts = append(parts, r.Column(i))
		}
		if len(parts) == 0 {
			b := array.NewBuilder(memory.DefaultAllocator, f.Type)
			parts = append(parts, b.NewArray())
		}
		var err error
		cols[i], err = array.Concatenate(parts, memory.NewGoAllocator())
		require.NoError(t, err)
	}
	for _, r := range recs {
		r.Release()
	}
	return array.NewRecord(schema, cols, n)
}

// readText reads a table that is text, with a checked allocator.
func readText(t testing.TB, text string, o table.Options) arrow.Record {
	o.Memory = checked(t)
	tab, err := read([]byte(text), o)
	require.NoError(t, err)
	return whole(t, tab)
}

// cells returns the values of a column as text.
func cells(rec arrow.Record, name string) []string {
	i := rec.Schema().FieldIndices(name)[0]
	out := make([]string, rec.NumRows())
	for r := range out {
		out[r] = rec.Column(i).ValueStr(r)
	}
	return out
}

// floats returns the values of a column of floats.
func floats(rec arrow.Record, name string) []float64 {
	i := rec.Schema().FieldIndices(name)[0]
	return rec.Column(i).(*array.Float64).Float64Values()
}

func packed(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

// catalogPath returns the path of a real catalogue in the folder beside the project.
func catalogPath(t testing.TB, name string) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("no module")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "catalogs", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no catalogues beside the project")
	}
	return path
}
