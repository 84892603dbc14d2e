package parquetfile

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorkersDoNotMatter(t *testing.T) {
	for seed := range uint64(40) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := g.schema()
		groups := g.groups(schema, 200)
		one := write(t, schema, groups, Options{Workers: 1})
		for _, n := range []int{2, 3, 8} {
			require.Equal(t, one, write(t, schema, groups, Options{Workers: n}), "seed %d, %d workers", seed, n)
		}
		release(groups)
	}
}

// failing is an io.Writer that fails after left bytes.
type failing struct{ left int }

var errDisk = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n := f.left
		f.left = 0
		return n, errDisk
	}
	f.left -= len(p)
	return len(p), nil
}

func TestWriteErrorSticks(t *testing.T) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	record := ztfRecord(schema, 20)
	defer record.Release()
	rows := [][]Rows{{{Record: record}}, {{Record: record, Index: []int32{3, 1}}}}
	whole := len(write(t, schema, rows, Options{}))
	for _, workers := range []int{1, 3} {
		for left := 0; left < whole; left += whole / 60 {
			w, err := NewWriter(&failing{left: left}, schema, Options{Workers: workers})
			require.NoError(t, err) // the magic is still in the buffer
			first := error(nil)
			for _, r := range rows {
				if err := w.WriteRowGroup(r); first == nil {
					first = err
				} else {
					require.Equal(t, first, err)
				}
			}
			err = w.Close()
			require.ErrorIs(t, err, errDisk, "%d bytes", left)
			require.ErrorIs(t, w.Close(), errDisk)
			require.ErrorIs(t, w.WriteRowGroup(rows[0]), errDisk)
		}
	}
}

func TestClosed(t *testing.T) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	w, err := NewWriter(io.Discard, schema, Options{})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	require.ErrorIs(t, w.WriteRowGroup(nil), errClosed)
}

func TestNoRows(t *testing.T) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	record := ztfRecord(schema, 3)
	defer record.Release()
	data := write(t, schema, [][]Rows{nil, {{Record: record, Index: []int32{}}}}, Options{})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer f.Close()
	assert.Zero(t, f.NumRowGroups())
}

func TestMetadataIsSorted(t *testing.T) {
	schema := ztfSchema(arrow.BinaryTypes.Binary)
	data := write(t, schema, nil, Options{Metadata: map[string]string{"b": "2", "a": "1", "c": "3"}})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer f.Close()
	kv := f.MetaData().KeyValueMetadata()
	assert.Equal(t, []string{"a", "b", "c"}, kv.Keys())
	assert.Equal(t, []string{"1", "2", "3"}, kv.Values())
	assert.Equal(t, createdBy, f.MetaData().GetCreatedBy())
}

func structOf(f ...arrow.Field) *arrow.StructType { return arrow.StructOf(f...) }

func TestNoParquetForm(t *testing.T) {
	i64 := arrow.PrimitiveTypes.Int64
	for path, typ := range map[string]arrow.DataType{
		"a":           arrow.PrimitiveTypes.Uint8,
		"a.b":         structOf(arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int16}),
		"a.element":   arrow.ListOf(arrow.FixedWidthTypes.Timestamp_s),
		"a.element.c": arrow.ListOf(structOf(arrow.Field{Name: "c", Type: structOf()})),
		"a.value":     arrow.MapOf(i64, &arrow.TimestampType{Unit: arrow.Second}),
		"a.key":       arrow.MapOf(&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Chile/Continental"}, i64),
	} {
		_, err := NewWriter(io.Discard, arrow.NewSchema([]arrow.Field{{Name: "a", Type: typ}}, nil), Options{})
		require.Error(t, err, typ)
		assert.True(t, strings.HasPrefix(err.Error(), "parquetfile: "+path+": "), err)
	}
	_, err := NewWriter(io.Discard, arrow.NewSchema(nil, nil), Options{})
	require.Error(t, err)
	_, err = NewWriter(io.Discard, ztfSchema(arrow.BinaryTypes.Binary), Options{Codec: 9})
	require.Error(t, err)
	deep := arrow.DataType(i64)
	for range 300 {
		deep = arrow.ListOf(deep)
	}
	_, err = NewWriter(io.Discard, arrow.NewSchema([]arrow.Field{{Name: "a", Type: deep}}, nil), Options{})
	require.Error(t, err)
}

