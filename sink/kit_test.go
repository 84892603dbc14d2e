package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// checked returns an allocator, which becomes the default one, and checks that
// the test releases all its memory.
func checked(t *testing.T) memory.Allocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	old := memory.DefaultAllocator
	memory.DefaultAllocator = mem
	t.Cleanup(func() {
		memory.DefaultAllocator = old
		mem.AssertSize(t, 0)
	})
	return mem
}

var batch7 = stream.BatchID{Ledger: "abcd1234", Number: 7}

// batchOf returns a batch of chunks, whose records it releases as the engine does.
func batchOf(chunks ...[]stream.Rows) stream.Batch {
	return failing(nil, chunks...)
}

// failing returns a batch that ends with an error.
func failing(end error, chunks ...[]stream.Rows) stream.Batch {
	return stream.Batch{BatchID: batch7, Attempt: "try", Rows: func(yield func(stream.Rows, error) bool) {
		more := true
		for _, r := range slices.Concat(chunks...) {
			more = more && yield(r, nil)
			r.Record.Release()
		}
		if more && end != nil {
			yield(stream.Rows{}, end)
		}
	}}
}

var utc = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}

// row is a small alert.
type row struct {
	id   int64
	hour int // since 1970
}

var smallSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: eventColumn, Type: utc},
}, nil)

func small(mem memory.Allocator, table string, rows ...row) stream.Rows {
	b := array.NewRecordBuilder(mem, smallSchema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.id)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(int64(r.hour)*3600e6 + r.id))
	}
	return stream.Rows{Table: table, Record: b.NewRecord()}
}

// fromJSON returns a record of rows in JSON.
func fromJSON(t testing.TB, mem memory.Allocator, rows string, fields ...arrow.Field) arrow.Record {
	r, _, err := array.RecordFromJSON(mem, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	require.NoError(t, err)
	return r
}

func nullable(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

// stage stages and publishes a batch, and returns the rows of each file.
func stage(t testing.TB, p *Parquet, b stream.Batch) (stream.Receipt, map[string][]string) {
	t.Helper()
	r, err := p.Stage(t.Context(), b)
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), batch7, r))
	files := map[string][]string{}
	for _, f := range r.Files {
		data, err := p.Store.Get(t.Context(), f.Path)
		require.NoError(t, err)
		files[f.Path] = parquetRows(t, data)
		assert.EqualValues(t, len(data), f.Bytes)
		assert.EqualValues(t, len(files[f.Path]), f.Rows)
	}
	return r, files
}

// parquetRows reads a file with Arrow's reader.
func parquetRows(t testing.TB, data []byte) (rows []string) {
	t.Helper()
	mem := memory.NewGoAllocator()
	in, err := file.NewParquetReader(bytes.NewReader(data), file.WithReadProps(parquet.NewReaderProperties(mem)))
	require.NoError(t, err)
	defer in.Close()
	r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: 1 << 20}, mem)
	require.NoError(t, err)
	var columns []int
	for i := range in.MetaData().Schema.NumColumns() {
		columns = append(columns, i)
	}
	for g := range in.NumRowGroups() {
		table, err := r.ReadRowGroups(context.Background(), columns, []int{g})
		require.NoError(t, err)
		tr := array.NewTableReader(table, -1)
		for tr.Next() {
			rows = append(rows, recordRows(tr.Record())...)
		}
		tr.Release()
		table.Release()
	}
	return rows
}

// recordRows returns each row as text that does not depend on the widths of
// numbers, on views, or on whether a null column is absent.
func recordRows(r arrow.Record) []string {
	rows := make([]string, r.NumRows())
	for i := range rows {
		var s strings.Builder
		for c, col := range r.Columns() {
			if text := words(col, i); text != "" {
				fmt.Fprintf(&s, "%s=%s ", r.ColumnName(c), text)
			}
		}
		rows[i] = s.String()
	}
	return rows
}

func words(a arrow.Array, i int) string {
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return ""
	}
	switch a := a.(type) {
	case *array.Struct:
		s := "{"
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			if text := words(a.Field(k), i); text != "" {
				s += f.Name + "=" + text + " "
			}
		}
		return s + "}"
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		s := "["
		for k := from; k < to; k++ {
			s += strings.NewReplacer("{key=", "{", " value=", ":").Replace(words(a.ListValues(), int(k))) + ","
		}
		return s + "]"
	case *array.Float32:
		return fmt.Sprintf("%016x", math.Float64bits(float64(a.Value(i))))
	case *array.Float64:
		return fmt.Sprintf("%016x", math.Float64bits(a.Value(i)))
	case *array.Binary:
		return fmt.Sprintf("%x.", a.Value(i))
	case *array.BinaryView:
		return fmt.Sprintf("%x.", a.Value(i))
	}
	return fmt.Sprintf("%q", a.ValueStr(i))
}

// dice returns random nested records.
type dice struct {
	*rand.Rand
	mem memory.Allocator
}

func newDice(seed uint64, mem memory.Allocator) *dice {
	return &dice{rand.New(rand.NewPCG(seed, 3)), mem}
}

