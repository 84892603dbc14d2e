package avroarrow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTypes(t *testing.T) {
	for typ, want := range map[string]string{
		`"null"`: "null", `"boolean"`: "bool", `"int"`: "int32", `"long"`: "int64", `"float"`: "float32",
		`"double"`: "float64", `"bytes"`: "binary_view", `"string"`: "utf8",
		`{"type":"int"}`:                                 "int32",
		`{"type":{"type":"long"}}`:                       "int64",
		`{"type":["null","long"]}`:                       "int64",
		`{"type":"enum","name":"e","symbols":["a","b"]}`: "utf8",
		`{"type":"fixed","name":"f","size":5}`:           "fixed_size_binary[5]",
		`{"type":"array","items":"long"}`:                "list<item: int64, nullable>",
		`{"type":"map","values":["null","double"]}`:      "map<utf8, float64, items_nullable>",
		one(`"int"`):                                                                 "",
		`["null","float"]`:                                                           "float32",
		`["double","null"]`:                                                          "float64",
		`["null"]`:                                                                   "null",
		`["string"]`:                                                                 "utf8",
		`["null","int","long"]`:                                                      "int64",
		`["long","int"]`:                                                             "int64",
		`["float","null","double"]`:                                                  "float64",
		`{"type":"int","logicalType":"date"}`:                                        "date32",
		`{"type":"int","logicalType":"time-millis"}`:                                 "time32[ms]",
		`{"type":"long","logicalType":"time-micros"}`:                                "time64[us]",
		`{"type":"long","logicalType":"timestamp-millis"}`:                           "timestamp[ms, tz=UTC]",
		`{"type":"long","logicalType":"timestamp-micros"}`:                           "timestamp[us, tz=UTC]",
		`{"type":"long","logicalType":"timestamp-nanos"}`:                            "timestamp[ns, tz=UTC]",
		`{"type":"long","logicalType":"local-timestamp-millis"}`:                     "timestamp[ms]",
		`{"type":"long","logicalType":"local-timestamp-micros"}`:                     "timestamp[us]",
		`{"type":"string","logicalType":"uuid"}`:                                     "utf8",
		`{"type":"string","logicalType":"timestamp-millis"}`:                         "utf8",
		`{"type":"long","logicalType":7}`:                                            "int64",
		`{"type":"bytes","logicalType":"decimal","precision":38,"scale":2}`:          "decimal(38, 2)",
		`{"type":"fixed","name":"f","size":4,"logicalType":"decimal","precision":9}`: "decimal(9, 0)",
		`{"type":"fixed","name":"f","size":12,"logicalType":"duration"}`:             "fixed_size_binary[12]",
		`["null",{"type":"array","items":["null",{"type":"long","logicalType":"timestamp-millis"}]}]`: "list<item: timestamp[ms, tz=UTC], nullable>",
	} {
		if want == "" {
			typ, want = `{"type":"record","name":"inner","fields":[{"name":"y","type":"int"}]}`, "struct<y: int32>"
		}
		s, err := Parse([]byte(one(typ)))
		require.NoError(t, err, typ)
		f := s.Arrow().Field(0)
		assert.Equal(t, want, f.Type.String(), typ)
		assert.True(t, f.Nullable, typ)
	}
}

func TestNames(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		want   string
	}{
		"namespace is inherited": {`{"type":"record","name":"t","namespace":"a.b","fields":[
			{"name":"x","type":{"type":"fixed","name":"f","size":3}},{"name":"y","type":"f"},{"name":"z","type":"a.b.f"}]}`,
			"[fixed_size_binary[3] fixed_size_binary[3] fixed_size_binary[3]]"},
		"a full name carries its own": {`{"type":"record","name":"t","namespace":"a","fields":[
			{"name":"x","type":{"type":"record","name":"b.r","namespace":"ignored","fields":[
				{"name":"q","type":{"type":"enum","name":"e","symbols":[]}}]}},
			{"name":"y","type":"b.e"},{"name":"z","type":{"type":"array","items":{"type":"b.r"}}}]}`,
			"[struct<q: utf8> utf8 list<item: struct<q: utf8>, nullable>]"},
		"the empty namespace": {`{"type":"record","name":"t","namespace":"a","fields":[
			{"name":"x","type":{"type":"record","name":"r","namespace":"","fields":[
				{"name":"q","type":{"type":"fixed","name":"f","size":1}},{"name":"p","type":"f"}]}}]}`,
			"[struct<q: fixed_size_binary[1], p: fixed_size_binary[1]>]"},
	} {
		s := parsed(t, c.schema)
		var types []string
		for _, f := range s.Arrow().Fields() {
			types = append(types, f.Type.String())
		}
		assert.Equal(t, c.want, fmt.Sprint(types), name)
	}
	assert.Equal(t, "a.b.t", parsed(t, `{"type":"record","name":"t","namespace":"a.b","fields":[{"name":"x","type":"int"}]}`).Name())
	assert.Equal(t, "t", parsed(t, one(`"int"`)).Name())
}

