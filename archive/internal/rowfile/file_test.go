package rowfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
	{Name: "data", Type: arrow.BinaryTypes.Binary, Nullable: true},
}, nil)

// rowsOf returns a record of the given numbers. A few fields are null.
func rowsOf(numbers []uint32) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, n := range numbers {
		b.Field(0).(*array.Int64Builder).Append(int64(n))
		s := b.Field(1).(*array.StructBuilder)
		if s.Append(n%7 > 0); n%7 > 0 {
			s.FieldBuilder(0).(*array.StringBuilder).Append(fmt.Sprintf("the row of number %d", n))
		}
		if data := b.Field(2).(*array.BinaryBuilder); n%5 > 0 {
			data.Append(bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 100))
		} else {
			data.AppendNull()
		}
	}
	return b.NewRecord()
}

// write stores a file of n rows in row groups of the given size. If places is not nil,
// the file is sorted: row i is at places[i].
func write(t testing.TB, st store.Store, n, group int, places []uint32) ledger.File {
	numbers := make([]uint32, n)
	for i := range numbers {
		numbers[i] = uint32(i)
	}
	var block []byte
	if places != nil {
		block = order.Append(nil, places)
		for i, p := range places {
			numbers[p] = uint32(i)
		}
	}
	make := func(metadata map[string]string) []byte {
		var buf bytes.Buffer
		w, err := parquetfile.NewWriter(&buf, schema, parquetfile.Options{Metadata: metadata})
		require.NoError(t, err)
		for part := range slices.Chunk(numbers, group) {
			rec := rowsOf(part)
			require.NoError(t, w.WriteRowGroup([]parquetfile.Rows{{Record: rec}}))
			rec.Release()
		}
		require.NoError(t, w.Close())
		return buf.Bytes()
	}
	data := make(nil)
	if places != nil {
		at := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
		data = make(map[string]string{order.Key: order.Block{Name: "n", Offset: int64(at), Size: int64(len(block))}.String()})
		data = slices.Concat(data[:at], block, data[at:])
	}
	put(t, st, "f.parquet", data)
	return ledger.File{Path: "f.parquet", Rows: int64(n), Bytes: int64(len(data))}
}

func put(t testing.TB, st store.Store, name string, data []byte) {
	w, err := st.Stage(context.Background(), "staged", name)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, st.Publish(context.Background(), "staged", name, int64(len(data))))
}

func permutation(n int) []uint32 {
	out := make([]uint32, n)
	for i, p := range rand.New(rand.NewPCG(uint64(n), 1)).Perm(n) {
		out[i] = uint32(p)
	}
	return out
}

// Rows are given in commit order, in memory and when they are spilled.
func TestFile(t *testing.T) {
	for _, c := range []struct {
		rows, group int
		sorted      bool
		limit       int64
		spills      bool
	}{
		{1000, 300, false, 1, false},
		{1000, 300, true, 1 << 30, false},
		{1000, 300, true, 1, true},
		{1000, 300, true, 150_000, true}, // from the third row group on
		{5000, 5000, true, 1 << 30, false},
		{1, 1, true, 1, true},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			st := store.NewMemory()
			var places []uint32
			if c.sorted {
				places = permutation(c.rows)
			}
			dir := t.TempDir()
			f, err := Open(t.Context(), st, write(t, st, c.rows, c.group, places), Options{Schema: columns.Views(schema), Memory: c.limit, Spill: dir, Mem: mem})
			require.NoError(t, err)
			require.NoError(t, f.Prepare(t.Context()))
			assert.Equal(t, c.sorted, f.Sorted())
			assert.Equal(t, c.spills, c.sorted && f.sorted.spill != nil)
			for next := int64(0); next < f.Rows; {
				block, first, end := f.Block(next)
				require.Equal(t, next, first)
				again, _, _ := f.Block(end - 1)
				require.Equal(t, block, again)
				rec, err := f.Read(t.Context(), block)
				require.NoError(t, err)
				require.Equal(t, end-first, rec.NumRows())
				var numbers []uint32
				for ; next < end; next++ {
					numbers = append(numbers, uint32(next))
				}
				want := rowsOf(numbers)
				for i := range int(rec.NumRows()) {
					for c, col := range rec.Columns() {
						require.Equal(t, want.Column(c).ValueStr(i), col.ValueStr(i), "row %d", first+int64(i))
					}
				}
				want.Release()
				rec.Release()
			}
			require.NoError(t, f.Close())
		})
	}
}

