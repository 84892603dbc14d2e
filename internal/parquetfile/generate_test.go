package parquetfile

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// generator returns random schemas, records and rows for a seed.
type generator struct {
	*rand.Rand
	mem memory.Allocator
	// One in nulls values is null; none if 0.
	nulls int
}

func newGenerator(seed uint64, mem memory.Allocator) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), mem: mem}
	g.nulls = []int{0, 2, 10, 100}[g.IntN(4)]
	return g
}

func leafTypes() []arrow.DataType {
	return []arrow.DataType{
		arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int32,
		arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Float32,
		arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String,
		arrow.BinaryTypes.Binary,
		arrow.BinaryTypes.BinaryView,
		arrow.BinaryTypes.StringView,
		&arrow.FixedSizeBinaryType{ByteWidth: 5},
		&arrow.FixedSizeBinaryType{ByteWidth: 40},
		&arrow.Decimal128Type{Precision: 4, Scale: 1},
		&arrow.Decimal128Type{Precision: 20, Scale: 0},
		&arrow.Decimal128Type{Precision: 38, Scale: 10},
		arrow.FixedWidthTypes.Date32,
		arrow.FixedWidthTypes.Time32ms,
		arrow.FixedWidthTypes.Time64us,
		&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"},
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
		&arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"},
		&arrow.TimestampType{Unit: arrow.Millisecond},
		&arrow.TimestampType{Unit: arrow.Microsecond},
		&arrow.TimestampType{Unit: arrow.Nanosecond},
	}
}

func (g *generator) dataType(depth int) arrow.DataType {
	if depth > 0 {
		switch g.IntN(7) {
		case 0, 1:
			return arrow.StructOf(g.fields(1+g.IntN(4), depth-1)...)
		case 2, 3:
			return arrow.ListOfField(g.field("item", depth-1))
		case 4:
			key := leafTypes()[1+g.IntN(5)]
			m := arrow.MapOf(key, g.dataType(depth-1))
			m.SetItemNullable(g.IntN(2) == 0)
			return m
		}
	}
	types := leafTypes()
	return types[g.IntN(len(types))]
}

func (g *generator) field(name string, depth int) arrow.Field {
	return arrow.Field{Name: name, Type: g.dataType(depth), Nullable: g.IntN(4) > 0}
}

func (g *generator) fields(n, depth int) []arrow.Field {
	var fields []arrow.Field
	for i := range n {
		fields = append(fields, g.field(fmt.Sprint("f", i), depth))
	}
	return fields
}

func (g *generator) schema() *arrow.Schema {
	return arrow.NewSchema(g.fields(1+g.IntN(6), g.IntN(5)), nil)
}

// narrow returns fields of a record that fit a file with the given fields: some of
// them, in another order, with narrower types.
func (g *generator) narrow(fields []arrow.Field) []arrow.Field {
	var out []arrow.Field
	for _, i := range g.Perm(len(fields)) {
		f := fields[i]
		if f.Nullable && g.IntN(4) == 0 && !(i == 0 && len(out) == 0) {
			continue
		}
		f.Type = g.narrowType(f.Type)
		out = append(out, f)
	}
	if len(out) == 0 {
		return fields[:1]
	}
	return out
}

func (g *generator) narrowType(typ arrow.DataType) arrow.DataType {
	switch typ := typ.(type) {
	case *arrow.StructType:
		return arrow.StructOf(g.narrow(typ.Fields())...)
	case *arrow.ListType:
		f := typ.ElemField()
		f.Type = g.narrowType(f.Type)
		return arrow.ListOfField(f)
	case *arrow.MapType:
		m := arrow.MapOf(g.narrowType(typ.KeyType()), g.narrowType(typ.ItemType()))
		m.SetItemNullable(typ.ItemField().Nullable)
		return m
	}
	if g.IntN(2) == 0 {
		return typ
	}
	switch typ.ID() {
	case arrow.INT64:
		return arrow.PrimitiveTypes.Int32
	case arrow.FLOAT64:
		return arrow.PrimitiveTypes.Float32
	case arrow.STRING:
		return arrow.BinaryTypes.StringView
	case arrow.STRING_VIEW:
		return arrow.BinaryTypes.String
	case arrow.BINARY:
		return arrow.BinaryTypes.BinaryView
	case arrow.BINARY_VIEW:
		return arrow.BinaryTypes.Binary
	}
	return typ
}

// record returns a record of n rows, sometimes as a slice of a longer one.
func (g *generator) record(schema *arrow.Schema, n int) arrow.Record {
	b := array.NewRecordBuilder(g.mem, schema)
	defer b.Release()
	skip, more := g.IntN(2)*g.IntN(20), g.IntN(2)*g.IntN(20)
	for i, f := range schema.Fields() {
		for range skip + n + more {
			g.append(b.Field(i), f.Type, f.Nullable)
		}
	}
	whole := b.NewRecord()
	if skip+more == 0 {
		return whole
	}
	defer whole.Release()
	return whole.NewSlice(int64(skip), int64(skip+n))
}