// TestMisfits also checks that the Writer remains usable.
func TestMisfits(t *testing.T) {
	field := func(name string, typ arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	i32, i64 := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: i64},
		field("s", structOf(field("x", i32), field("l", arrow.ListOf(arrow.PrimitiveTypes.Float32)))),
		field("m", arrow.MapOf(arrow.BinaryTypes.String, i64)),
		field("t", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}),
	}, nil)
	var out bytes.Buffer
	w, err := NewWriter(&out, schema, Options{})
	require.NoError(t, err)
	id := arrow.Field{Name: "id", Type: i64}
	good := newGenerator(3, memory.DefaultAllocator).record(schema, 10)
	defer good.Release()
	for _, c := range []struct {
		path string
		f    arrow.Field
	}{
		{"other", field("other", i64)},
		{"s.x", field("s", structOf(field("x", i64)))},
		{"s.y", field("s", structOf(field("y", i64)))},
		{"s.l", field("s", structOf(field("l", i64)))},
		{"s.l.element", field("s", structOf(field("l", arrow.ListOf(arrow.PrimitiveTypes.Float64))))},
		{"m.value", field("m", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64))},
		{"m", field("m", arrow.ListOf(i64))},
		{"t", field("t", &arrow.TimestampType{Unit: arrow.Microsecond})},
		{"id", arrow.Field{}},
		{"id", field("id", i32)},
	} {
		fields := []arrow.Field{id, c.f}
		if c.path == "id" {
			fields = []arrow.Field{field("t", schema.Field(3).Type)}
			if c.f.Name != "" {
				fields = append(fields, c.f)
			}
		}
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
		for i := range fields {
			b.Field(i).AppendNull()
			if fields[i].Name == "id" && fields[i].Type == i64 {
				b.Field(i).(*array.Int64Builder).Resize(1)
			}
		}
		bad := b.NewRecord()
		err := w.WriteRowGroup([]Rows{{Record: good}, {Record: bad}})
		require.Error(t, err, c.path)
		assert.True(t, strings.HasPrefix(err.Error(), "parquetfile: "+c.path+": "), "%s: %v", c.path, err)
		bad.Release()
		b.Release()
	}
	require.Error(t, w.WriteRowGroup([]Rows{{Record: good, Index: []int32{10}}}))
	require.Error(t, w.WriteRowGroup([]Rows{{Record: good, Index: []int32{-1}}}))

	require.NoError(t, w.WriteRowGroup([]Rows{{Record: good}}))
	require.NoError(t, w.Close())
	_, rows := read(t, out.Bytes(), memory.DefaultAllocator)
	assert.Equal(t, [][]map[string]any{plainRows([]Rows{{Record: good}})}, rows)
}

func TestNullColumn(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.Null, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	// A column of type null fits any type.
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "i", Type: arrow.Null}, {Name: "n", Type: arrow.Null}}, nil))
	defer b.Release()
	for range 3 {
		b.Field(0).AppendNull()
		b.Field(1).AppendNull()
	}
	record := b.NewRecord()
	defer record.Release()
	data := write(t, schema, [][]Rows{{{Record: record}}}, Options{})
	_, rows := read(t, data, memory.DefaultAllocator)
	assert.Equal(t, [][]map[string]any{{{}, {}, {}}}, rows)
}

// TestCorruptArrays writes arrays with invalid buffers.
func TestCorruptArrays(t *testing.T) {
	bytesOf := func(v ...int32) *memory.Buffer { return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(v)) }
	ints := array.NewData(arrow.PrimitiveTypes.Int32, 2, []*memory.Buffer{nil, bytesOf(1, 2)}, nil, 0, 0)
	bad := []arrow.ArrayData{
		array.NewData(arrow.PrimitiveTypes.Int32, 3, []*memory.Buffer{nil, bytesOf(1)}, nil, 0, 0),
		array.NewData(arrow.PrimitiveTypes.Int32, 9, []*memory.Buffer{memory.NewBufferBytes([]byte{1}),
			bytesOf(1, 2, 3, 4, 5, 6, 7, 8, 9)}, nil, 1, 0),
		array.NewData(arrow.ListOf(arrow.PrimitiveTypes.Int32), 2, []*memory.Buffer{nil, bytesOf(0, 1, 9)},
			[]arrow.ArrayData{ints}, 0, 0),
		array.NewData(arrow.ListOf(arrow.PrimitiveTypes.Int32), 2, []*memory.Buffer{nil, bytesOf(0, 2, -1)},
			[]arrow.ArrayData{ints}, 0, 0),
		array.NewData(structOf(arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int32}), 2, []*memory.Buffer{nil},
			[]arrow.ArrayData{ints}, 1, 1),
		array.NewData(arrow.BinaryTypes.BinaryView, 1, []*memory.Buffer{nil, bytesOf(20, 0, 0, 5)}, nil, 0, 0),
		array.NewData(arrow.BinaryTypes.BinaryView, 1, []*memory.Buffer{nil, bytesOf(-20, 0, 0, 5)}, nil, 0, 0),
		array.NewData(arrow.BinaryTypes.BinaryView, 1, []*memory.Buffer{nil, bytesOf(20, 0, 0, 5),
			memory.NewBufferBytes(make([]byte, 24))}, nil, 0, 0),
		array.NewData(arrow.BinaryTypes.Binary, 2, []*memory.Buffer{nil, bytesOf(0, 9, 2),
			memory.NewBufferBytes(make([]byte, 5))}, nil, 0, 0),
	}
	for i, d := range bad {
		// Arrow refuses to make a record of these arrays.
		schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: d.DataType(), Nullable: true}}, nil)
		tree, err := newTree(schema)
		require.NoError(t, err)
		p := newRowGroup(tree, defaultPageLimits())
		b, err := tree.bind(schema)
		require.NoError(t, err)
		root := &p.layouts[tree.root.id]
		root.ranges, root.entries, root.present = []valueRange{{0, 0, d.Len()}}, d.Len(), d.Len()
		root.ends, root.shift = []int{d.Len()}, []int{0}
		root.paginate()
		var in segments
		in.shift = root.shift
		in.add(b.children[0], d)
		err = p.node(tree.root.children[0], root, in)
		if err == nil {
			err = (&encoder{limits: defaultPageLimits(), buffers: &buffers{}}).encode(&p.columns[0], codecUncompressed, &chunk{})
		}
		require.ErrorContains(t, err, "parquetfile: a", "case %d", i)
	}
}

func TestDecimalWidth(t *testing.T) {
	for p := int32(1); p <= 38; p++ {
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
		n := 1
		for new(big.Int).Lsh(big.NewInt(1), uint(8*n-1)).Cmp(limit) < 0 {
			n++
		}
		assert.Equal(t, n, decimalWidth(p), "precision %d", p)
	}
}
