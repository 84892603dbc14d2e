package sink

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

func newWriterFor(t *testing.T, p *Parquet) *batchWriter {
	return &batchWriter{sink: p, ctx: t.Context(), memory: p.Memory, dirs: map[directory]*dirWriter{}, tables: tables{byName: map[string]*tableSchema{}},
		batch: stream.Batch{BatchID: stream.BatchID{Ledger: "l", Number: 1}, Attempt: "a"}}
}

func TestBounds(t *testing.T) {
	mem := checked(t)
	st := &faulty{Memory: store.NewMemory()}
	w := newWriterFor(t, &Parquet{Store: st, Memory: 64 << 10, Spill: t.TempDir(), Workers: 1})
	before := openFiles(t)
	var most, largest int64
	for _, chunk := range mixed(mem, 2000, 100) {
		largest = max(largest, recordsize.Of(chunk[0].Record))
		require.NoError(t, w.add(chunk[0]))
		chunk[0].Record.Release()
		most = max(most, w.retained.bytes)
		require.LessOrEqual(t, st.open, maxOpenFiles)
		require.LessOrEqual(t, openFiles(t), before+1, "one file for all that is spilled")
	}
	assert.Less(t, most, w.memory+largest)
	assert.Greater(t, most, w.memory/2)
	assert.Equal(t, maxOpenFiles, st.open)
	require.NoError(t, w.finish())
	var rows int64
	for _, f := range w.files {
		rows += f.Rows
	}
	assert.EqualValues(t, 2000*16, rows)
	assert.Len(t, w.files, 100)
	assert.Zero(t, st.open)
	w.release()
	assert.Equal(t, before, openFiles(t))
}

// buffering is a store whose writers hold parts of 5 MiB, and counts the open ones.
type buffering struct {
	*faulty
	most int
}

func (*buffering) WriteBuffer() int64 { return 5 << 20 }

func (b *buffering) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	w, err := b.faulty.Stage(ctx, name, final)
	b.most = max(b.most, b.open)
	return w, err
}

// The buffers of a store's writers take no more memory than the rows.
func TestOpenFiles(t *testing.T) {
	mem := checked(t)
	plain := &faulty{Memory: store.NewMemory()}
	for _, c := range []struct {
		sink Parquet
		want int
	}{
		{Parquet{Store: plain}, 64},
		{Parquet{Store: plain, OpenFiles: 100}, 100},
		{Parquet{Store: &buffering{}}, 12},
		{Parquet{Store: &buffering{}, Memory: 1 << 30}, 64},
		{Parquet{Store: &buffering{}, Memory: 1 << 20}, 1},
		{Parquet{Store: &buffering{}, OpenFiles: 3}, 3},
	} {
		assert.Equal(t, c.want, c.sink.maxOpen(newBatchWriter(t.Context(), &c.sink, stream.Batch{}).memory))
	}
	for _, want := range []int{1, 3} {
		st := &buffering{faulty: &faulty{Memory: store.NewMemory()}}
		p := &Parquet{Store: st, Memory: 64 << 10, Spill: t.TempDir(), Workers: 1}
		if want > 1 {
			p.OpenFiles = want
		}
		r, err := p.Stage(t.Context(), batchOf(mixed(mem, 500, 30)...))
		require.NoError(t, err)
		assert.Len(t, r.Files, 30)
		assert.Equal(t, want, st.most)
	}
}

func TestTenThousandHours(t *testing.T) {
	mem := checked(t)
	st := &faulty{Memory: store.NewMemory()}
	p := &Parquet{Store: st, Memory: 32 << 10, Spill: t.TempDir(), Workers: 1, Compression: None}
	hours := 10_000
	if testing.Short() {
		hours = 1000
	}
	var chunks [][]stream.Rows
	for round := range 2 {
		for from := 0; from < hours; from += 100 {
			var rows []row
			for i := range 100 {
				rows = append(rows, row{int64(round), (from + i*37) % hours})
			}
			chunks = append(chunks, []stream.Rows{small(mem, "t", rows...)})
		}
	}
	r, err := p.Stage(t.Context(), batchOf(chunks...))
	require.NoError(t, err)
	var rows int64
	for _, f := range r.Files {
		rows += f.Rows
	}
	assert.EqualValues(t, 2*hours, rows)
	assert.Zero(t, st.open)
}

// Each slice of a record keeps the whole record alive, but it counts only once.
func TestSlicesCountOnce(t *testing.T) {
	mem := checked(t)
	rows := small(mem, "t", make([]row, 1000)...)
	defer rows.Record.Release()
	var h retainedRecords
	var sum int64
	for i := int64(0); i < 1000; i += 2 {
		r := rows.Record.NewSlice(i, i+1)
		sum += h.add(r)
		r.Release()
	}
	assert.Equal(t, recordsize.Of(rows.Record), sum)
	assert.Equal(t, sum, h.bytes)
	h.release()
	assert.Zero(t, h.bytes)
	assert.Equal(t, recordsize.Of(rows.Record), h.add(rows.Record), "what was released counts again")
	h.release()
}

