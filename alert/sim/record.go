package sim

import (
	"encoding/binary"
	"math"
	"strings"
)

// kind is one of Avro's scalar types.
type kind uint8

const (
	boolean kind = iota
	integer
	long
	float
	double
	text
)

var kinds = map[string]kind{
	"boolean": boolean, "int": integer, "long": long, "float": float, "double": double, "string": text,
}

// columns are consecutive fields of one type. A type with a question mark is
// nullable.
type columns struct{ typ, names string }

// field is a field of a record.
type field struct {
	name     string
	typ      string
	kind     kind
	nullable bool
}

// record is a record type of scalar fields.
type record struct {
	fields    []field
	at        map[string]int
	nullFirst bool // unions are [null, T], as Rubin's; ZTF's are [T, null]
}

func newRecord(nullFirst bool, table []columns) *record {
	r := &record{at: map[string]int{}, nullFirst: nullFirst}
	for _, c := range table {
		typ, nullable := strings.CutSuffix(c.typ, "?")
		for _, name := range strings.Fields(c.names) {
			r.at[name] = len(r.fields)
			r.fields = append(r.fields, field{name, typ, kinds[typ], nullable})
		}
	}
	return r
}

// json returns the record's Avro schema; head are the attributes before fields.
func (r *record) json(head string) string {
	var b strings.Builder
	b.WriteString(`{"type":"record",` + head + `,"fields":[`)
	for i, f := range r.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"name":"` + f.name + `","type":`)
		switch {
		case !f.nullable:
			b.WriteString(`"` + f.typ + `"}`)
		case r.nullFirst:
			b.WriteString(`["null","` + f.typ + `"],"default":null}`)
		default: // a default of null would be invalid
			b.WriteString(`["` + f.typ + `","null"]}`)
		}
	}
	b.WriteString("]}")
	return b.String()
}

// value is a field's value, in the member for its kind.
type value struct {
	set bool
	n   int64 // booleans too
	x   float64
	s   string
}

// row is a record being filled in. Values for names that the record lacks go to
// an extra element and are dropped, so ZTF's two records can share code.
type row struct {
	*record
	values []value
}

func (r *record) row() row { return row{r, make([]value, len(r.fields)+1)} }

func (r row) value(name string) *value {
	i, ok := r.at[name]
	if !ok {
		i = len(r.fields)
	}
	return &r.values[i]
}

func (r row) clear()                     { clear(r.values) }
func (r row) num(name string, x float64) { *r.value(name) = value{set: true, x: x} }
func (r row) whole(name string, n int64) { *r.value(name) = value{set: true, n: n} }
func (r row) text(name string, s string) { *r.value(name) = value{set: true, s: s} }
func (r row) null(names ...string) {
	for _, name := range names {
		*r.value(name) = value{}
	}
}

// append appends the row as Avro. A field without a value is null or zero.
func (r row) append(b []byte) []byte {
	for i := range r.fields {
		b = r.appendField(b, i, &r.values[i])
	}
	return b
}

// project appends this row's values as another record, whose field i is field
// indices[i] here.
func (r row) project(b []byte, to *record, indices []int) []byte {
	for i, from := range indices {
		b = to.appendField(b, i, &r.values[from])
	}
	return b
}

// appendField appends a value as that of field i.
func (r *record) appendField(b []byte, i int, v *value) []byte {
	f := &r.fields[i]
	if f.nullable {
		b = append(b, unionBranch(v.set, r.nullFirst))
		if !v.set {
			return b
		}
	}
	return v.append(b, f.kind)
}

// unionBranch returns the encoded branch of a union with null.
func unionBranch(set, nullFirst bool) byte {
	if set == nullFirst {
		return 2
	}
	return 0
}

func (v *value) append(b []byte, k kind) []byte {
	switch k {
	case boolean:
		return append(b, byte(v.n))
	case integer, long:
		return binary.AppendVarint(b, v.n)
	case float:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v.x)))
	case double:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.x))
	}
	return appendText(b, v.s)
}

// appendText appends an Avro string or bytes.
func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}