func TestAbsentColumns(t *testing.T) {
	st := store.NewMemory()
	later := arrow.NewSchema([]arrow.Field{{Name: "later", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	f, err := Open(t.Context(), st, write(t, st, 10, 5, nil), Options{Schema: later, Mem: memory.DefaultAllocator})
	require.NoError(t, err)
	defer f.Close()
	rec, err := f.Read(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, 5, rec.Column(0).NullN())
}

// A file that another writer has written is read with Arrow's reader.
func TestOtherForm(t *testing.T) {
	st := store.NewMemory()
	rec := rowsOf([]uint32{5, 6, 7, 8, 9, 10, 11})
	defer rec.Release()
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(parquet.WithDictionaryDefault(true), parquet.WithDataPageVersion(parquet.DataPageV2)), pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	require.NoError(t, w.Write(rec))
	require.NoError(t, w.Close())
	_, err = parquetfile.OpenReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	require.ErrorIs(t, err, parquetfile.ErrForm)
	put(t, st, "f.parquet", buf.Bytes())
	for _, s := range []*arrow.Schema{columns.Views(schema), arrow.NewSchema(schema.Fields()[1:2], nil)} {
		f, err := Open(t.Context(), st, ledger.File{Path: "f.parquet", Rows: 7, Bytes: int64(buf.Len())}, Options{Schema: s, Mem: memory.DefaultAllocator})
		require.NoError(t, err)
		got, err := f.Read(t.Context(), 0)
		require.NoError(t, err)
		assert.True(t, got.Schema().Equal(s))
		for i, field := range s.Fields() {
			want := stream.Field(rec, field.Name)
			for row := range 7 {
				assert.Equal(t, want.ValueStr(row), got.Column(i).ValueStr(row))
			}
		}
		got.Release()
		require.NoError(t, f.Close())
	}
}

// What differs from the commit, and a block that is not an order, is damage.
func TestDamage(t *testing.T) {
	st := store.NewMemory()
	o := Options{Schema: schema, Mem: memory.DefaultAllocator}
	good := write(t, st, 100, 30, permutation(100))
	data, err := st.Get(t.Context(), good.Path)
	require.NoError(t, err)
	for what, change := range map[string]func(f *ledger.File, data []byte) []byte{
		"it has 99 bytes, not ":   func(f *ledger.File, data []byte) []byte { f.Bytes = 99; return data[:99] },
		"it has 100 rows, not 99": func(f *ledger.File, data []byte) []byte { f.Rows--; return data },
		"order: the checksum of the block is wrong": func(f *ledger.File, data []byte) []byte {
			data[len(data)-8-int(binary.LittleEndian.Uint32(data[len(data)-8:]))-20] ^= 1
			return data
		},
		`its order "n 9`: func(f *ledger.File, data []byte) []byte {
			i := bytes.LastIndex(data, []byte(order.Key))
			i += bytes.Index(data[i:], []byte("n "))
			copy(data[i+2:], "99")
			return data
		},
	} {
		f := good
		bad := change(&f, bytes.Clone(data))
		if f.Bytes == good.Bytes {
			f.Bytes = int64(len(bad))
		}
		put(t, st, "f.parquet", bad)
		if what[:6] == "it has" && f.Bytes == 99 {
			f.Bytes = 100
		}
		_, err := Open(t.Context(), st, f, o)
		var damaged *DamagedError
		require.ErrorAs(t, err, &damaged, what)
		assert.ErrorContains(t, err, what)
	}
	_, err = Open(t.Context(), st, ledger.File{Path: "none"}, o)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
