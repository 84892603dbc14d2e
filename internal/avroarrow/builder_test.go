package avroarrow

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// richJSON has a column of every layout, at the top, in a nullable struct and
// in a list.
const richJSON = `{"type":"record","name":"rich","fields":[
	{"name":"id","type":"long"},
	{"name":"name","type":["null","string"]},
	{"name":"cut","type":["bytes","null"]},
	{"name":"c","type":["null",{"type":"record","name":"c","fields":[
		{"name":"jd","type":"double"},{"name":"fid","type":["int","null"]},{"name":"ok","type":["null","boolean"]},
		{"name":"five","type":["null",{"type":"fixed","name":"five","size":5}]},
		{"name":"tags","type":{"type":"array","items":["null","string"]}}]}]},
	{"name":"prv","type":["null",{"type":"array","items":{"type":"record","name":"p","fields":[
		{"name":"mag","type":["null","float"]},{"name":"cut","type":"bytes"},
		{"name":"more","type":{"type":"map","values":["null","long","int"]}}]}}]}]}`

// random writes a datum of a schema's node.
func random(r *rand.Rand, n *node) []byte {
	switch n.kind {
	case kindBoolean:
		return []byte{byte(r.IntN(2))}
	case kindInt:
		return vint(int64(int32(r.Uint32()) >> r.IntN(32)))
	case kindLong:
		return vint(int64(r.Uint64()) >> r.IntN(64))
	case kindFloat:
		return f32(r.Float32())
	case kindDouble:
		return f64(r.Float64())
	case kindString, kindBytes:
		return text("some text that need not be inline"[:r.IntN(33)])
	case kindFixed:
		return []byte("abcdefghij")[:n.size]
	case kindEnum:
		return vint(int64(r.IntN(len(n.symbols))))
	case kindUnion:
		k := r.IntN(len(n.branches))
		return cat(vint(int64(k)), random(r, n.branches[k]))
	case kindRecord:
		var out []byte
		for _, f := range n.fields {
			out = append(out, random(r, f.node)...)
		}
		return out
	case kindArray, kindMap:
		count := r.IntN(4)
		var out []byte
		for range count {
			if n.kind == kindMap {
				out = append(out, text("key")...)
			}
			out = append(out, random(r, n.elem)...)
		}
		if count == 0 {
			return vint(0)
		}
		return cat(vint(int64(count)), out, vint(0))
	}
	return nil
}

func randoms(s *Schema, seed uint64, n int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([][]byte, n)
	for i := range out {
		out[i] = random(r, s.root)
	}
	return out
}

// TestEqualRowsAreEqualBytes compares all that a record hands over, under
// nulls too, with dirty memory.
func TestEqualRowsAreEqualBytes(t *testing.T) {
	s := parsed(t, richJSON)
	datums := randoms(s, 21, 203)
	x := built(t, checked(t), s.Arrow(), s, datums...)
	defer x.Release()
	y := built(t, memory.NewGoAllocator(), s.Arrow(), s, datums...)
	defer y.Release()
	for i := range x.Columns() {
		sameBytes(t, x.Column(i).Data(), y.Column(i).Data(), x.ColumnName(i))
	}
}

func sameBytes(t *testing.T, x, y arrow.ArrayData, path string) {
	for i, b := range x.Buffers() {
		if b == nil {
			assert.Nil(t, y.Buffers()[i], path)
			continue
		}
		assert.Equal(t, y.Buffers()[i].Bytes(), b.Bytes(), "%s: buffer %d", path, i)
	}
	for i, child := range x.Children() {
		sameBytes(t, child, y.Children()[i], fmt.Sprintf("%s.%d", path, i))
	}
}

// TestFailuresLeaveNoTrace puts truncated and damaged datums between valid ones.
func TestFailuresLeaveNoTrace(t *testing.T) {
	mem := checked(t)
	s := parsed(t, richJSON)
	good := randoms(s, 1, 200)
	want := built(t, mem, s.Arrow(), s, good...)
	defer want.Release()
	r := rand.New(rand.NewPCG(3, 4))
	b := NewBuilder(mem, s.Arrow())
	defer b.Release()
	failures := 0
	for range 2 { // the second time with buffers of the right size
		for i, d := range good {
			for range 3 {
				bad := append([]byte(nil), good[r.IntN(len(good))]...)
				if r.IntN(2) == 0 {
					bad = bad[:r.IntN(len(bad))]
				} else {
					bad = append(bad, 0)
				}
				require.Error(t, appendTo(b, s, bad))
				require.Equal(t, i, b.Len())
				failures++
			}
			require.NoError(t, appendTo(b, s, d))
		}
		got := b.NewRecord()
		assert.Empty(t, recordsDiffer(want, got))
		assert.Equal(t, want.Column(0).Data().Len(), got.Column(0).Data().Len())
		got.Release()
	}
	assert.Equal(t, 1200, failures)
}