// A transform may make a new schema for each record.
func TestEqualSchemas(t *testing.T) {
	mem := checked(t)
	p := &Parquet{Store: store.NewMemory(), Memory: 16 << 10, Spill: t.TempDir(), Workers: 1}
	w := newWriterFor(t, p)
	for _, chunk := range mixed(mem, 500, 60) {
		r := array.NewRecord(arrow.NewSchema(smallSchema.Fields(), nil), chunk[0].Record.Columns(), chunk[0].Record.NumRows())
		require.NoError(t, w.add(stream.Rows{Table: "t", Record: r}))
		r.Release()
		chunk[0].Record.Release()
	}
	require.NoError(t, w.finish())
	schemas := w.tables.byName["t"]
	assert.Len(t, schemas.distinct, 1)
	assert.LessOrEqual(t, len(schemas.representatives), maxSchemas)
	assert.Len(t, w.files, 60)
	w.release()
}

// The memory for schemas is bounded.
func TestManySchemas(t *testing.T) {
	s := tableSchema{representatives: map[*arrow.Schema]*arrow.Schema{}}
	d := newDice(1, memory.DefaultAllocator)
	fields := d.fields(20, 0)
	for range 1000 {
		var some []arrow.Field
		for _, i := range d.Perm(len(fields))[:10] {
			some = append(some, fields[i])
		}
		schema := arrow.NewSchema(some, nil)
		if s.represent(schema) == nil {
			require.NoError(t, s.admit(schema, parquetfile.Options{}))
			s.remember(schema)
		}
		assert.LessOrEqual(t, len(s.distinct), maxSchemas)
		assert.LessOrEqual(t, len(s.representatives), maxSchemas)
	}
	assert.Equal(t, 20, s.wide.NumFields())
}

func TestLargeRow(t *testing.T) {
	mem := checked(t)
	b := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: eventColumn, Type: utc}, nullable("stamp", arrow.BinaryTypes.BinaryView)}, nil))
	defer b.Release()
	chunk := func(sizes ...int) (rows []stream.Rows) {
		for hour, n := range sizes {
			b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(int64(hour) * 3600e6))
			b.Field(1).(*array.BinaryViewBuilder).Append(bytes.Repeat([]byte{byte(hour)}, n))
		}
		return append(rows, stream.Rows{Table: "t", Record: b.NewRecord()})
	}
	for _, memory := range []int64{0, 1, 1 << 20, 1 << 40} {
		p := &Parquet{Store: store.NewMemory(), Memory: memory, Spill: t.TempDir()}
		r, files := stage(t, p, batchOf(chunk(3, 10<<20, 5), chunk(7, 1, 10<<20)))
		require.Len(t, r.Files, 3)
		for hour, sizes := range [][]int{{3, 7}, {10 << 20, 1}, {5, 10 << 20}} {
			for i, n := range sizes {
				want := fmt.Sprintf("%x. ", bytes.Repeat([]byte{byte(hour)}, n))
				got := files[r.Files[hour].Path][i]
				assert.True(t, len(got) > len(want) && got[len(got)-len(want):] == want)
			}
		}
	}
}

func TestCancelledWhileFinishing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	b := batchOf(mixed(memory.DefaultAllocator, 4, 100)...)
	rows := b.Rows
	b.Rows = func(yield func(stream.Rows, error) bool) {
		rows(yield)
		cancel(errDisk)
	}
	_, err := (&Parquet{Store: store.NewMemory()}).Stage(ctx, b)
	assert.ErrorIs(t, err, errDisk)
}

func TestRelax(t *testing.T) {
	i64, i32 := arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32
	must := func(name string, typ arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: typ} }
	list := func(f arrow.Field) arrow.DataType { return arrow.ListOfField(f) }
	mapOf := func(item arrow.DataType, null bool) arrow.DataType {
		m := arrow.MapOf(arrow.BinaryTypes.String, item)
		m.SetItemNullable(null)
		return m
	}
	for _, c := range []struct{ a, b, want arrow.Field }{
		{must("x", i64), must("x", i64), must("x", i64)},
		{must("x", i32), nullable("x", i64), nullable("x", i64)},
		{must("x", i64), must("x", arrow.Null), nullable("x", i64)},
		{must("x", arrow.StructOf(must("a", i64))), must("x", arrow.StructOf(must("b", i64))),
			must("x", arrow.StructOf(nullable("a", i64), nullable("b", i64)))},
		{must("x", list(must("item", i64))), must("x", list(nullable("element", i64))), must("x", list(nullable("item", i64)))},
		{must("x", mapOf(i64, false)), must("x", mapOf(i64, true)), must("x", mapOf(i64, true))},
		{must("x", mapOf(i64, true)), must("x", mapOf(i64, false)), must("x", mapOf(i64, true))},
	} {
		a, b := arrow.NewSchema([]arrow.Field{c.a}, nil), arrow.NewSchema([]arrow.Field{c.b}, nil)
		wide, err := widened(a, b)
		require.NoError(t, err)
		assert.Equal(t, c.want.String(), wide.Field(0).String())
		again, err := widened(wide, b)
		require.NoError(t, err)
		assert.Same(t, wide, again, "what is wide enough stays")
		assert.True(t, fits(wide, a))
	}
}
