package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
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
	if g.IntN(2) == 0 { // many small pages
		limits = pageLimits{entries: 1 + g.IntN(20), bytes: 1 + g.IntN(200)}
	}
	data := writePages(t, schema, groups, Options{Codec: Codec(g.IntN(3))}, limits)
	r, err := open(data)
	require.NoError(t, err, "seed %d: %s", seed, schema)
	recs, err := readAll(r, nil)
	require.NoError(t, err, "seed %d: %s", seed, schema)
	for k, rec := range recs {
		require.True(t, r.Schema().Equal(rec.Schema()), "seed %d: %s\n%s", seed, r.Schema(), rec.Schema())
		require.NoError(t, checkRecord(rec), "seed %d: %s", seed, schema)
		for c := range rec.Columns() {
			chosen, err := r.ReadRowGroup(k, []string{rec.ColumnName(c)})
			require.NoError(t, err, "seed %d: %s", seed, schema)
			require.EqualValues(t, 1, chosen.NumCols())
			require.Equal(t, rowsOfColumn(rec, c), rowsOfColumn(chosen, 0), "seed %d: %s", seed, schema)
			chosen.Release()
		}
	}
	// The records remain as they were while others were read.
	var want []map[string]any
	for _, rows := range groups {
		want = append(want, plainRows(rows)...)
	}
	got := rowsOf(recs...)
	require.Equal(t, len(want), len(got), "seed %d", seed)
	for i := range want {
		if !assert.ObjectsAreEqual(want[i], got[i]) {
			require.Equal(t, want[i], got[i], "seed %d: row %d of %s", seed, i, schema)
		}
	}
}

// rowsOfColumn returns the values of a column.
func rowsOfColumn(r arrow.Record, c int) (out []any) {
	for i := range int(r.NumRows()) {
		out = append(out, plain(r.Column(c), i))
	}
	return out
}

func TestReader(t *testing.T) {
	for seed := range uint64(500) {
		readBack(t, seed)
	}
}

// A page of one large value does not fit in the window.
func TestReaderLargeValues(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}, {Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 3 {
		value := bytes.Repeat([]byte("abcdefg"), i*maxWindow/7+i)
		b.Field(0).(*array.StringBuilder).Append(string(value))
		b.Field(1).(*array.BinaryBuilder).Append(value)
		b.Field(0).(*array.StringBuilder).Append("short")
		b.Field(1).AppendNull()
	}
	rec := b.NewRecord()
	defer rec.Release()
	for _, codec := range []Codec{Zstd, Snappy, None} {
		r, err := open(write(t, schema, [][]Rows{{{Record: rec}}}, Options{Codec: codec}))
		require.NoError(t, err)
		got, err := r.ReadRowGroup(0, nil)
		require.NoError(t, err)
		require.NoError(t, checkRecord(got))
		require.True(t, assert.ObjectsAreEqual(rowsOf(rec), rowsOf(got)), codec)
	}
}