func (d *dice) dataType(depth int) arrow.DataType {
	if depth > 0 {
		switch d.IntN(6) {
		case 0, 1:
			return arrow.StructOf(d.fields(1+d.IntN(3), depth-1)...)
		case 2, 3:
			return arrow.ListOfField(nullable("item", d.dataType(depth-1)))
		case 4:
			return arrow.MapOf(arrow.BinaryTypes.String, d.dataType(depth-1))
		}
	}
	leaves := []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String,
		arrow.BinaryTypes.Binary, arrow.BinaryTypes.BinaryView, arrow.BinaryTypes.StringView, utc,
		&arrow.FixedSizeBinaryType{ByteWidth: 5}, &arrow.Decimal128Type{Precision: 20, Scale: 2},
	}
	return leaves[d.IntN(len(leaves))]
}

func (d *dice) fields(n, depth int) []arrow.Field {
	var fields []arrow.Field
	for i := range n {
		fields = append(fields, nullable(fmt.Sprint("f", i), d.dataType(depth)))
	}
	return fields
}

// record returns n rows, mostly as a slice of a longer record.
func (d *dice) record(s *arrow.Schema, n int, hours int) arrow.Record {
	b := array.NewRecordBuilder(d.mem, s)
	defer b.Release()
	before := d.IntN(10)
	for range before + n + d.IntN(10) {
		for i, f := range s.Fields() {
			if f.Name == eventColumn {
				b.Field(i).(*array.TimestampBuilder).Append(arrow.Timestamp(d.Int64N(int64(hours)) * 3600e6))
				continue
			}
			d.append(b.Field(i))
		}
	}
	whole := b.NewRecord()
	defer whole.Release()
	return whole.NewSlice(int64(before), int64(before+n))
}

func (d *dice) append(b array.Builder) {
	if d.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	text := strings.Repeat("x", d.IntN(30)) + fmt.Sprint(d.IntN(100))
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			d.append(b.FieldBuilder(i))
		}
	case *array.ListBuilder:
		b.Append(true)
		for range d.IntN(4) {
			d.append(b.ValueBuilder())
		}
	case *array.MapBuilder:
		b.Append(true)
		for range d.IntN(4) {
			b.KeyBuilder().(*array.StringBuilder).Append(text)
			d.append(b.ItemBuilder())
		}
	case *array.BooleanBuilder:
		b.Append(d.IntN(2) == 0)
	case *array.Int32Builder:
		b.Append(int32(d.Uint32()))
	case *array.Int64Builder:
		b.Append(int64(d.Uint64()))
	case *array.Float32Builder:
		b.Append(d.Float32())
	case *array.Float64Builder:
		b.Append(d.NormFloat64())
	case *array.StringBuilder:
		b.Append(text)
	case *array.StringViewBuilder:
		b.Append(text)
	case *array.BinaryBuilder:
		b.Append([]byte(text))
	case *array.BinaryViewBuilder:
		b.Append([]byte(text))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(d.Int64N(1 << 50)))
	default:
		if err := b.AppendValueFromString(map[arrow.Type]string{
			arrow.FIXED_SIZE_BINARY: "aGVsbG8=", arrow.DECIMAL128: fmt.Sprint(d.IntN(1e6), ".25"),
		}[b.Type().ID()]); err != nil {
			panic(err)
		}
	}
}

// faulty is a store that fails in chosen calls.
type faulty struct {
	*store.Memory
	stage, write, close, publish int // fail in the nth call, from 1
	open, aborted                int
}

var errDisk = errors.New("disk on fire")

func (f *faulty) fails(n *int) bool {
	*n--
	return *n == 0
}

func (f *faulty) Stage(ctx context.Context, name, final string) (store.Writer, error) {
	if f.fails(&f.stage) {
		return nil, errDisk
	}
	w, err := f.Memory.Stage(ctx, name, final)
	f.open++
	return &faultyFile{w, f}, err
}

func (f *faulty) Publish(ctx context.Context, name, final string, size int64) error {
	if f.fails(&f.publish) {
		return errDisk
	}
	return f.Memory.Publish(ctx, name, final, size)
}

type faultyFile struct {
	store.Writer
	f *faulty
}

func (w *faultyFile) Write(b []byte) (int, error) {
	if w.f.fails(&w.f.write) {
		return 0, errDisk
	}
	return w.Writer.Write(b)
}

func (w *faultyFile) Close() error {
	if w.f.fails(&w.f.close) {
		return errDisk
	}
	w.f.open--
	return w.Writer.Close()
}

func (w *faultyFile) Abort() error {
	w.f.open--
	w.f.aborted++
	return w.Writer.Abort()
}

// openFiles counts the file descriptors of this process.
func openFiles(t *testing.T) int {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files")
	}
	return len(fds)
}

func names(s store.Store, prefix string) (list []string) {
	for e := range s.List(context.Background(), prefix) {
		list = append(list, e.Name)
	}
	return list
}

func dirOf(table string, hour int) string {
	return path.Join(table, time.Unix(int64(hour)*3600, 0).UTC().Format("2006/01/02/15"))
}