func (g *generator) append(b array.Builder, typ arrow.DataType, nullable bool) {
	if nullable && g.nulls > 0 && g.IntN(g.nulls) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range typ.(*arrow.StructType).Fields() {
			g.append(b.FieldBuilder(i), f.Type, f.Nullable)
		}
	case *array.ListBuilder:
		b.Append(true)
		f := typ.(*arrow.ListType).ElemField()
		for range g.length() {
			g.append(b.ValueBuilder(), f.Type, f.Nullable)
		}
	case *array.MapBuilder:
		b.Append(true)
		m := typ.(*arrow.MapType)
		for range g.length() {
			g.append(b.KeyBuilder(), m.KeyType(), false)
			g.append(b.ItemBuilder(), m.ItemType(), m.ItemField().Nullable)
		}
	default:
		g.appendLeaf(b, typ)
	}
}

func (g *generator) length() int {
	if g.IntN(3) == 0 {
		return 0
	}
	return g.IntN(5)
}

func (g *generator) appendLeaf(b array.Builder, typ arrow.DataType) {
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(g.IntN(2) == 0)
	case *array.Int32Builder:
		b.Append(int32(g.integer()))
	case *array.Int64Builder:
		b.Append(g.integer())
	case *array.Float32Builder:
		b.Append(float32(g.float()))
	case *array.Float64Builder:
		b.Append(g.float())
	case *array.StringBuilder:
		b.Append(g.text())
	case *array.StringViewBuilder:
		b.Append(g.text())
	case *array.BinaryBuilder:
		b.Append([]byte(g.text()))
	case *array.BinaryViewBuilder:
		b.Append([]byte(g.text()))
	case *array.FixedSizeBinaryBuilder:
		v := make([]byte, typ.(*arrow.FixedSizeBinaryType).ByteWidth)
		for i := range v {
			v[i] = byte(g.Uint32())
		}
		b.Append(v)
	case *array.Decimal128Builder:
		b.Append(g.decimal(typ.(*arrow.Decimal128Type).Precision))
	case *array.Date32Builder:
		b.Append(arrow.Date32(g.IntN(40000) - 20000))
	case *array.Time32Builder:
		b.Append(arrow.Time32(g.IntN(86400000)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(g.Int64N(86400000000)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(g.Int64N(1<<52) - 1<<51))
	}
}

func (g *generator) integer() int64 {
	switch g.IntN(4) {
	case 0:
		return int64(g.Uint64())
	case 1:
		return 7
	}
	return int64(g.IntN(1000)) - 500
}

func (g *generator) float() float64 {
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324, 1}
	if g.IntN(3) == 0 {
		return special[g.IntN(len(special))]
	}
	return g.NormFloat64()
}

func (g *generator) text() string {
	words := []string{"", "r", "candidate", "ZTF18abcdefg", "exactly12byt", "exactly13byte"}
	switch g.IntN(4) {
	case 0:
		long := make([]byte, g.IntN(100))
		for i := range long {
			long[i] = byte('a' + g.IntN(26))
		}
		return string(long)
	case 1:
		return fmt.Sprint("filter ", g.IntN(30))
	}
	return words[g.IntN(len(words))]
}

func (g *generator) decimal(precision int32) decimal128.Num {
	limit := decimal128.GetMaxValue(precision)
	n := decimal128.New(int64(g.Uint64()), g.Uint64())
	if _, n = n.Div(limit); g.IntN(3) == 0 {
		n = limit
	}
	if g.IntN(2) == 0 {
		n = n.Negate()
	}
	return n
}

// pick returns rows of a record: all, or some in any order.
func (g *generator) pick(r arrow.Record) Rows {
	n := int(r.NumRows())
	if g.IntN(3) == 0 {
		return Rows{Record: r}
	}
	index := []int32{}
	for i := range n {
		if g.IntN(3) > 0 {
			index = append(index, int32(i))
		}
	}
	if g.IntN(4) == 0 {
		g.Shuffle(len(index), func(i, j int) { index[i], index[j] = index[j], index[i] })
	}
	return Rows{Record: r, Index: index}
}

// groups returns row groups of the schema.
func (g *generator) groups(schema *arrow.Schema, rows int) [][]Rows {
	groups := make([][]Rows, 1+g.IntN(3))
	for i := range groups {
		for range 1 + g.IntN(3) {
			s := schema
			if g.IntN(2) == 0 {
				s = arrow.NewSchema(g.narrow(schema.Fields()), nil)
			}
			groups[i] = append(groups[i], g.pick(g.record(s, g.IntN(rows))))
		}
	}
	return groups
}

func release(groups [][]Rows) {
	for _, group := range groups {
		for _, r := range group {
			r.Record.Release()
		}
	}
}
