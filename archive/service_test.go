package archive_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/store"
)

// night is a source of n alerts.
func night(t *testing.T, n int) *files.Source {
	dir := filepath.Join(t.TempDir(), "night")
	require.NoError(t, alerttest.WriteZTF(dir, n, 3))
	return &files.Source{Patterns: []string{dir}}
}

func names(t *testing.T, s store.Store, prefix string) (out []string) {
	for e, err := range s.List(context.Background(), prefix) {
		require.NoError(t, err)
		out = append(out, e.Name)
	}
	return out
}

// columns are the columns of a schema file.
func columns(t *testing.T, s store.Store, name string) (out []string) {
	data, err := s.Get(t.Context(), name)
	require.NoError(t, err)
	in, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer in.Close()
	r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(t, err)
	schema, err := r.Schema()
	require.NoError(t, err)
	for _, f := range schema.Fields() {
		out = append(out, f.Name)
	}
	return out
}

func TestAnyStore(t *testing.T) {
	st := store.NewMemory()
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 30)}, Store: st}
	require.NoError(t, s.Drain(t.Context()))
	assert.EqualValues(t, 30, s.Progress().Written)
	assert.Len(t, names(t, st, "alerts/ztf/"), 3)
	assert.Equal(t, []string{"schema/ztf.parquet"}, names(t, st, "schema/"))
	assert.Empty(t, names(t, st, "staging/"))
	require.NoError(t, s.Drain(t.Context()))
	assert.EqualValues(t, 0, s.Progress().Written)
}

// The service sets some fields of its Job while it runs, and resets them.
func TestJobBelongsToService(t *testing.T) {
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 3)}, Store: store.NewMemory()}
	require.NoError(t, s.Drain(t.Context()))
	assert.Nil(t, s.Job.Sink)
	assert.Empty(t, s.Job.Transforms)
	s.Job.Rejects = stream.SinkFunc(nil)
	assert.ErrorContains(t, s.Drain(t.Context()), "archive: Service.Job must not have a Sink")
}

func TestNowhere(t *testing.T) {
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 1)}}
	assert.EqualError(t, s.Drain(t.Context()), "archive: Service needs a Dir or a Store")
}

func TestLockOfStore(t *testing.T) {
	dir, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	unlock, err := dir.Lock("ledger/lock", false)
	require.NoError(t, err)
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 1)}, Store: &faultstore.Store{Store: dir}}
	assert.EqualError(t, s.Drain(t.Context()),
		"archive: another process is writing to the store: stop it; to archive with several processes, start all of them with -group")
	require.NoError(t, unlock())
	assert.NoError(t, s.Drain(t.Context()))
}

// Schema files that a killed process staged are removed.
func TestLitterIsSwept(t *testing.T) {
	st := store.NewMemory()
	for _, name := range []string{"staging/schema/A", "staging/schema/B", "staging/other/x"} {
		w, err := st.Stage(t.Context(), name, "x")
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	require.NoError(t, (&archive.Service{Job: stream.MicroBatch{Source: night(t, 1)}, Store: st}).Drain(t.Context()))
	assert.Equal(t, []string{"staging/other/x"}, names(t, st, "staging/"))
}

// The rows and the rejects of a batch share its staging area: neither is swept
// before both have published.
func TestRejectsShareStaging(t *testing.T) {
	st := store.NewMemory()
	source := night(t, 5)
	require.NoError(t, os.WriteFile(filepath.Join(source.Patterns[0], "bad.avro"), []byte("bad"), 0o666))
	require.NoError(t, (&archive.Service{Job: stream.MicroBatch{Source: source}, Store: st}).Drain(t.Context()))
	assert.Len(t, names(t, st, "alerts/"), 3)
	assert.Len(t, names(t, st, "rejected/"), 1)
	assert.Empty(t, names(t, st, "staging/"))
}

// match is a transform that adds the column cdsxmatch, and notes the columns of
// its input.
type match struct {
	column arrow.Array // of one row
	mu     sync.Mutex
	given  []string
}

func (m *match) Apply(_ context.Context, in stream.Rows) (stream.Result, error) {
	fields := in.Record.Schema().Fields()
	m.mu.Lock()
	for _, f := range fields {
		m.given = append(m.given, f.Name)
	}
	m.mu.Unlock()
	added, err := array.Concatenate(slices.Repeat([]arrow.Array{m.column}, int(in.Record.NumRows())), memory.DefaultAllocator)
	if err != nil {
		return stream.Result{}, err
	}
	defer added.Release()
	schema := arrow.NewSchema(append(slices.Clone(fields), arrow.Field{Name: "cdsxmatch", Type: added.DataType(), Nullable: true}), nil)
	cols := append(slices.Clone(in.Record.Columns()), added)
	return stream.Result{Rows: []stream.Rows{{Table: in.Table, Record: array.NewRecord(schema, cols, in.Record.NumRows()), From: in.From}}}, nil
}

// column makes an array of one value from JSON.
func column(t *testing.T, typ arrow.DataType, json string) arrow.Array {
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader("["+json+"]"))
	require.NoError(t, err)
	return a
}

