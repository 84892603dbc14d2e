package parquetfile

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneColumn returns a record of one column.
func oneColumn(typ arrow.DataType, fill func(b array.Builder)) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator,
		arrow.NewSchema([]arrow.Field{{Name: "a", Type: typ, Nullable: true}}, nil))
	defer b.Release()
	fill(b.Field(0))
	return b.NewRecord()
}

// firstChunk writes a record and returns the metadata of its first column.
func firstChunk(t *testing.T, r arrow.Record, o Options) *metadata.ColumnChunkMetaData {
	t.Helper()
	data := write(t, r.Schema(), [][]Rows{{{Record: r}}}, o)
	_, got := read(t, data, memory.DefaultAllocator)
	require.Equal(t, [][]map[string]any{plainRows([]Rows{{Record: r}})}, got)
	f, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer f.Close()
	chunk, err := f.MetaData().RowGroup(0).ColumnChunk(0)
	require.NoError(t, err)
	return chunk
}

func TestDictionary(t *testing.T) {
	for name, c := range map[string]struct {
		value func(i int) string
		rows  int
		want  bool
	}{
		"few":           {func(i int) string { return fmt.Sprint(i % 7) }, 1000, true},
		"many, often":   {func(i int) string { return fmt.Sprint(i % 3000) }, 20000, true},
		"one":           {func(int) string { return "ztf" }, 100, true},
		"all differ":    {func(i int) string { return fmt.Sprint(i) }, 1000, false},
		"a single row":  {func(int) string { return "ztf" }, 1, false},
		"few, but long": {func(i int) string { return string(make([]byte, 50000+i%10)) }, 100, false},
		"unlike first":  {func(i int) string { return fmt.Sprint(min(i, 5000)) }, 20000, false},
		"late":          {func(i int) string { return fmt.Sprint(max(0, i-400)) }, 1000, false},
	} {
		record := oneColumn(arrow.BinaryTypes.String, func(b array.Builder) {
			for i := range c.rows {
				b.(*array.StringBuilder).Append(c.value(i))
			}
		})
		chunk := firstChunk(t, record, Options{})
		assert.Equal(t, c.want, chunk.HasDictionaryPage(), name)
		if c.want {
			assert.Equal(t, int64(4), chunk.DictionaryPageOffset(), name)
			assert.Greater(t, chunk.DataPageOffset(), int64(8), name)
		} else {
			assert.Equal(t, int64(4), chunk.DataPageOffset(), name)
		}
		record.Release()
	}
}

func TestBinaryCodec(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	zeros := make([]byte, 30000)
	gzipped := append([]byte{0x1f, 0x8b}, zeros...) // not really gzip
	random := make([]byte, 30000)
	for name, c := range map[string]struct {
		value []byte
		codec Codec
		want  compress.Compression
	}{
		"plain FITS":        {zeros, Zstd, compress.Codecs.Zstd},
		"plain FITS snappy": {zeros, Snappy, compress.Codecs.Snappy},
		"gzipped":           {gzipped, Zstd, compress.Codecs.Uncompressed},
		"random":            {random, Zstd, compress.Codecs.Uncompressed},
		"random snappy":     {random, Snappy, compress.Codecs.Uncompressed},
		"no codec":          {zeros, None, compress.Codecs.Uncompressed},
	} {
		for _, typ := range []arrow.DataType{arrow.BinaryTypes.Binary, arrow.BinaryTypes.BinaryView} {
			record := oneColumn(typ, func(b array.Builder) {
				for range 100 {
					b.AppendNull()
					if strings.HasPrefix(name, "random") {
						for i := range c.value {
							c.value[i] = byte(rng.Uint32())
						}
					}
					require.NoError(t, appendBytes(b, c.value))
				}
			})
			assert.Equal(t, c.want, firstChunk(t, record, Options{Codec: c.codec}).Compression(), name)
			record.Release()
		}
	}
}

func appendBytes(b array.Builder, v []byte) error {
	switch b := b.(type) {
	case *array.BinaryBuilder:
		b.Append(v)
	case *array.BinaryViewBuilder:
		b.Append(v)
	}
	return nil
}