func TestTakenNames(t *testing.T) {
	s, err := Parse([]byte(record(`{"name":"RA","type":"double"},{"name":"ra_","type":"double"},
		{"name":"c","type":{"type":"record","name":"c","fields":[{"name":"sgmag1","type":"float"},
			{"name":"ra","type":"float"},{"name":"sgmag1","type":"int"},{"name":"SGMAG1","type":"long"}]}}`)), "ra", "Dec")
	require.NoError(t, err)
	assert.Equal(t, "RA_", s.Arrow().Field(0).Name)
	assert.Equal(t, "ra__", s.Arrow().Field(1).Name)
	assert.Equal(t, "struct<sgmag1: float32, ra: float32, sgmag1_: int32, SGMAG1__: int64>", s.Arrow().Field(2).Type.String())
}

func TestWrongDefaultsAreNotRead(t *testing.T) {
	s := parsed(t, `{"type":"record","name":"t","doc":5,"aliases":7,"fields":[
		{"name":"x","type":["float","null"],"default":null,"order":"sideways"},
		{"name":"y","type":"int","default":"text","aliases":"z","doc":[],"logicalType":"timestamp-millis"}]}`)
	assert.Equal(t, 2, s.Arrow().NumFields())
}

func TestSchemaErrors(t *testing.T) {
	chain := func(n int) string { // records that hold each other, by name
		fields := `{"name":"x","type":{"type":"record","name":"r0","fields":[{"name":"x","type":"int"}]}}`
		for i := 1; i < n; i++ {
			fields += fmt.Sprintf(`,{"name":"x","type":{"type":"record","name":"r%d","fields":[{"name":"x","type":"r%d"}]}}`, i, i-1)
		}
		return record(fields)
	}
	doubling := `{"name":"x","type":{"type":"record","name":"r0","fields":[{"name":"x","type":"int"}]}}`
	for i := 1; i < 90; i++ {
		doubling += fmt.Sprintf(`,{"name":"x","type":{"type":"record","name":"r%d","fields":[{"name":"x","type":"r%d"},{"name":"y","type":"r%d"}]}}`, i, i-1, i-1)
	}
	var many, alike, wide strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&many, `,{"name":"f%d","type":"int"}`, i)
	}
	alike.WriteString(strings.Repeat(`,{"name":"f","type":"int"}`, 9_000))
	for i := range 17 {
		fmt.Fprintf(&wide, `,{"name":"f%d","type":{"type":"fixed","name":"f%d","size":65536}}`, i, i)
	}
	for name, c := range map[string]struct{ schema, want string }{
		"no JSON":          {"{", "unexpected end"},
		"text after":       {one(`"int"`) + "x", "invalid character"},
		"not UTF-8":        {one("\"in\xff\""), "not UTF-8"},
		"empty":            {"", "unexpected end"},
		"a string":         {`"string"`, "not a record"},
		"an array":         {`{"type":"array","items":"long"}`, "not a record"},
		"a union":          {`["null","int"]`, "not a record"},
		"no fields":        {`{"type":"record","name":"t"}`, "without fields"},
		"empty fields":     {record(""), "without fields"},
		"nested empty":     {one(`{"type":"record","name":"n","fields":[]}`), "without fields"},
		"no name":          {`{"type":"record","fields":[{"name":"x","type":"int"}]}`, "type name"},
		"field no object":  {record(`5`), "not an object"},
		"field no name":    {record(`{"type":"int"}`), "no name"},
		"field of a name":  {record(alike.String()[1:]), "more than 100 fields of that name"},
		"long name":        {record(`{"name":"` + strings.Repeat("x", 257) + `","type":"int"}`), "name of 257 bytes"},
		"field with a dot": {record(`{"name":"a.b","type":"int"}`), `"a.b"`},
		"field no type":    {record(`{"name":"x"}`), "no type"},
		"type a number":    {one(`5`), "float64"},
		"undefined":        {one(`"dubble"`), `"dubble" is not defined`},
		"defined later":    {record(`{"name":"x","type":"f"},{"name":"y","type":{"type":"fixed","name":"f","size":1}}`), "not defined"},
		"defined twice":    {record(`{"name":"x","type":{"type":"fixed","name":"f","size":1}},{"name":"y","type":{"type":"fixed","name":"f","size":1}}`), "defined twice"},
		"recursive":        {one(`["null","t"]`), "holds itself"},
		"recursive array":  {one(`{"type":"array","items":"t"}`), "holds itself"},
		"union of several": {one(`["null","long","string"]`), "has no column"},
		"union of records": {one(`[{"type":"record","name":"a","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"b","fields":[{"name":"x","type":"int"}]}]`), "has no column"},
		"union int twice":  {one(`["int","int"]`), "has no column"},
		"union null twice": {one(`["null","null"]`), "twice"},
		"union in a union": {one(`[["null","int"],"long"]`), "union within a union"},
		"an empty union":   {one(`[]`), "an empty union"},
		"union date, int":  {one(`["int",{"type":"int","logicalType":"date"}]`), "has no column"},
		"enum no symbols":  {one(`{"type":"enum","name":"e"}`), "no symbols"},
		"enum of numbers":  {one(`{"type":"enum","name":"e","symbols":[1]}`), "symbol"},
		"fixed no size":    {one(`{"type":"fixed","name":"f"}`), "size"},
		"fixed negative":   {one(`{"type":"fixed","name":"f","size":-1}`), "size -1"},
		"fixed of nothing": {one(`{"type":"fixed","name":"f","size":0}`), "size 0"},
		"fixed of half":    {one(`{"type":"fixed","name":"f","size":1.5}`), "size 1.5"},
		"fixed huge":       {one(`{"type":"fixed","name":"f","size":1e18}`), "size 1e+18"},
		"decimal(39)":      {one(`{"type":"bytes","logicalType":"decimal","precision":39}`), "precision 39"},
		"decimal, none":    {one(`{"type":"bytes","logicalType":"decimal"}`), "precision"},
		"decimal scale":    {one(`{"type":"bytes","logicalType":"decimal","precision":3,"scale":4}`), "scale 4"},
		"array no items":   {one(`{"type":"array"}`), "no type"},
		"map no values":    {one(`{"type":"map"}`), "no type"},
		"deep JSON":        {one(strings.Repeat(`{"type":"array","items":`, 50_000) + `"long"` + strings.Repeat("}", 50_000)), "depth"},
		"deep types":       {one(strings.Repeat(`{"type":"array","items":`, 200) + `"long"` + strings.Repeat("}", 200)), "deeper than 100"},
		"deep objects":     {one(strings.Repeat(`{"type":`, 200) + `"long"` + strings.Repeat("}", 200)), "deeper than 100"},
		"deep by name":     {chain(200), "deeper than 100"},
		"doubling by name": {record(doubling), "more than 10000 records and lists"},
		"many columns":     {record(many.String()[1:]), "more than 10000 columns"},
		"wide rows":        {record(wide.String()[1:]), "rows of more than"},
	} {
		s, err := Parse([]byte(c.schema))
		assert.Nil(t, s, name)
		assert.ErrorContains(t, err, c.want, name)
		if err != nil {
			assert.Contains(t, err.Error(), "avroarrow: schema: ", name)
			assert.Less(t, len(err.Error()), 2000, name)
		}
	}
	_, err := Parse([]byte(chain(50)))
	assert.NoError(t, err)
}

