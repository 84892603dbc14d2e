package columns

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func schemaOf(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var candidate = arrow.StructOf(nullable("jd", arrow.PrimitiveTypes.Float64), nullable("magpsf", arrow.PrimitiveTypes.Float32))

var wide = schemaOf(
	nullable("object_id", arrow.BinaryTypes.String),
	nullable("candidate", candidate),
	nullable("prv", arrow.ListOf(candidate)),
	nullable("cutout", arrow.StructOf(nullable("data", arrow.BinaryTypes.Binary))),
	nullable("count", arrow.PrimitiveTypes.Int64),
)

func TestSelect(t *testing.T) {
	for names, want := range map[string]string{
		"":                                     "object_id candidate.jd candidate.magpsf prv.jd prv.magpsf cutout.data count",
		"count object_id":                      "object_id count",
		"candidate.magpsf":                     "candidate.magpsf",
		"candidate.magpsf candidate":           "candidate.jd candidate.magpsf",
		"candidate candidate.magpsf":           "candidate.jd candidate.magpsf",
		"candidate.magpsf candidate.jd prv":    "candidate.jd candidate.magpsf prv.jd prv.magpsf",
		"prv.jd":                               "prv.jd",
		"cutout.data cutout.data candidate.jd": "candidate.jd cutout.data",
	} {
		s, err := Select(wide, strings.Fields(names))
		require.NoError(t, err, names)
		assert.Equal(t, want, strings.Join(Paths(s), " "), names)
	}
	for name, want := range map[string]string{
		"jd":            `no column "jd", did you mean candidate.jd or prv.jd?`,
		"objectid":      `no column "objectid", did you mean object_id?`,
		"candidate.mag": `no column "candidate.mag", did you mean candidate.magpsf or prv.magpsf or candidate.jd?`,
		"Candidate":     `no column "Candidate", did you mean candidate?`,
		"xyzzy_plugh_q": `no column "xyzzy_plugh_q"`,
		"prv.name":      `no column "prv.name"`,
		"count.x":       `no column "count.x": count is int64, which can only be read whole: name count`,
		"":              `no column ""`,
	} {
		_, err := Select(wide, []string{name})
		assert.EqualError(t, err, want)
	}
}

func record(t *testing.T, mem memory.Allocator, s *arrow.Schema, json string) arrow.Record {
	r, _, err := array.RecordFromJSON(mem, s, strings.NewReader(json))
	require.NoError(t, err)
	return r
}

// rows formats a record for comparison.
func rows(r arrow.Record) (out []string) {
	for i := range int(r.NumRows()) {
		var row []string
		for _, c := range r.Columns() {
			row = append(row, c.ValueStr(i))
		}
		out = append(out, strings.Join(row, " "))
	}
	return out
}

func TestConform(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	narrow := schemaOf(
		nullable("count", arrow.PrimitiveTypes.Int32),
		nullable("candidate", arrow.StructOf(nullable("jd", arrow.PrimitiveTypes.Float32))),
		nullable("prv", arrow.ListOf(arrow.StructOf(nullable("magpsf", arrow.PrimitiveTypes.Float32), nullable("jd", arrow.PrimitiveTypes.Float32)))),
		nullable("cutout", arrow.StructOf(nullable("data", arrow.BinaryTypes.Binary))),
		nullable("object_id", arrow.Null),
	)
	in := record(t, mem, narrow, `[
		{"count": 1, "candidate": {"jd": 1.5}, "prv": [{"magpsf": 18.5, "jd": 2}, null], "cutout": {"data": "AQID"}},
		{"count": null, "candidate": null, "prv": null, "cutout": null},
		{"count": 3, "candidate": {"jd": null}, "prv": [], "cutout": {"data": "YSBjdXRvdXQgb2YgbW9yZSB0aGFuIDEyIGJ5dGVz"}},
		{"count": 4, "candidate": {"jd": 4.5}, "prv": [{"magpsf": 19, "jd": null}], "cutout": {"data": null}}]`)
	defer in.Release()
	want := []string{
		`(null) {"jd":1.5,"magpsf":null} [{"jd":2,"magpsf":18.5},null] {"data":"AQID"} 1`,
		`(null) (null) (null) (null) (null)`,
		`(null) {"jd":null,"magpsf":null} [] {"data":"YSBjdXRvdXQgb2YgbW9yZSB0aGFuIDEyIGJ5dGVz"} 3`,
		`(null) {"jd":4.5,"magpsf":null} [{"jd":null,"magpsf":19}] {"data":null} 4`,
	}
	for _, s := range []*arrow.Schema{wide, Views(wide)} {
		for from := range int64(4) { // slices have offsets
			part := in.NewSlice(from, 4)
			out, err := Conform(mem, part, s)
			part.Release()
			require.NoError(t, err)
			assert.True(t, out.Schema().Equal(s))
			assert.Equal(t, want[from:], rows(out), from)
			back, err := Conform(mem, out, Plain(s))
			require.NoError(t, err)
			assert.Equal(t, want[from:], rows(back), from)
			back.Release()
			out.Release()
		}
	}
	_, err := Conform(mem, in, schemaOf(nullable("count", arrow.BinaryTypes.String)))
	assert.EqualError(t, err, "column count: it is int32 in the file, and utf8 in the table")
	_, err = Conform(mem, in, schemaOf(nullable("prv", arrow.ListOf(arrow.StructOf(nullable("new", arrow.BinaryTypes.String), nullable("jd", arrow.BinaryTypes.String))))))
	assert.EqualError(t, err, "column prv: element: jd: it is float32 in the file, and utf8 in the table")
}

func TestConformMaps(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	in := record(t, mem, schemaOf(nullable("m", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32))),
		`[{"m": [{"key": "a", "value": 1}, {"key": "b", "value": null}]}, {"m": null}, {"m": []}]`)
	defer in.Release()
	out, err := Conform(mem, in, schemaOf(nullable("m", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64))))
	require.NoError(t, err)
	defer out.Release()
	assert.Equal(t, rows(in), rows(out))
	assert.Equal(t, arrow.INT64, out.Column(0).DataType().(*arrow.MapType).ItemType().ID())
}

