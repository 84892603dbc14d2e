package alert

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// Rows from before a widening are a separate record; later rows have nulls for
// fields that their writer lacks.
func TestWidening(t *testing.T) {
	wide := ztfSchema("b", `,{"name":"top","type":"string"}`, `,{"name":"mag","type":"float"}`)
	w := file(wide, cat(str("ZTF5"), vint(5), f64(goodJD), f64(1), f64(2), []byte{0, 0, 0x20, 0x41}, str("x")))
	n := file(plain, ztfDatum(1, goodJD))
	d := &Decoder{}
	r := decode(t, d, values(n, n, w, nil, n, w)...)
	require.Len(t, r.Rows, 2)
	assert.Equal(t, []int32{0, 1}, r.Rows[0].From)
	assert.Equal(t, []int32{2, 4, 5}, r.Rows[1].From)
	assert.Nil(t, stream.Field(r.Rows[0].Record, "top"))
	mag := stream.Field(r.Rows[1].Record, "candidate.mag")
	assert.Equal(t, []bool{false, true, false}, []bool{mag.IsNull(0), mag.IsNull(1), mag.IsNull(2)})
	assert.Equal(t, "10", mag.ValueStr(2))
	again := one(t, decode(t, d, values(n, w)...))
	assert.Same(t, r.Rows[1].Record.Schema(), again.Record.Schema())
}

func TestNumbersWiden(t *testing.T) {
	float := ztfSchema("a", `,{"name":"m","type":"float"},{"name":"n","type":"int"}`, "")
	double := ztfSchema("b", `,{"name":"m","type":"double"},{"name":"n","type":"long"}`, "")
	f := file(float, ztfDatum(1, goodJD, []byte{0, 0, 0x20, 0x41}, vint(7)))
	g := file(double, ztfDatum(2, goodJD, f64(10), vint(1<<40)))
	d := &Decoder{}
	decode(t, d, values(f, g)...)
	got := one(t, decode(t, d, values(f, g)...)).Record
	assert.Equal(t, "10", stream.Field(got, "m").ValueStr(0))
	assert.Equal(t, arrow.PrimitiveTypes.Float64, stream.Field(got, "m").DataType())
	assert.Equal(t, "1099511627776", stream.Field(got, "n").ValueStr(1))
}

func TestConflict(t *testing.T) {
	a := file(ztfSchema("a", "", `,{"name":"mag","type":"float"}`), ztfDatum(1, goodJD, []byte{0, 0, 0, 0}))
	b := file(ztfSchema("b", `,{"name":"new","type":"int"}`, `,{"name":"mag","type":"string"}`), ztfDatum(2, goodJD, str("x"), vint(1)))
	c := file(ztfSchema("c", "", `,{"name":"RA","type":"double"}`), ztfDatum(3, goodJD, f64(1)))
	d := &Decoder{}
	for range 2 {
		r := decode(t, d, values(a, b, a, c)...)
		assert.Equal(t, map[int]string{1: "avroarrow: merge: candidate.mag: utf8 does not fit into float32"}, causes(r))
		require.Nil(t, stream.Field(r.Rows[0].Record, "new"), "nothing of a conflicting schema is taken")
	}
}