func TestLongSchema(t *testing.T) {
	s := parsed(t, `{"type":"record","name":"t","doc":"`+strings.Repeat("x", 5_000_000)+`","fields":[{"name":"x","type":"int"}]}`)
	assert.Equal(t, 1, s.Arrow().NumFields())
}

// Schemas that take much more memory than their text are refused before they do.
func TestSchemasOfMuchMemory(t *testing.T) {
	chain := `"int"`
	for i := range 90 {
		chain = fmt.Sprintf(`{"type":"record","name":"r%d","fields":[{"name":"a","type":%s}]}`, i, chain)
	}
	chains := []string{fmt.Sprintf(`{"name":"x","type":%s}`, chain)}
	for i := range 111 {
		chains = append(chains, fmt.Sprintf(`{"name":"x%d","type":"r89"}`, i))
	}
	for says, text := range map[string]string{
		"more than 10000 records and lists":                      `{"type":"record","name":"a","fields":[` + strings.Join(chains, ",") + `]}`,
		"1500006 brackets, colons and commas, at most 500000":    `{"type":"record","name":"a","fields":[` + strings.Repeat("[],", 749_999) + `[]]}`,
		"bytes, at most 16777216 are possible":                   one(`"int","doc":"` + strings.Repeat("x", 16<<20) + `"`),
		"524299 brackets, colons and commas, at most 500000 are": `{"type":"record","name":"a","fields":[` + strings.Repeat(`{"":`, 262_146) + strings.Repeat("}", 262_146) + `]}`,
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, says)
	}
	_, err := Parse([]byte(`{"type":"record","name":"a","fields":[` + strings.Join(chains[:100], ",") + `]}`))
	assert.NoError(t, err)
}

// A stream of schemas with many columns each does not keep all their programs.
func TestProgramsAreBounded(t *testing.T) {
	var fields []string
	for i := range 2000 {
		fields = append(fields, fmt.Sprintf(`{"name":"x%d","type":"int"}`, i))
	}
	schema := func(n int) *Schema {
		s, err := Parse([]byte(fmt.Sprintf(`{"type":"record","name":"a%d","fields":[%s]}`, n, strings.Join(fields, ","))))
		require.NoError(t, err)
		return s
	}
	b := NewBuilder(memory.DefaultAllocator, schema(0).Arrow())
	defer b.Release()
	datum := memory.NewBufferBytes(make([]byte, 2000))
	for n := range 60 {
		require.NoError(t, b.Append(schema(n), datum, 0, 2000))
		require.LessOrEqual(t, b.ops, maxOps)
	}
	assert.Len(t, b.cache, maxOps/2000)
	assert.Equal(t, 60, b.Len())
}