func TestTruncate(t *testing.T) {
	mem := checked(t)
	s := parsed(t, richJSON)
	other := parsed(t, record(`{"name":"prv","type":{"type":"array","items":{"type":"record","name":"p","fields":[{"name":"mag","type":"double"}]}}},{"name":"id","type":"int"}`))
	target, err := Merge(s.Arrow(), other.Arrow())
	require.NoError(t, err)
	good, narrow := randoms(s, 2, 60), randoms(other, 5, 60)
	for _, n := range []int{-1, 0, 1, 7, 8, 29, 30, 31, 59, 60, 61} {
		want, b := NewBuilder(mem, target), NewBuilder(mem, target)
		for i := range good {
			w, d := s, good[i]
			if i/10%2 == 1 {
				w, d = other, narrow[i]
			}
			require.NoError(t, appendTo(b, w, d))
			if i < n || n < 0 {
				require.NoError(t, appendTo(want, w, d))
			}
		}
		b.Truncate(n)
		assert.Equal(t, want.Len(), b.Len())
		for i := range good[:40] { // later datums are unaffected
			w, d := other, narrow[i]
			if i > 20 {
				w, d = s, good[i]
			}
			require.NoError(t, appendTo(b, w, d))
			require.NoError(t, appendTo(want, w, d))
		}
		x, y := want.NewRecord(), b.NewRecord()
		assert.Empty(t, recordsDiffer(x, y), "cut to %d", n)
		for i := range x.Columns() { // nothing of the rows that were cut is left
			sameBytes(t, x.Column(i).Data(), y.Column(i).Data(), x.ColumnName(i))
		}
		x.Release()
		y.Release()
		want.Release()
		b.Release()
	}
}

// TestWiderTarget appends several writers' datums, alternating and in runs, to
// a target that none of them fills.
func TestWiderTarget(t *testing.T) {
	mem := checked(t)
	writers := []*Schema{
		parsed(t, record(`{"name":"a","type":"int"},{"name":"s","type":["null",{"type":"record","name":"s","fields":[{"name":"x","type":"float"}]}]}`)),
		parsed(t, record(`{"name":"l","type":{"type":"array","items":{"type":"record","name":"e","fields":[{"name":"p","type":"int"}]}}},{"name":"a","type":"long"}`)),
		parsed(t, record(`{"name":"l","type":{"type":"array","items":{"type":"record","name":"e","fields":[{"name":"q","type":"string"},{"name":"p","type":"long"}]}}},
			{"name":"s","type":{"type":"record","name":"s","fields":[{"name":"t","type":["null","string"]},{"name":"x","type":"double"}]}},
			{"name":"m","type":{"type":"map","values":"null"}},{"name":"n","type":"null"}`)),
		parsed(t, record(`{"name":"m","type":{"type":"map","values":"int"}},{"name":"n","type":["null","bytes"]},{"name":"b","type":"boolean"}`)),
	}
	target := writers[0].Arrow()
	var err error
	for _, w := range writers {
		target, err = Merge(target, w.Arrow())
		require.NoError(t, err)
	}
	r := rand.New(rand.NewPCG(8, 9))
	b, alone := NewBuilder(mem, target), NewBuilder(mem, target)
	defer b.Release()
	defer alone.Release()
	var of []int
	var datums [][]byte
	for i := range 100 {
		w := r.IntN(len(writers))
		if i > 50 {
			w = i / 12 % len(writers)
		}
		of, datums = append(of, w), append(datums, random(r, writers[w].root))
		require.NoError(t, appendTo(b, writers[w], datums[i]))
		if w < len(writers)-1 {
			assert.Error(t, appendTo(b, writers[w], append([]byte(nil), datums[i][:len(datums[i])-1]...)))
		}
	}
	got := b.NewRecord()
	defer got.Release()
	for i := range of {
		require.NoError(t, appendTo(alone, writers[of[i]], datums[i]))
		one := alone.NewRecord()
		assert.Empty(t, rowsDiffer(got, i, one, 0))
		for _, f := range target.Fields() {
			if !writers[of[i]].Arrow().HasField(f.Name) {
				assert.True(t, got.Column(target.FieldIndices(f.Name)[0]).IsNull(i), "row %d: %s", i, f.Name)
			}
		}
		one.Release()
	}
}

