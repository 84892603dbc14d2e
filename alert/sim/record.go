package sim

import (
	"encoding/binary"
	"math"
	"strings"
)

// kind is one of Avro's types that hold one value.
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

// columns are fields of one type that follow each other, as the tables of the
// schemas have them. A type with a question mark may be null.
type columns struct{ typ, names string }

// field is one of a record.
type field struct {
	name     string
	typ      string
	kind     kind
	nullable bool
}

// record is a record type made of simple fields, and knows how to write one.
type record struct {
	fields    []field
	at        map[string]int
	nullFirst bool // of unions: Rubin writes [null, T], ZTF [T, null]
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

// json returns the record's Avro schema. head is what stands before its fields.
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
		default: // no default: one of null would break Avro's rules here
			b.WriteString(`["` + f.typ + `","null"]}`)
		}
	}
	b.WriteString("]}")
	return b.String()
}

// value is what a field holds: that of its kind.
type value struct {
	set bool
	n   int64 // booleans too
	x   float64
	s   string
}

// row is a record being filled in. A name that the record has not goes to a
// place behind its fields, so that tables of two surveys can share code.
type row struct {
	*record
	values []value
}

func (r *record) row() row { return row{r, make([]value, len(r.fields)+1)} }

func (r row) place(name string) *value {
	i, ok := r.at[name]
	if !ok {
		i = len(r.fields)
	}
	return &r.values[i]
}

func (r row) clear()                     { clear(r.values) }
func (r row) num(name string, x float64) { *r.place(name) = value{set: true, x: x} }
func (r row) whole(name string, n int64) { *r.place(name) = value{set: true, n: n} }
func (r row) text(name string, s string) { *r.place(name) = value{set: true, s: s} }
func (r row) null(names ...string) {
	for _, name := range names {
		*r.place(name) = value{}
	}
}

// append writes the row as Avro. A field without a value is null, or zero.
func (r row) append(b []byte) []byte {
	for i := range r.fields {
		b = r.appendField(b, i, &r.values[i])
	}
	return b
}

// project writes the fields of another record from this row's values: places
// says where each of them is here, -1 for nowhere.
func (r row) project(b []byte, to *record, places []int) []byte {
	for i, place := range places {
		if place < 0 {
			place = len(r.fields)
		}
		b = to.appendField(b, i, &r.values[place])
	}
	return b
}

// appendField writes a value as that of field i.
func (r *record) appendField(b []byte, i int, v *value) []byte {
	f := &r.fields[i]
	if f.nullable {
		b = append(b, union(v.set, r.nullFirst))
		if !v.set {
			return b
		}
	}
	return v.append(b, f.kind)
}

// union is the number of the branch of a union with null.
func union(set, nullFirst bool) byte {
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

// appendText writes Avro's string or bytes.
func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}