// nested returns rows with fields at all levels.
func nested(t *testing.T) (*arrow.Schema, arrow.Record) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "candidate", Nullable: true, Type: arrow.StructOf(
			arrow.Field{Name: "jd", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
			arrow.Field{Name: "jd_more", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
			arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true})},
		{Name: "prv", Nullable: true, Type: arrow.ListOf(arrow.StructOf(
			arrow.Field{Name: "jd", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
			arrow.Field{Name: "fid", Type: arrow.PrimitiveTypes.Int32, Nullable: true}))},
		{Name: "votes", Nullable: true, Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32)},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"id":1,"candidate":{"jd":1.5,"jd_more":2,"name":"a"},"prv":[{"jd":1,"fid":1},{"jd":null,"fid":2},null],"votes":[{"key":"x","value":1}]},
		{"id":2,"candidate":null,"prv":null,"votes":null},
		{"id":3,"candidate":{"jd":null,"jd_more":null,"name":null},"prv":[],"votes":[]}]`))
	require.NoError(t, err)
	return schema, rec
}

func TestReaderColumns(t *testing.T) {
	schema, rec := nested(t)
	r, err := open(write(t, schema, [][]Rows{{{Record: rec}}}, Options{}))
	require.NoError(t, err)
	for _, c := range []struct {
		columns []string
		want    string
	}{
		{nil, `[{"candidate":{"jd":1.5,"jd_more":2,"name":"a"},"id":1,"prv":[{"fid":1,"jd":1},{"fid":2,"jd":null},null],"votes":[{"key":"x","value":1}]}
,{"candidate":null,"id":2,"prv":null,"votes":null}
,{"candidate":{"jd":null,"jd_more":null,"name":null},"id":3,"prv":[],"votes":[]}
]`},
		{[]string{"candidate.jd", "id"}, `[{"candidate":{"jd":1.5},"id":1}
,{"candidate":null,"id":2}
,{"candidate":{"jd":null},"id":3}
]`},
		{[]string{"prv.fid"}, `[{"prv":[{"fid":1},{"fid":2},null]}
,{"prv":null}
,{"prv":[]}
]`},
		{[]string{"votes.value"}, `[{"votes":[{"key":"x","value":1}]}
,{"votes":null}
,{"votes":[]}
]`},
		{[]string{}, "[{}\n,{}\n,{}\n]"},
	} {
		got, err := r.ReadRowGroup(0, c.columns)
		require.NoError(t, err)
		require.NoError(t, checkRecord(got))
		text, err := got.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, c.want, string(text), c.columns)
	}
	for _, name := range []string{"candidate.j", "cand", "", "prv.list.element.jd"} {
		_, err := r.ReadRowGroup(0, []string{"id", name})
		assert.ErrorContains(t, err, `parquetfile: no column "`+name+`"`)
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
	r, err := open(data)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"of": "all files", "block": "here"}, r.Metadata())
	least, greatest, ok := r.Bounds(0, "a")
	assert.True(t, ok)
	assert.Equal(t, []byte{1, 0, 0, 0, 0, 0, 0, 0}, least)
	assert.Equal(t, []byte{3, 0, 0, 0, 0, 0, 0, 0}, greatest)
	assert.EqualValues(t, 3, r.NumRows())
}

// What is close together is read at once, and nothing is read twice.
func TestReaderRequests(t *testing.T) {
	schema := ztfSchema(arrow.BinaryTypes.BinaryView)
	rec := ztfRecord(schema, 600)
	data := write(t, schema, [][]Rows{{{Record: rec}}, {{Record: rec}}}, Options{})
	src := &requests{ReaderAt: bytes.NewReader(data)}
	r, err := OpenReader(src, int64(len(data)))
	require.NoError(t, err)
	assert.Len(t, src.sizes, 1, "the footer")
	src.sizes = nil
	_, err = r.ReadRowGroup(1, []string{"objectId", "candidate.c1", "candidate.c50", "cutoutScience.fileName"})
	require.NoError(t, err)
	assert.LessOrEqual(t, len(src.sizes), 2)
	assert.Less(t, sum(src.sizes), len(data)/10)
	src.sizes = nil
	_, err = r.ReadRowGroup(0, nil)
	require.NoError(t, err)
	_, _, stored := r.RowGroup(0)
	assert.Equal(t, int(stored), sum(src.sizes))
	assert.Len(t, src.sizes, int(stored/(maxWindow-2<<20)), "each nearly as large as the window")
}

func sum(all []int) (n int) {
	for _, v := range all {
		n += v
	}
	return n
}

func TestReaderConcurrent(t *testing.T) {
	schema, rec := nested(t)
	r, err := open(write(t, schema, [][]Rows{{{Record: rec}}, {{Record: rec}, {Record: rec}}}, Options{}))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				got, err := r.ReadRowGroup(i%2, nil)
				if assert.NoError(t, err) {
					assert.EqualValues(t, 3+3*(i%2), got.NumRows())
				}
			}
		})
	}
	wg.Wait()
}

// Files of other writers are left to Arrow's reader.
func TestReaderForm(t *testing.T) {
	_, rec := nested(t)
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &buf, nil, pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	require.NoError(t, w.Write(rec))
	require.NoError(t, w.Close())
	_, err = open(buf.Bytes())
	assert.ErrorIs(t, err, ErrForm)
	assert.ErrorContains(t, err, "parquet-go")

	// Those of pyarrow and others, where they exist.
	_ = filepath.WalkDir("../../../shared", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = open(data)
			assert.ErrorIs(t, err, ErrForm, path)
		}
		return nil
	})
}

// damaged returns what reading a file fails with.
func damaged(data []byte) error {
	r, err := open(data)
	if err == nil {
		_, err = readAll(r, nil)
	}
	return err
}

func TestReaderErrors(t *testing.T) {
	schema, rec := nested(t)
	data := write(t, schema, [][]Rows{{{Record: rec}}}, Options{})
	end := len(data) - 8
	size := int(binary.LittleEndian.Uint32(data[end:]))
	for _, c := range []struct {
		want   string
		change func(b []byte) []byte
	}{
		{"4 bytes are too few for a Parquet file", func(b []byte) []byte { return b[:4] }},
		{"not a Parquet file: it does not end with PAR1", func(b []byte) []byte { return b[:len(b)-1] }},
		{"the footer's length, 16777215 bytes, exceeds the file", func(b []byte) []byte { copy(b[end:], "\xff\xff\xff\x00"); return b }},
		{"footer: thrift:", func(b []byte) []byte { b[end-size+1] = 0xff; return b }},
		{"another writer", func(b []byte) []byte { return bytes.Replace(b, []byte(creator), []byte("starfinch version"), 1) }},
		{"row group 0: column candidate.jd: page 0: its checksum is wrong", func(b []byte) []byte {
			r, err := open(b)
			require.NoError(t, err)
			b[r.footer.groups[0].chunks[1].end()-1] ^= 1
			return b
		}},
	} {
		err := damaged(c.change(bytes.Clone(data)))
		assert.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, "parquetfile: ")
	}
}

// One byte of a file is changed at a time. The pages have checksums, so the rows are
// right or an error.
func TestReaderDamage(t *testing.T) {
	for seed := range uint64(12) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := g.schema()
		groups := g.groups(schema, 10)
		data := write(t, schema, groups, Options{Codec: Codec(seed % 3)})
		release(groups)
		r, err := open(data)
		require.NoError(t, err)
		recs, err := readAll(r, nil)
		require.NoError(t, err)
		want := rowsOf(recs...)
		footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
		for at := range data {
			bad := bytes.Clone(data)
			bad[at] ^= 1 << (at % 8)
			r, err := open(bad)
			if err != nil {
				continue
			}
			recs, err := readAll(r, nil)
			if err != nil {
				continue
			}
			got := rowsOf(recs...)
			if at < footer && !assert.ObjectsAreEqual(want, got) {
				require.Equal(t, want, got, "seed %d, byte %d", seed, at)
			}
		}
		for at := range data {
			require.Error(t, damaged(data[:at]), "seed %d, the first %d bytes", seed, at)
		}
	}
}

// What a footer says is checked when a file is opened.
func TestReaderFooter(t *testing.T) {
	schema, rec := nested(t)
	data := write(t, schema, [][]Rows{{{Record: rec}}}, Options{})
	for _, c := range []struct {
		want   string
		change func(g *group, id *columnChunk)
	}{
		{"row group 0 has 4294967296 rows and 8 of 8 columns", func(g *group, _ *columnChunk) { g.rows = 1 << 32 }},
		{"row group 0 has 3 rows and 7 of 8 columns", func(g *group, _ *columnChunk) { g.chunks = g.chunks[1:] }},
		{"3 rows, but 2 in its row groups", func(g *group, _ *columnChunk) {
			g.rows = 2
			for i := range g.chunks {
				g.chunks[i].values = 2
			}
		}},
		{"physical type 1, not 2: row group 0, column id", func(_ *group, c *columnChunk) { c.phys = 1 }},
		{"bytes at 4 of a file of", func(_ *group, c *columnChunk) { c.stored = 1 << 20 }},
		{"bytes at 0 of a file of", func(_ *group, c *columnChunk) { c.data = 0 }},
		{"4 values in 3 rows", func(_ *group, c *columnChunk) { c.values = 4 }},
		{"another writer: codec 2", func(_ *group, c *columnChunk) { c.codec = 2 }},
		{"another writer: codec 6", func(_ *group, c *columnChunk) { c.elsewhere = true }},
	} {
		r, err := open(data)
		require.NoError(t, err)
		c.change(&r.footer.groups[0], &r.footer.groups[0].chunks[0])
		assert.ErrorContains(t, r.checkGroups(), c.want)
	}
}

// A few bytes that claim to be much more take no memory for it.
func TestReaderClaims(t *testing.T) {
	d := &decoder{}
	_, err := d.inflate([]byte{1, 2, 3}, 1<<30, codecZstd)
	assert.ErrorContains(t, err, "3 bytes cannot hold 1073741824")
	_, err = d.inflate([]byte{0x80, 0x80, 0x80, 0x80, 4, 0}, 1000, codecSnappy)
	assert.ErrorContains(t, err, "not 1000")

	schema, rec := nested(t)
	r, err := open(write(t, schema, [][]Rows{{{Record: rec}}}, Options{}))
	require.NoError(t, err)
	groups := r.footer.groups
	claim := func(want string, column string, change func(g *group, c *columnChunk)) {
		t.Helper()
		g := group{groups[0].rows, append([]columnChunk(nil), groups[0].chunks...)}
		for i, name := range r.names {
			if name == column {
				change(&g, &g.chunks[i])
			}
		}
		r.footer.groups = []group{g}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = r.ReadRowGroup(0, []string{column})
		runtime.ReadMemStats(&after)
		assert.ErrorContains(t, err, want)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	}
	claim("levels make 3 values, not 1073741824", "candidate.jd", func(g *group, _ *columnChunk) { g.rows = 1 << 30 })
	claim("levels make 5 values, not 1073741824", "prv.jd", func(g *group, _ *columnChunk) { g.rows = 1 << 30 })
	claim("its pages hold 5 values, not 1073741824", "prv.jd", func(_ *group, c *columnChunk) { c.values = 1 << 30 })

	// Pages that claim it themselves.
	file := func(h pageHeader, stored int) (b []byte) {
		levels := appendLevelRun(appendLevelRun(nil, 0, h.values, 1), 4, h.values, 4)
		buf := append(make([]byte, maxHeader), levels...)
		var e encoder
		p, err := e.putHeader(new(chunk), h, buf, len(levels), len(levels)+stored, crc32.ChecksumIEEE(levels))
		require.NoError(t, err)
		return append([]byte(magic), p.buf[p.from:]...)
	}
	many := file(pageHeader{pageData, 1 << 30, encodingPlain}, 0)
	long := file(pageHeader{pageData, 5, encodingPlain}, 1<<30)
	for want, b := range map[string][]byte{"1073741824 values cannot be in a file of": many, "page 0: it is longer than its column": long} {
		r.src, r.size = bytes.NewReader(b), int64(len(b))
		claim(want, "prv.jd", func(_ *group, c *columnChunk) {
			c.start, c.stored, c.codec, c.values = 4, int64(len(b)-4), codecUncompressed, 1<<30
		})
	}
}

// Lists that differ in what may be null may have equal levels.
func TestLeafValidity(t *testing.T) {
	v := &levelList{maxDef: 2, entries: 4, count: 2, def: []byte{2, 1, 0, 2}}
	for range 2 {
		assert.Equal(t, bitmap{bits: []byte{0b1001}, n: 4, nulls: 2}, *v.leafValidity(0))
		assert.Equal(t, bitmap{bits: []byte{0b101}, n: 3, nulls: 1}, *v.leafValidity(1))
	}
}

// Any bytes are read, or an error that is not ErrForm once the file was opened.
func FuzzReader(f *testing.F) {
	for seed := range uint64(20) {
		g := newGenerator(seed, memory.DefaultAllocator)
		schema := g.schema()
		groups := g.groups(schema, 20)
		f.Add(write(f, schema, groups, Options{Codec: Codec(seed % 3)}))
		release(groups)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := open(data)
		if err != nil {
			return
		}
		for i := range r.NumRowGroups() {
			rec, err := r.ReadRowGroup(i, nil)
			if err != nil {
				require.False(t, errors.Is(err, ErrForm))
				continue
			}
			require.NoError(t, checkRecord(rec))
			rowsOf(rec)
			rec.Release()
		}
	})
}

// Pages of any content, which checksums keep from FuzzReader.
func FuzzPage(f *testing.F) {
	types := []arrow.DataType{arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Float32, arrow.BinaryTypes.String, arrow.BinaryTypes.BinaryView,
		&arrow.Decimal128Type{Precision: 20}, arrow.Null}
	var fields []arrow.Field
	for i, typ := range types {
		s := arrow.StructOf(arrow.Field{Name: "v", Type: typ, Nullable: true})
		fields = append(fields, arrow.Field{Name: "flat" + string(rune('a'+i)), Type: typ, Nullable: i%2 == 0},
			arrow.Field{Name: "deep" + string(rune('a'+i)), Nullable: true, Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "l", Nullable: true, Type: arrow.ListOf(s)}))})
	}
	schema := arrow.NewSchema(fields, nil)
	tree, err := newTree(schema)
	require.NoError(f, err)
	for i, l := range tree.leaves {
		levels := appendLevels(nil, []byte{0, l.maxRep}, max(l.maxRep, 1))
		if l.maxRep == 0 {
			levels = nil
		}
		if l.maxDef > 0 {
			levels = appendLevels(levels, []byte{l.maxDef, l.maxDef - 1}, l.maxDef)
		}
		f.Add(uint8(i), uint16(2), false, []byte{}, append(levels, 1, 0, 0, 0, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0))
		f.Add(uint8(i), uint16(2), true, []byte{1, 0, 0, 0, 'x', 0, 0, 0, 0}, append(levels, 1, 3, 2))
	}
	f.Fuzz(func(t *testing.T, column uint8, values uint16, indexed bool, dict, page []byte) {
		l := tree.leaves[int(column)%len(tree.leaves)]
		c := &columnChunk{values: int64(values)}
		d := &decoder{dict: dict}
		d.places, _ = appendViews(nil, dict, 0, len(dict)/4)
		v := &leafValues{leaf: l, levelList: &levelList{maxDef: l.maxDef, maxRep: l.maxRep}}
		h := &readHeader{values: int64(values)}
		if indexed && l.node.typ.ID() == arrow.STRING {
			h.encoding = encodingDictionary
		}
		if d.addPage(v, page, h, c) != nil {
			return
		}
		g := &groupReader{file: &Reader{tree: tree}, chosen: make([]bool, len(tree.leaves)), leaves: make([]*leafValues, len(tree.leaves))}
		g.chosen[l.node.id], g.leaves[l.node.id] = true, v
		rows := v.entries - len(v.rep) + bytes.Count(v.rep, []byte{0})
		for _, n := range tree.root.children {
			if g.wants(n) {
				if data, err := g.assemble(n, place{}, rows); err == nil {
					require.NoError(t, checkArray(data))
				}
			}
		}
	})
}
