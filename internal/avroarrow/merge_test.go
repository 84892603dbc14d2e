package avroarrow

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	inner := func(fields string) string { return `{"type":"record","name":"i","fields":[` + fields + `]}` }
	a, b := `{"name":"a","type":"int"}`, `{"name":"b","type":"string"}`
	array := func(t string) string { return `{"type":"array","items":` + t + `}` }
	maps := func(t string) string { return `{"type":"map","values":` + t + `}` }
	for name, c := range map[string]struct {
		a, b, want string
		same       bool // nothing is added
	}{
		"equal":          {`"int"`, `"int"`, "int32", true},
		"int, long":      {`"int"`, `"long"`, "int64", false},
		"long, int":      {`"long"`, `"int"`, "int64", true},
		"float, double":  {`"float"`, `"double"`, "float64", false},
		"double, float":  {`"double"`, `"float"`, "float64", true},
		"null, record":   {`"null"`, inner(a), "struct<a: int32>", false},
		"record, null":   {inner(a), `"null"`, "struct<a: int32>", true},
		"new field":      {inner(a), inner(b), "struct<a: int32, b: utf8>", false},
		"fewer fields":   {inner(a + "," + b), inner(b), "struct<a: int32, b: utf8>", true},
		"other order":    {inner(a + "," + b), inner(b + "," + a), "struct<a: int32, b: utf8>", true},
		"within a list":  {array(inner(a)), array(inner(b)), "list<item: struct<a: int32, b: utf8>, nullable>", false},
		"list of null":   {array(`"null"`), array(`"int"`), "list<item: int32, nullable>", false},
		"list the same":  {array(`"long"`), array(`"int"`), "list<item: int64, nullable>", true},
		"within a map":   {maps(`"float"`), maps(`"double"`), "map<utf8, float64, items_nullable>", false},
		"map the same":   {maps(`"double"`), maps(`"null"`), "map<utf8, float64, items_nullable>", true},
		"lists of lists": {array(array(`"int"`)), array(array(`"long"`)), "list<item: list<item: int64, nullable>, nullable>", false},
	} {
		x, y := parsed(t, one(c.a)).Arrow(), parsed(t, one(c.b)).Arrow()
		before := x.String()
		m, err := Merge(x, y)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, m.Field(0).Type.String(), name)
		assert.Equal(t, c.same, m == x, name)
		assert.Equal(t, before, x.String(), "%s: a must stay what it was", name)
		again, err := Merge(m, y)
		require.NoError(t, err, name)
		assert.Same(t, m, again, name)
	}
}

func TestMergeKeepsOrderAndMetadata(t *testing.T) {
	meta := arrow.MetadataFrom(map[string]string{"survey": "ztf"})
	x := arrow.NewSchema(parsed(t, record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`)).Arrow().Fields(), &meta)
	y := parsed(t, record(`{"name":"c","type":"int"},{"name":"b","type":"long"},{"name":"d","type":"int"}`)).Arrow()
	m, err := Merge(x, y)
	require.NoError(t, err)
	assert.Equal(t, "survey", m.Metadata().Keys()[0])
	var names []string
	for _, f := range m.Fields() {
		names = append(names, f.Name+" "+f.Type.String())
	}
	assert.Equal(t, []string{"a int32", "b int64", "c int32", "d int32"}, names)
}

func TestMergeConflicts(t *testing.T) {
	rec := func(name, typ string) string {
		return `{"type":"record","name":"i","fields":[{"name":"` + name + `","type":` + typ + `}]}`
	}
	for name, c := range map[string]struct{ a, b, want string }{
		"number, text":  {`"int"`, `"string"`, "x: utf8 does not fit into int32"},
		"int, float":    {`"int"`, `"float"`, "x: float32 does not fit into int32"},
		"long, date":    {`"int"`, `{"type":"int","logicalType":"date"}`, "x: date32 does not fit into int32"},
		"units":         {`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`, "x: timestamp[us, tz=UTC] does not fit into timestamp[ms, tz=UTC]"},
		"array, value":  {`{"type":"array","items":"int"}`, `"int"`, "x: int32 does not fit into list<item: int32, nullable>"},
		"in a struct":   {rec("y", `"int"`), rec("y", `"bytes"`), "x.y: binary_view does not fit into int32"},
		"in a list":     {`{"type":"array","items":` + rec("y", `"int"`) + `}`, `{"type":"array","items":` + rec("y", `"bytes"`) + `}`, "x[].y: binary_view does not fit into int32"},
		"in a map":      {`{"type":"map","values":"int"}`, `{"type":"map","values":"string"}`, "x[].value: utf8 does not fit into int32"},
		"case":          {rec("ra", `"int"`), rec("RA", `"int"`), "x.RA: differs from column x.ra only in case"},
		"fixed, fixed3": {`{"type":"fixed","name":"f","size":2}`, `{"type":"fixed","name":"f","size":3}`, "x: fixed_size_binary[3] does not fit into fixed_size_binary[2]"},
	} {
		m, err := Merge(parsed(t, one(c.a)).Arrow(), parsed(t, one(c.b)).Arrow())
		assert.Nil(t, m, name)
		var conflict *ConflictError
		require.ErrorAs(t, err, &conflict, name)
		assert.EqualError(t, err, "avroarrow: merge: "+c.want, name)
		assert.NotNil(t, conflict.Have, name)
		assert.NotNil(t, conflict.Want, name)
	}
}