// TestTooLarge writes a row whose values all are the same buffer, to use little
// memory.
func TestTooLarge(t *testing.T) {
	const size = 900 << 20
	views := make([]byte, 3*16)
	for i := range 3 {
		arrow.ViewHeaderTraits.CastFromBytes(views)[i] = arrow.ViewHeader{}
		copy(views[i*16:], arrow.Int32Traits.CastToBytes([]int32{size, 0, 0, 0}))
	}
	binary := array.NewData(arrow.BinaryTypes.BinaryView, 3, []*memory.Buffer{nil,
		memory.NewBufferBytes(views), memory.NewBufferBytes(make([]byte, size))}, nil, 0, 0)
	list := array.NewData(arrow.ListOf(arrow.BinaryTypes.BinaryView), 1, []*memory.Buffer{nil,
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 3}))}, []arrow.ArrayData{binary}, 0, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: list.DataType(), Nullable: true}}, nil)
	record := array.NewRecord(schema, []arrow.Array{array.MakeFromData(list)}, 1)
	for _, codec := range []Codec{Zstd, None} {
		w, err := NewWriter(io.Discard, schema, Options{Codec: codec})
		require.NoError(t, err)
		err = w.WriteRowGroup([]Rows{{Record: record}})
		require.ErrorContains(t, err, "parquetfile: a.element: a page of 28311552")
		require.Equal(t, err, w.Close())
	}
}

func TestDecimalTooLong(t *testing.T) {
	typ := &arrow.Decimal128Type{Precision: 4, Scale: 1}
	for v, fits := range map[int64]bool{9999: true, -9999: true, 40000: false, -40000: false} {
		record := oneColumn(typ, func(b array.Builder) { b.(*array.Decimal128Builder).Append(decimal128.FromI64(v)) })
		w, err := NewWriter(io.Discard, record.Schema(), Options{})
		require.NoError(t, err)
		err = w.WriteRowGroup([]Rows{{Record: record}})
		if fits {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errDecimal)
		}
		record.Release()
	}
}

// TestPagesBeginWithRows checks that each page of a list begins with a row.
func TestPagesBeginWithRows(t *testing.T) {
	for seed := range uint64(50) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := arrow.NewSchema([]arrow.Field{
			{Name: "l", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)), Nullable: true}}, nil)
		record := g.record(schema, 100)
		tree, err := newTree(schema)
		require.NoError(t, err)
		b, err := tree.bind(schema)
		require.NoError(t, err)
		p := newRowGroup(tree, pageLimits{entries: 1 + g.IntN(10), bytes: 1})
		require.NoError(t, p.fill([]Rows{{Record: record}}, []*binding{b}))
		l := p.columns[0].layout
		require.Greater(t, len(l.pages), 1)
		next := 0
		for _, pg := range l.pages {
			require.Equal(t, next, pg.from)
			require.Zero(t, l.rep[pg.from])
			next = pg.to
		}
		require.Equal(t, l.entries, next)
		record.Release()
	}
}

// TestKeepsNoRecords checks that no record is referenced after its rows are
// written, and that the number of remembered schemas is bounded.
func TestKeepsNoRecords(t *testing.T) {
	for _, workers := range []int{1, 3} {
		schema := ztfSchema(arrow.BinaryTypes.BinaryView)
		w, err := NewWriter(io.Discard, schema, Options{Workers: workers})
		require.NoError(t, err)
		record := ztfRecord(schema, 10)
		for range 3 * maxBound {
			again := array.NewRecord(arrow.NewSchema(schema.Fields(), nil), record.Columns(), record.NumRows())
			require.NoError(t, w.WriteRowGroup([]Rows{{Record: again}}))
			again.Release()
		}
		record.Release()
		require.LessOrEqual(t, len(w.format.bound), maxBound)
		var vals [][]byte
		for _, e := range w.format.workers {
			vals = append(vals, e.vals[:cap(e.vals)]...)
			vals = append(vals, e.dict.vals[:cap(e.dict.vals)]...)
		}
		for _, c := range w.format.chunks.free {
			vals = append(vals, c.vals[:cap(c.vals)]...)
		}
		for _, v := range vals {
			require.Nil(t, v)
		}
		for _, c := range w.format.group.columns {
			for _, s := range c.sources {
				require.Nil(t, s.data)
			}
		}
		require.NotEmpty(t, vals)
	}
}