func TestWidening(t *testing.T) {
	s := parsed(t, record(`{"name":"i","type":["null","int"]},{"name":"f","type":"float"},{"name":"u","type":["int","null"]}`))
	target := arrow.NewSchema([]arrow.Field{
		{Name: "u", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	r := built(t, checked(t), target, s, cat(vint(1), vint(-7), f32(0.1), vint(0), vint(3)), cat(vint(0), f32(2), vint(1)))
	defer r.Release()
	assert.JSONEq(t, `[{"u":3,"f":0.10000000149011612,"i":-7},{"u":null,"f":2,"i":null}]`, asJSON(t, r))
}

func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct{ have, want, path string }{
		"long into int":      {`"int"`, `"long"`, "x"},
		"double into float":  {`"float"`, `"double"`, "x"},
		"int into double":    {`"double"`, `"int"`, "x"},
		"date into long":     {`"long"`, `{"type":"int","logicalType":"date"}`, "x"},
		"long into time":     {`{"type":"long","logicalType":"timestamp-millis"}`, `"long"`, "x"},
		"millis into micros": {`{"type":"long","logicalType":"timestamp-micros"}`, `{"type":"long","logicalType":"timestamp-millis"}`, "x"},
		"bytes into string":  {`"string"`, `"bytes"`, "x"},
		"string into bytes":  {`"bytes"`, `"string"`, "x"},
		"fixed sizes":        {`{"type":"fixed","name":"f","size":2}`, `{"type":"fixed","name":"f","size":3}`, "x"},
		"array into int":     {`"int"`, `{"type":"array","items":"int"}`, "x"},
		"map into int":       {`"int"`, `{"type":"map","values":"int"}`, "x"},
		"map into array":     {`{"type":"array","items":"int"}`, `{"type":"map","values":"int"}`, "x"},
		"record into array":  {`{"type":"array","items":"int"}`, innerJSON, "x"},
		"within a record":    {innerJSON, `{"type":"record","name":"inner","fields":[{"name":"y","type":"string"}]}`, "x.y"},
		"within an array":    {`{"type":"array","items":"int"}`, `{"type":"array","items":["null","string"]}`, "x[]"},
		"within a map":       {`{"type":"map","values":"int"}`, `{"type":"map","values":"string"}`, "x[].value"},
		"numbers":            {`"int"`, `["int","long"]`, "x"},
		"value into nothing": {`"null"`, `"int"`, "x"},
	} {
		target, s := parsed(t, one(c.have)).Arrow(), parsed(t, one(c.want))
		b := NewBuilder(checked(t), target)
		var conflict *ConflictError
		for range 2 { // the second time from the cache
			err := appendTo(b, s, random(rand.New(rand.NewPCG(1, 1)), s.root))
			require.ErrorAs(t, err, &conflict, name)
			assert.Equal(t, c.path, conflict.Path, name)
		}
		assert.Len(t, b.cache, 1)
		good := parsed(t, one(c.have))
		require.NoError(t, appendTo(b, good, random(rand.New(rand.NewPCG(1, 1)), good.root)), name)
		b.Release()
	}
}

func TestMissingColumn(t *testing.T) {
	target := parsed(t, one(innerJSON)).Arrow()
	s := parsed(t, one(`{"type":"record","name":"i","fields":[{"name":"Y","type":"int"}]}`))
	b := NewBuilder(checked(t), target)
	defer b.Release()
	assert.EqualError(t, appendTo(b, s, vint(1)), "avroarrow: x.Y: the target has no such column")
}

func TestForeignColumnsAreNull(t *testing.T) {
	target := arrow.NewSchema([]arrow.Field{
		{Name: "u", Type: arrow.PrimitiveTypes.Uint16, Nullable: true},
		{Name: "x", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
	s := parsed(t, one(`"int"`))
	r := built(t, checked(t), target, s, vint(1), vint(2))
	defer r.Release()
	assert.JSONEq(t, `[{"u":null,"x":1},{"u":null,"x":2}]`, asJSON(t, r))
}

func TestNewRecordIsEmptyAgain(t *testing.T) {
	mem := checked(t)
	s := parsed(t, richJSON)
	b := NewBuilder(mem, s.Arrow())
	defer b.Release()
	empty := b.NewRecord()
	assert.Equal(t, int64(0), empty.NumRows())
	empty.Release()
	for seed, n := range []int{300, 10, 0, 500} {
		datums := randoms(s, uint64(seed), n)
		for _, d := range datums {
			require.NoError(t, appendTo(b, s, d))
		}
		r, want := b.NewRecord(), built(t, mem, s.Arrow(), s, datums...)
		assert.Equal(t, 0, b.Len())
		assert.Empty(t, recordsDiffer(want, r))
		r.Release()
		want.Release()
	}
}

func TestCacheIsBounded(t *testing.T) {
	b := NewBuilder(checked(t), parsed(t, one(`"long"`)).Arrow())
	defer b.Release()
	for i := range 3 * maxPrograms {
		require.NoError(t, appendTo(b, parsed(t, one(`"int"`)), vint(int64(i))))
	}
	assert.Len(t, b.cache, maxPrograms)
	r := b.NewRecord()
	defer r.Release()
	for i := range 3 * maxPrograms {
		assert.Equal(t, int64(i), r.Column(0).(*array.Int64).Value(i))
	}
}

func TestColumn(t *testing.T) {
	s := parsed(t, richJSON)
	b := NewBuilder(checked(t), s.Arrow())
	defer b.Release()
	for _, path := range []string{"", "x", "c.x", "id.x", "prv.mag", "c.jd.x", ".", "c."} {
		assert.Nil(t, b.Column(path), path)
	}
	id, name, cut, jd, fid := b.Column("id"), b.Column("name"), b.Column("cut"), b.Column("c.jd"), b.Column("c.fid")
	for range 2 { // columns outlive records
		assert.True(t, id.IsNull(0))
		full := cat(vint(1<<40), vint(1), text("ZTF"), vint(0), text("more than twelve bytes"),
			vint(1), f64(2458451.75), vint(0), vint(-3), vint(0), vint(0), vint(0), vint(0))
		nulls := cat(vint(2), vint(0), vint(1), vint(0), vint(0))
		require.NoError(t, appendTo(b, s, full))
		for want, got := range map[string]string{
			"1099511627776":          shown(id.Int64(0)),
			"1.099511627776e+12":     shown(id.Float64(0)),
			"2.45845175e+06":         shown(jd.Float64(0)),
			"-3":                     shown(fid.Int64(0)),
			"ZTF":                    shown(name.Bytes(0)),
			"more than twelve bytes": shown(cut.Bytes(0)),
		} {
			assert.Equal(t, want, got)
		}
		assert.Equal(t, "null", shown(jd.Int64(0)))
		assert.Equal(t, "null", shown(id.Bytes(0)))
		assert.Equal(t, "null", shown(name.Float64(0)))

		require.NoError(t, appendTo(b, s, nulls))
		require.NoError(t, appendTo(b, parsed(t, record(`{"name":"id","type":"int"}`)), vint(3)))
		for i := 1; i <= 2; i++ {
			for _, c := range []*Column{name, cut, jd, fid} {
				assert.True(t, c.IsNull(i))
				assert.Equal(t, "null", shown(c.Float64(i)))
				assert.Equal(t, "null", shown(c.Bytes(i)))
			}
		}
		assert.False(t, jd.IsNull(0))
		assert.Equal(t, "3", shown(id.Int64(2)))
		assert.True(t, id.IsNull(3))
		assert.True(t, id.IsNull(-1))
		b.NewRecord().Release()
	}
}

// shown is what a column returned, or "null".
func shown[T any](v T, ok bool) string {
	if !ok {
		return "null"
	}
	if b, isBytes := any(v).([]byte); isBytes {
		return string(b)
	}
	return fmt.Sprint(v)
}

// TestMessagesAreReleased counts the references to a message whose rows were
// truncated.
func TestMessagesAreReleased(t *testing.T) {
	mem := checked(t)
	s := parsed(t, one(`"bytes"`))
	b := NewBuilder(mem, s.Arrow())
	defer b.Release()
	for range 3 {
		message := memory.NewResizableBuffer(mem)
		datum := text("the first, long enough for a view")
		message.Resize(2 * len(datum))
		copy(message.Bytes(), datum)
		copy(message.Bytes()[len(datum):], text("and second, long enough for a view")[:len(datum)])
		message.Bytes()[len(datum)] = datum[0]
		require.NoError(t, b.Append(s, message, 0, len(datum)))
		require.NoError(t, b.Append(s, message, len(datum), 2*len(datum)))
		require.Error(t, b.Append(s, message, 0, len(datum)+1))
		message.Release()
	}
	bad := append(text("a datum with a byte left over"), 0)
	require.Error(t, appendTo(b, s, bad))
	assert.Len(t, b.views.bufs, 3)
	b.Truncate(3)
	assert.Len(t, b.views.bufs, 2)
	r := b.NewRecord()
	assert.Empty(t, b.views.bufs)
	assert.Equal(t, "the first, long enough for a view", string(r.Column(0).(*array.BinaryView).Value(2)))
	assert.Equal(t, "and second, long enough for a vie", string(r.Column(0).(*array.BinaryView).Value(1)))
	r.Release()
}