func TestTooWide(t *testing.T) {
	columns := func(prefix string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"name":"%s%d","type":"null"}`, prefix, i)
		}
		return b.String()
	}
	d := &Decoder{}
	half := file(ztfSchema("a", columns("a", 6000), ""), ztfDatum(1, goodJD))
	other := file(ztfSchema("b", columns("b", 6000), ""), ztfDatum(2, goodJD))
	over := file(ztfSchema("c", columns("c", 10_001), ""), ztfDatum(3, goodJD))
	r := decode(t, d, values(half, other, over, half)...)
	got := causes(r)
	require.Len(t, got, 2)
	assert.Equal(t, `alert: schema too wide for its table: with field "b0" it would have 6000 new columns, at most 1000 are possible`, got[1])
	assert.Contains(t, got[2], "more than 10000 columns")
	assert.Equal(t, []int32{0, 3}, r.Rows[0].From)

	grown := file(ztfSchema("d", columns("d", maxAdded), ""), ztfDatum(4, goodJD))
	alien := file(ztfSchema("e", columns("e", maxAdded+1), ""), ztfDatum(5, goodJD))
	r = decode(t, d, values(grown, alien)...)
	assert.Equal(t, map[int]string{1: `alert: schema too wide for its table: with field "e0" it would have 1001 new columns, at most 1000 are possible`}, causes(r))
}

// Each hostile packet costs every later row, until the bound of the table.
func TestTableBounds(t *testing.T) {
	fixed := func(i int) string {
		return fmt.Sprintf(`["null",{"type":"fixed","name":"f%d","size":30000}]`, i)
	}
	deep := func(i int) string { // 20 levels of long names, to 10 columns
		typ := fmt.Sprintf(`{"type":"record","name":"leaf%d","fields":[`, i) + strings.Repeat(`{"name":"a","type":"null"},`, 9) + `{"name":"b","type":"null"}]}`
		for level := range 20 {
			typ = fmt.Sprintf(`{"type":"record","name":"r%d_%d","fields":[{"name":"%s","type":%s}]}`, i, level, strings.Repeat("n", 250), typ)
		}
		return typ
	}
	chains := func(i int) string { // 33 chains of 90 records, to a column each
		typ := `"null"`
		for level := range 90 {
			typ = fmt.Sprintf(`{"type":"record","name":"c%d_%d","fields":[{"name":"a","type":%s}]}`, i, level, typ)
		}
		return fmt.Sprintf(`{"type":"record","name":"c%d","fields":[{"name":"a","type":%s}%s]}`, i, typ,
			allOf32(fmt.Sprintf("c%d_89", i)))
	}
	for name, c := range map[string]struct {
		typ   func(i int) string
		datum []byte
		fit   int
		cause string
	}{
		"rows": {fixed, vint(0), 4, `with field "x4" it would have 150126 bytes a row, at most 131072 are possible`},
		"elements": {func(i int) string {
			return fmt.Sprintf(`{"type":"array","items":{"type":"fixed","name":"f%d","size":4000}}`, i)
		}, vint(0), 2, `with field "x2" it would have 12003 bytes for an element of each list, at most 8192 are possible`},
		"records": {chains, nil, 3, `with field "x3" it would have 11885 records and lists, at most 10000 are possible`},
		"names":   {deep, nil, 5, `with field "x5" it would have 301856 bytes of column names, at most 262144 are possible`},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decoder{}
			var wide []message
			for i := range c.fit + 1 {
				wide = append(wide, values(file(ztfSchema(fmt.Sprint("s", i), fmt.Sprintf(`,{"name":"x%d","type":%s}`, i, c.typ(i)), ""), ztfDatum(1, goodJD, c.datum)))...)
			}
			r := decode(t, d, append(wide, values(file(plain, ztfDatum(2, goodJD)))...)...)
			assert.Equal(t, map[int]string{c.fit: "alert: schema too wide for its table: " + c.cause}, causes(r))
			r = decode(t, d, append(wide[:c.fit:c.fit], values(file(plain, ztfDatum(2, goodJD)))...)...)
			assert.Empty(t, r.Rejects, "what was admitted stays so")
			first := decode(t, &Decoder{}, values(file(ztfSchema("s", fmt.Sprintf(`,{"name":"x","type":{"type":"record","name":"all","fields":[%s]}}`, allOf(c.fit+1, c.typ)), ""), ztfDatum(1, goodJD, bytes.Repeat(c.datum, c.fit+1))))...)
			assert.Regexp(t, "schema too wide|more than 10000 records", causes(first)[0], "also the first schema of a table")
		})
	}
}

// allOf32 returns 32 fields of a named type, each after a comma.
func allOf32(typ string) string {
	var b strings.Builder
	for i := range 32 {
		fmt.Fprintf(&b, `,{"name":"b%d","type":"%s"}`, i, typ)
	}
	return b.String()
}

// allOf returns n fields of a record.
func allOf(n int, typ func(i int) string) string {
	var fields []string
	for i := range n {
		fields = append(fields, fmt.Sprintf(`{"name":"y%d","type":%s}`, i, typ(i)))
	}
	return strings.Join(fields, ",")
}

// TestTableOfEarlierRelease has a table beyond the bounds: what fits it is still
// archived, and in the memory of a row, not of sixteen.
func TestTableOfEarlierRelease(t *testing.T) {
	var fields []arrow.Field
	for i := range 600 {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("x", i), Type: &arrow.FixedSizeBinaryType{ByteWidth: 65_000}, Nullable: true})
	}
	parsed, _, err := parseSchema(Surveys(), []byte(plain))
	require.NoError(t, err)
	have := arrow.NewSchema(append(withStandard(parsed.Arrow()).Fields(), fields...), nil)
	d := &Decoder{Schemas: &memorySchemas{tables: map[string]*arrow.Schema{"alerts/ztf": have}}}
	mem := checked(t)
	d.Alloc = mem
	defer d.Close()
	r := decode(t, d, values(file(plain, ztfDatum(1, goodJD)))...)
	assert.Same(t, have, one(t, r).Record.Schema())
	assert.Less(t, mem.CurrentAlloc(), 45<<20, "one row takes 39 MB")
	r = decode(t, d, values(file(ztfSchema("b", `,{"name":"new","type":"int"}`, ""), ztfDatum(1, goodJD, vint(1))))...)
	assert.Contains(t, causes(r)[0], "schema too wide")
}

// An invalid packet must not widen a table.
func TestBrokenPacketsWidenNothing(t *testing.T) {
	schema := ztfSchema("b", `,{"name":"evil","type":"int"}`, "")
	good := ztfDatum(1, goodJD, vint(1))
	d := &Decoder{}
	r := decode(t, d, values(file(schema, good[:len(good)-1]), file(schema, append(good, 0)),
		file(schema, ztfDatum(1, 0, vint(1))), file(plain, ztfDatum(1, goodJD)))...)
	assert.Len(t, r.Rejects, 3)
	assert.Nil(t, stream.Field(one(t, stream.Result{Rows: r.Rows}).Record, "evil"))
	r = decode(t, d, values(file(schema, ztfDatum(2, goodJD, vint(1))))...)
	assert.NotNil(t, stream.Field(one(t, r).Record, "evil"))
}

// A table has the types that all published schemas need, but only the columns of
// packets.
func TestKnown(t *testing.T) {
	now := `,{"name":"n","type":"int"},{"name":"none","type":"null"},{"name":"l","type":{"type":"array","items":` +
		`{"type":"record","name":"e","fields":[{"name":"m","type":"float"}]}}},{"name":"d","type":{"type":"map","values":"int"}}`
	later := `,{"name":"new","type":"int"},{"name":"none","type":"string"},{"name":"n","type":"long"},{"name":"l","type":{"type":"array","items":` +
		`{"type":"record","name":"e","fields":[{"name":"m","type":"double"},{"name":"k","type":"int"}]}}},{"name":"d","type":{"type":"map","values":"long"}}`
	nowText, laterText := ztfSchema("a", now, ""), ztfSchema("b", later, `,{"name":"mag","type":"float"}`)
	conflict := ztfSchema("c", `,{"name":"n","type":"string"}`, "")
	ztf := ZTF()
	ztf.Known = [][]byte{[]byte("no schema"), []byte(lsstSchema()), []byte(nowText), []byte(laterText), []byte(conflict)}
	for name, d := range map[string]*Decoder{
		"survey": {Surveys: []Survey{LSST(), ztf}},
		"registry": {Registry: &RegistryCache{Registry: &listing{ids: []uint32{1, 2, 3, 4, 5},
			texts: map[uint32]string{1: "no schema", 2: lsstSchema(), 3: laterText, 5: conflict}}}},
	} {
		t.Run(name, func(t *testing.T) {
			msg := file(nowText, ztfDatum(1, goodJD, vint(7), vint(1), []byte{0, 0, 0x20, 0x41}, vint(0), vint(1), str("k"), vint(3), vint(0)))
			got := one(t, decode(t, d, values(msg, msg)...)).Record
			assert.Equal(t, "int64", stream.Field(got, "n").DataType().String())
			assert.Equal(t, "utf8", stream.Field(got, "none").DataType().String())
			assert.Equal(t, "list<item: struct<m: float64>, nullable>", fmt.Sprint(stream.Field(got, "l").DataType()))
			assert.Contains(t, stream.Field(got, "d").DataType().String(), "int64")
			assert.Nil(t, stream.Field(got, "new"))
			assert.Nil(t, stream.Field(got, "candidate.mag"))
			assert.Equal(t, `{"m":10}`, stream.Field(got, "l").ValueStr(0)[1:9])

			next := file(laterText, ztfDatum(2, goodJD, []byte{0, 0, 0, 0}, vint(1), str("s"), vint(1<<40), vint(0), vint(0)))
			assert.Equal(t, "1099511627776", stream.Field(one(t, decode(t, d, values(next, msg)...)).Record, "n").ValueStr(0))
		})
	}
}

// A table that an earlier release made wider than is possible now takes packets
// without new columns, also if they widen a type.
func TestTooWideBefore(t *testing.T) {
	short := file(ztfSchema("a", `,{"name":"n","type":"int"}`, ""), ztfDatum(1, goodJD, vint(7)))
	long := file(ztfSchema("b", `,{"name":"n","type":"long"}`, ""), ztfDatum(2, goodJD, vint(1<<40)))
	more := file(ztfSchema("c", `,{"name":"new","type":"long"}`, ""), ztfDatum(3, goodJD, vint(1)))
	fields := one(t, decode(t, &Decoder{}, values(short)...)).Record.Schema().Fields()
	for i := range maxColumns {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("x%d", i), Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	}
	d := &Decoder{Schemas: &memorySchemas{tables: map[string]*arrow.Schema{"alerts/ztf": arrow.NewSchema(fields, nil)}}}
	got := causes(decode(t, d, values(short, long, more)...))
	require.Len(t, got, 1)
	assert.Contains(t, got[2], `with field "new" it would have`)
}
