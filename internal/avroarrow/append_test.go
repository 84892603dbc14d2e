package avroarrow

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	enumJSON  = `{"type":"enum","name":"e","symbols":["red","green"]}`
	fixedJSON = `{"type":"fixed","name":"f","size":3}`
	innerJSON = `{"type":"record","name":"inner","fields":[{"name":"y","type":"int"},{"name":"z","type":["null","string"]}]}`
)

// TestValues reads one datum of every type, and a null before and after it
// where there is one.
func TestValues(t *testing.T) {
	long13 := "thirteen byte"
	for name, c := range map[string]struct {
		typ   string
		datum []byte
		want  string // as JSON
	}{
		"boolean":          {`"boolean"`, []byte{1}, "true"},
		"int":              {`"int"`, vint(math.MinInt32), "-2147483648"},
		"int of 10 bytes":  {`"int"`, []byte{0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, "1"},
		"long":             {`"long"`, vint(math.MinInt64), "-9223372036854775808"},
		"float":            {`"float"`, f32(-1.5), "-1.5"},
		"double":           {`"double"`, f64(0.1), "0.1"},
		"string":           {`"string"`, text("ZTF✨\x00é"), `"ZTF✨\u0000é"`},
		"empty string":     {`"string"`, text(""), `""`},
		"bytes":            {`"bytes"`, text("\xff\x00\x01"), `"/wAB"`},
		"12 bytes":         {`"bytes"`, text(long13[:12]), `"dGhpcnRlZW4gYnl0"`},
		"13 bytes":         {`"bytes"`, text(long13), `"dGhpcnRlZW4gYnl0ZQ=="`},
		"no bytes":         {`"bytes"`, text(""), `""`},
		"enum":             {enumJSON, vint(1), `"green"`},
		"fixed":            {fixedJSON, []byte("abc"), `"YWJj"`},
		"null":             {`"null"`, nil, "null"},
		"record":           {innerJSON, cat(vint(7), vint(1), text("q")), `{"y":7,"z":"q"}`},
		"record with null": {innerJSON, cat(vint(7), vint(0)), `{"y":7,"z":null}`},
		"array":            {`{"type":"array","items":"int"}`, cat(vint(2), vint(5), vint(6), vint(0)), "[5,6]"},
		"array of blocks":  {`{"type":"array","items":"int"}`, cat(vint(1), vint(5), vint(-2), vint(2), vint(6), vint(7), vint(0)), "[5,6,7]"},
		"empty array":      {`{"type":"array","items":"int"}`, vint(0), "[]"},
		"arrays": {`{"type":"array","items":{"type":"array","items":"long"}}`,
			cat(vint(3), vint(1), vint(9), vint(0), vint(0), vint(2), vint(1), vint(2), vint(0), vint(0)), "[[9],[],[1,2]]"},
		"array of records": {`{"type":"array","items":["null",` + innerJSON + `]}`,
			cat(vint(2), vint(0), vint(1), vint(4), vint(0), vint(0)), `[null,{"y":4,"z":null}]`},
		"array of nulls": {`{"type":"array","items":"null"}`, cat(vint(3), vint(0)), "[null,null,null]"},
		"map": {`{"type":"map","values":["null","int"]}`,
			cat(vint(2), text("a"), vint(1), vint(3), text("a"), vint(0), vint(0)), `[{"key":"a","value":3},{"key":"a","value":null}]`},
		"union null":    {`["null"]`, vint(0), "null"},
		"union of one":  {`["int"]`, cat(vint(0), vint(8)), "8"},
		"index padded":  {`["null","int"]`, cat([]byte{0x82, 0}, vint(8)), "8"},
		"int in union":  {`["int","long"]`, cat(vint(0), vint(-5)), "-5"},
		"long in union": {`["int","long"]`, cat(vint(1), vint(1<<40)), "1099511627776"},
		"null of three": {`["int","null","long"]`, vint(1), "null"},
		"float, double": {`["null","float","double"]`, cat(vint(1), f32(0.5)), "0.5"},
		"timestamp":     {`{"type":"long","logicalType":"timestamp-millis"}`, vint(1543471445998), `"2018-11-29 06:04:05.998Z"`},
		"date":          {`{"type":"int","logicalType":"date"}`, vint(17864), `"2018-11-29"`},
		"decimal":       {`{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}`, text("\xfe\xff"), `"-2.57"`},
		"fixed decimal": {`{"type":"fixed","size":20,"name":"f","logicalType":"decimal","precision":5,"scale":1}`, append(make([]byte, 18), 1, 0), `"25.6"`},
	} {
		t.Run(name, func(t *testing.T) {
			mem := checked(t)
			plain := parsed(t, one(c.typ))
			r := built(t, mem, plain.Arrow(), plain, c.datum, c.datum)
			defer r.Release()
			want := `{"x":` + c.want + `}`
			assert.JSONEq(t, "["+want+","+want+"]", asJSON(t, r))
			checkSkip(t, plain, c.datum)
			if c.typ[0] == '[' || c.typ == `"null"` {
				return
			}
			for _, order := range []int{0, 1} {
				typ := []string{`["null",` + c.typ + `]`, `[` + c.typ + `,"null"]`}[order]
				s, null, value := parsed(t, one(typ)), vint(int64(order)), cat(vint(int64(1-order)), c.datum)
				r := built(t, mem, plain.Arrow(), s, null, value, null)
				defer r.Release()
				assert.JSONEq(t, `[{"x":null},`+want+`,{"x":null}]`, asJSON(t, r))
				assert.Equal(t, 2, r.Column(0).NullN())
				checkSkip(t, s, value)
			}
		})
	}
}

func asJSON(t *testing.T, r arrow.Record) string {
	t.Helper()
	rows := array.RecordToStructArray(r)
	defer rows.Release()
	json, err := rows.MarshalJSON()
	require.NoError(t, err)
	return string(json)
}

func checkSkip(t *testing.T, s *Schema, datum []byte) {
	t.Helper()
	n, err := s.Skip(append(bytes.Clone(datum), 0xff, 0xff))
	require.NoError(t, err)
	assert.Equal(t, len(datum), n)
}

// TestRefused has a datum of each kind that must be refused, and the error.
func TestRefused(t *testing.T) {
	array, nulls, m := `{"type":"array","items":"int"}`, `{"type":"array","items":"null"}`, `{"type":"map","values":"int"}`
	dec := `{"type":"bytes","logicalType":"decimal","precision":2}`
	dec38 := `{"type":"bytes","logicalType":"decimal","precision":38}`
	decFixed := `{"type":"fixed","size":2,"name":"f","logicalType":"decimal","precision":2}`
	many := cat(bytes.Repeat([]byte{0xff}, 30))
	for name, c := range map[string]struct {
		typ   string
		datum []byte
		want  string
	}{
		"nothing":             {`"long"`, nil, "x: cut short"},
		"long cut":            {`"long"`, []byte{0x80}, "x: cut short"},
		"long without end":    {`"long"`, many, "x: number beyond 64 bits"},
		"long of 11 bytes":    {`"long"`, append(bytes.Repeat([]byte{0x80}, 10), 0), "x: number beyond 64 bits"},
		"long of 65 bits":     {`"long"`, append(bytes.Repeat([]byte{0xff}, 9), 2), "x: number beyond 64 bits"},
		"int 2^31":            {`"int"`, vint(1 << 31), "x: int beyond 32 bits"},
		"int -2^31-1":         {`"int"`, vint(-1<<31 - 1), "x: int beyond 32 bits"},
		"int without end":     {`"int"`, many, "x: number beyond 64 bits"},
		"float cut":           {`"float"`, []byte{1, 2, 3}, "x: cut short"},
		"double cut":          {`"double"`, make([]byte, 7), "x: cut short"},
		"boolean 2":           {`"boolean"`, []byte{2}, "x: boolean"},
		"no boolean":          {`"boolean"`, nil, "x: cut short"},
		"string cut":          {`"string"`, cat(vint(5), []byte("abcd")), "x: cut short"},
		"string negative":     {`"string"`, vint(-1), "x: negative length"},
		"string 2^62":         {`"string"`, cat(vint(1<<62), []byte("abc")), "x: cut short"},
		"string no UTF-8":     {`"string"`, text("a\xff"), "x: text that is not UTF-8"},
		"string surrogate":    {`"string"`, text("\xed\xa0\x80"), "x: text that is not UTF-8"},
		"bytes cut":           {`"bytes"`, cat(vint(5), []byte("abcd")), "x: cut short"},
		"bytes negative":      {`"bytes"`, vint(-9), "x: negative length"},
		"fixed cut":           {fixedJSON, []byte("ab"), "x: cut short"},
		"enum 2":              {enumJSON, vint(2), "x: enum symbol"},
		"enum -1":             {enumJSON, vint(-1), "x: enum symbol"},
		"enum cut":            {enumJSON, nil, "x: cut short"},
		"branch 2":            {`["null","int"]`, vint(2), "x: union branch"},
		"branch -1":           {`["null","int"]`, vint(-1), "x: union branch"},
		"branch 2^60":         {`["null","int"]`, vint(1 << 60), "x: union branch"},
		"branch -1 of one":    {`["int"]`, vint(-1), "x: union branch"},
		"branch 1 of one":     {`["int"]`, vint(1), "x: union branch"},
		"branch 1 of null":    {`["null"]`, vint(1), "x: union branch"},
		"branch 3 of numbers": {`["int","null","long"]`, vint(3), "x: union branch"},
		"branch - of numbers": {`["int","null","long"]`, vint(-1), "x: union branch"},
		"branch none":         {`["int","null","long"]`, nil, "x: cut short"},
		"branch missing":      {`["null","int"]`, nil, "x: cut short"},
		"wide int in union":   {`["int","long"]`, cat(vint(0), vint(1<<31)), "x: int beyond 32 bits"},
		"array 2^40":          {array, cat(vint(1<<40), vint(1)), "x: cut short"},
		"array -2^40":         {array, cat(vint(-1<<40), vint(1), vint(1)), "x: cut short"},
		"array least":         {array, cat(vint(math.MinInt64), vint(1), vint(1)), "x: negative length"},
		"array size negative": {array, cat(vint(-1), vint(-1), vint(1), vint(0)), "x: negative length"},
		"array size 2^40":     {array, cat(vint(-1), vint(1<<40), vint(1), vint(0)), "x: cut short"},
		"array without end":   {array, cat(vint(1), vint(1)), "x: cut short"},
		"array element":       {array, cat(vint(1), vint(1<<31), vint(0)), "x[]: int beyond 32 bits"},
		"nulls 2^40":          {nulls, cat(vint(1<<40), vint(0)), "x: list elements"},
		"nulls in blocks":     {nulls, append(bytes.Repeat(vint(1<<15), 40), 0), "x: list elements"},
		"map 2^40":            {m, cat(vint(1<<40), text("a"), vint(1)), "x: cut short"},
		"map key":             {m, cat(vint(1), text("\xff"), vint(1), vint(0)), "x[].key: text that is not UTF-8"},
		"map value":           {m, cat(vint(1), text("a"), vint(1<<31), vint(0)), "x[].value: int beyond 32 bits"},
		"decimal 100":         {dec, text("\x64"), "x: decimal"},
		"decimal -100":        {dec, text("\x9c"), "x: decimal"},
		"decimal 2^64":        {dec, text("\x01\x00\x00\x00\x00\x00\x00\x00\x00"), "x: decimal"},
		"decimal of 17 bytes": {dec, text("\x01" + string(make([]byte, 16))), "x: decimal"},
		"decimal -2^127-":     {dec38, text("\xff\x7f" + string(bytes.Repeat([]byte{0xff}, 15))), "x: decimal"},
		"decimal 2^127":       {dec38, text("\x00\x80" + string(make([]byte, 15))), "x: decimal"},
		"decimal cut":         {decFixed, []byte{1}, "x: cut short"},
		"record field":        {innerJSON, vint(1 << 31), "x.y: int beyond 32 bits"},
		"record in an array": {`{"type":"array","items":` + innerJSON + `}`,
			cat(vint(1), vint(1), vint(5), vint(0)), "x[].z: union branch"},
	} {
		mem := checked(t)
		s := parsed(t, one(c.typ))
		b := NewBuilder(mem, s.Arrow())
		err := appendTo(b, s, c.datum)
		assert.ErrorContains(t, err, "avroarrow: "+c.want, name)
		assert.Equal(t, 0, b.Len(), name)
		_, skipErr := s.Skip(c.datum)
		assert.EqualError(t, skipErr, err.Error(), name)
		b.Release()
	}
}

func TestDecimalBounds(t *testing.T) {
	s := parsed(t, one(`{"type":"bytes","logicalType":"decimal","precision":2}`))
	r := built(t, checked(t), s.Arrow(), s, text("\x63"), text("\x9d"), text(""), text("\x00\x00\x00\x63"),
		text(string(bytes.Repeat([]byte{0xff}, 20))+"\x9d"))
	defer r.Release()
	var got []string
	for i := range int(r.NumRows()) {
		got = append(got, r.Column(0).ValueStr(i))
	}
	assert.Equal(t, []string{"99", "-99", "0", "99", "-99"}, got)
}

// TestNullRecordsAreBounded has elements of one byte that take a thousand
// columns each.
func TestNullRecordsAreBounded(t *testing.T) {
	var fields []string
	for i := range 1000 {
		fields = append(fields, fmt.Sprintf(`{"name":"a%d","type":"double"}`, i))
	}
	s := parsed(t, one(`{"type":"array","items":["null",{"type":"record","name":"n","fields":[`+strings.Join(fields, ",")+`]}]}`))
	mem := &meter{Allocator: checked(t)}
	b := NewBuilder(mem, s.Arrow())
	defer b.Release()
	const n = 10_000 // which would be 80 MB
	datum := cat(vint(n), make([]byte, n), vint(0))
	assert.ErrorIs(t, appendTo(b, s, datum), errMemory)
	_, err := s.Skip(datum)
	assert.ErrorIs(t, err, errMemory)
	assert.Less(t, mem.peak, 4<<20)
	const few = 20
	assert.NoError(t, appendTo(b, s, cat(vint(few), make([]byte, few), vint(0))))
}

// TestSkipChargesTheDatum has a long tail that must not count for the datum.
func TestSkipChargesTheDatum(t *testing.T) {
	s := parsed(t, one(`{"type":"array","items":"null"}`))
	datum := cat(vint(1<<19), vint(0))
	_, err := s.Skip(append(datum, make([]byte, 1<<20)...))
	assert.ErrorIs(t, err, errMemory)
	_, err = s.Skip(append(vint(1<<15), make([]byte, 1<<16)...))
	assert.NoError(t, err)
}

func TestLeftOver(t *testing.T) {
	s := parsed(t, one(`"int"`))
	b := NewBuilder(checked(t), s.Arrow())
	defer b.Release()
	assert.ErrorIs(t, appendTo(b, s, []byte{2, 2}), errLeftOver)
	assert.Equal(t, 0, b.Len())
	buf := memory.NewBufferBytes([]byte{9, 2, 9})
	require.NoError(t, b.Append(s, buf, 1, 2))
	for _, span := range [][2]int{{-1, 1}, {2, 1}, {1, 4}} {
		assert.Error(t, b.Append(s, buf, span[0], span[1]))
	}
	assert.Equal(t, 1, b.Len())
}

func TestFloatsKeepTheirBits(t *testing.T) {
	s := parsed(t, record(`{"name":"f","type":"float"},{"name":"d","type":"double"}`))
	const f, d = 0x7fc0dead, 0xfff8000000c0ffee // NaNs with a payload
	r := built(t, checked(t), s.Arrow(), s, cat(f32(math.Float32frombits(f)), f64(math.Float64frombits(d))),
		cat(f32(float32(math.Copysign(0, -1))), f64(math.Copysign(0, -1))))
	defer r.Release()
	assert.Equal(t, uint32(f), math.Float32bits(r.Column(0).(*array.Float32).Value(0)))
	assert.Equal(t, uint64(d), math.Float64bits(r.Column(1).(*array.Float64).Value(0)))
	assert.Equal(t, uint32(1<<31), math.Float32bits(r.Column(0).(*array.Float32).Value(1)))
	assert.Equal(t, uint64(1<<63), math.Float64bits(r.Column(1).(*array.Float64).Value(1)))
}

func TestBytesAreNotCopied(t *testing.T) {
	mem := checked(t)
	s := parsed(t, record(`{"name":"x","type":"bytes"},{"name":"y","type":"bytes"}`))
	message := memory.NewResizableBuffer(mem)
	datum := cat(text("the bytes of a cutout"), text("and of another"))
	message.Resize(len(datum))
	copy(message.Bytes(), datum)
	b := NewBuilder(mem, s.Arrow())
	require.NoError(t, b.Append(s, message, 0, len(datum)))
	at := &message.Bytes()[1]
	message.Release() // the builder keeps what its views point into
	r := b.NewRecord()
	b.Release()
	assert.Equal(t, "the bytes of a cutout", string(r.Column(0).(*array.BinaryView).Value(0)))
	assert.Same(t, at, &r.Column(0).(*array.BinaryView).Value(0)[0])
	assert.Equal(t, "and of another", string(r.Column(1).(*array.BinaryView).Value(0)))
	r.Release()
}

func TestBinaryTarget(t *testing.T) {
	s := parsed(t, one(`["null","bytes"]`))
	target := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.BinaryTypes.Binary, Nullable: true}}, nil)
	r := built(t, checked(t), target, s, cat(vint(1), text("\xff, not UTF-8")), vint(0))
	defer r.Release()
	assert.Equal(t, "\xff, not UTF-8", r.Column(0).(*array.Binary).ValueString(0))
	assert.True(t, r.Column(0).IsNull(1))
}