// A column that a transform adds belongs to the table: to its schema file and
// its schema chain, with the same type after a restart. It is not in the
// transform's input.
func TestTransformAddsColumn(t *testing.T) {
	st := store.NewMemory()
	text := column(t, arrow.BinaryTypes.String, `"Star"`)
	run := func(n int, m *match) error {
		s := &archive.Service{Job: stream.MicroBatch{Source: night(t, n), Transforms: []stream.Transform{m}}, Store: st}
		return s.Drain(t.Context())
	}
	for n := range 2 {
		m := &match{column: text}
		require.NoError(t, run(10, m), "start %d", n+1)
		assert.Contains(t, m.given, "objectId")
		assert.NotContains(t, m.given, "cdsxmatch")
		assert.Contains(t, columns(t, st, "schema/ztf.parquet"), "cdsxmatch")
	}
	before := names(t, st, "alerts/")
	m := &match{column: column(t, arrow.PrimitiveTypes.Int64, "7")}
	err := run(10, m)
	assert.ErrorContains(t, err, `table "alerts/ztf": its files have another type: avroarrow: merge: cdsxmatch: int64 does not fit into utf8: rename the column`)
	assert.Equal(t, before, names(t, st, "alerts/"))
	assert.Empty(t, names(t, st, "staging/"))
	m = &match{column: text}
	require.NoError(t, run(1, m), "the batch is staged anew with the right type")
}

// Schema files are published in the order in which the schemas widen.
func TestSchemaFileKeepsUp(t *testing.T) {
	st := store.NewMemory()
	var widths []int
	var mu sync.Mutex
	f := &faultstore.Store{Store: st, After: func(op faultstore.Op) error {
		if op.Kind == faultstore.Publish && op.Name == "schema/ztf.parquet" {
			mu.Lock()
			defer mu.Unlock()
			widths = append(widths, len(columns(t, st, op.Name)))
		}
		return nil
	}}
	dir := t.TempDir()
	s := &archive.Service{Job: stream.MicroBatch{Source: night(t, 10)}, Dir: dir, Store: f}
	require.NoError(t, s.Drain(t.Context()))
	s.Job.Transforms = []stream.Transform{&match{column: column(t, arrow.BinaryTypes.String, `"Star"`)}}
	s.Job.Source = night(t, 10)
	require.NoError(t, s.Drain(t.Context()))
	s.Job.Transforms, s.Job.Source = nil, night(t, 10)
	require.NoError(t, s.Drain(t.Context()))
	require.Len(t, widths, 3, "one at each start")
	assert.Equal(t, []int{widths[0], widths[0] + 1, widths[0] + 1}, widths)
	_, err := os.Stat(filepath.Join(dir, "ledger"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "beside a Store, Dir is for spilled rows only")
}