// Absent columns of every type are null.
func TestNulls(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	in := record(t, mem, schemaOf(nullable("x", arrow.PrimitiveTypes.Int32)), `[{"x": 1}, {"x": 2}]`)
	defer in.Release()
	var fields []arrow.Field
	for i, typ := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String,
		arrow.BinaryTypes.Binary, arrow.BinaryTypes.BinaryView, arrow.BinaryTypes.StringView, &arrow.FixedSizeBinaryType{ByteWidth: 3},
		&arrow.Decimal128Type{Precision: 5, Scale: 2}, arrow.FixedWidthTypes.Timestamp_us, candidate, arrow.ListOf(candidate),
		arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32),
	} {
		fields = append(fields, nullable(string(rune('a'+i)), typ))
	}
	out, err := Conform(mem, in, schemaOf(fields...))
	require.NoError(t, err)
	defer out.Release()
	for i, c := range out.Columns() {
		assert.Equal(t, 2, c.Len(), fields[i].Type)
		assert.True(t, c.IsNull(0) && c.IsNull(1) || c.DataType().ID() == arrow.NULL, fields[i].Type)
	}
}

func TestAbsent(t *testing.T) {
	small := schemaOf(nullable("a", arrow.PrimitiveTypes.Int32), nullable("c", candidate))
	inner := arrow.StructOf(append(candidate.Fields(), nullable("new", arrow.PrimitiveTypes.Int32))...)
	large := schemaOf(nullable("b", arrow.BinaryTypes.String), nullable("c", inner), nullable("l", arrow.ListOf(inner)))
	assert.Equal(t, []string{"b", "c.new", "l"}, Absent(large, small))
	assert.Equal(t, []string{"a"}, Absent(small, large))
	assert.Empty(t, Absent(small, small))
}
