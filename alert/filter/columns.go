package filter

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Column is a column that is computed from others, by an expression of the language of
// filters: a condition, a number, a text or a time.
type Column struct {
	Name   string
	Expr   string
	Survey string // empty: any survey's

	names *names
	place string
}

// ReadColumns reads the columns of all files *.yml and *.yaml of a directory and those
// below it: of their key compute, a map of names and expressions. In an expression
// the names of other columns of its file stand for these, like blocks.
func ReadColumns(fsys fs.FS, dir string) ([]*Column, error) {
	dirs, err := readFolders(fsys, dir)
	if err != nil {
		return nil, err
	}
	var all []*Column
	for _, name := range sorted(dirs) {
		all = append(all, dirs[name].columns...)
	}
	return all, nil
}

// Computed is a number of columns that are compiled for the columns of one table. It
// may be used concurrently.
type Computed struct {
	set     *Set
	columns []*Column
	parts   []*part
}

// CompileColumns compiles columns for records of a schema. A column that the schema has
// not is null in expressions, so that packets of older versions will do.
func CompileColumns(columns []*Column, schema *arrow.Schema) (*Computed, error) {
	c := &Computed{set: newSet(schema, true), columns: columns}
	for _, col := range columns {
		if len(schema.FieldIndices(col.Name)) > 0 {
			return nil, fmt.Errorf("filter: %s: there is a column %s already", col.place, col.Name)
		}
		p, err := c.set.expression(&Filter{Name: col.Name, Where: col.Expr, names: col.names, place: col.place}, false)
		if err != nil {
			return nil, err
		}
		if p.term.kind == kindOther || p.term.scope > 0 {
			return nil, fmt.Errorf("filter: %s: column %s is neither a condition, a number, a text nor a time", col.place, col.Name)
		}
		c.parts = append(c.parts, p)
	}
	return c, nil
}

// Needs returns the columns that the expressions need, as Set.Columns does.
func (c *Computed) Needs() []string {
	var terms []*term
	for _, p := range c.parts {
		terms = append(terms, p.term)
	}
	return c.set.needs(terms)
}

// Fields returns the fields of the columns.
func (c *Computed) Fields() []arrow.Field {
	types := map[kind]arrow.DataType{kindNull: arrow.Null, kindBool: arrow.FixedWidthTypes.Boolean, kindInt: arrow.PrimitiveTypes.Int64,
		kindFloat: arrow.PrimitiveTypes.Float64, kindTime: arrow.FixedWidthTypes.Timestamp_us, kindText: arrow.BinaryTypes.String}
	var fields []arrow.Field
	for i, col := range c.columns {
		fields = append(fields, arrow.Field{Name: col.Name, Type: types[c.parts[i].term.kind], Nullable: true})
	}
	return fields
}

// Add returns the record with the columns appended. The caller must release it, and still
// owns the old one. Of an alert whose history is too long, the columns that need it
// are null.
func (c *Computed) Add(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	fields := c.Fields()
	builders := make([]array.Builder, len(fields))
	for i, f := range fields {
		builders[i] = array.NewBuilder(memory.DefaultAllocator, f.Type)
		defer builders[i].Release()
	}
	r := c.set.runs.Get().(*run)
	r.open(rec)
	defer func() { r.close(); c.set.runs.Put(r) }()
	for from, rows := 0, int(rec.NumRows()); from < rows; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := r.move(from, rows-from)
		for i, p := range c.parts {
			v, err := r.verdict(p)
			if err != nil {
				builders[i].AppendNulls(n)
				continue
			}
			v.build(builders[i], n)
		}
		from += n
	}
	columns := slices.Clone(rec.Columns())
	for _, b := range builders {
		a := b.NewArray()
		defer a.Release()
		columns = append(columns, a)
	}
	metadata := rec.Schema().Metadata()
	return array.NewRecord(arrow.NewSchema(append(slices.Clone(rec.Schema().Fields()), fields...), &metadata), columns, rec.NumRows()), nil
}

// build appends n values to a builder.
func (v *vector) build(b array.Builder, n int) {
	for i := range n {
		if v.valid[i/64]>>(i%64)&1 == 0 {
			b.AppendNull()
			continue
		}
		switch b := b.(type) {
		case *array.BooleanBuilder:
			b.Append(v.truth[i/64]>>(i%64)&1 == 1)
		case *array.Int64Builder:
			b.Append(v.ints[i])
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(v.ints[i]))
		case *array.Float64Builder:
			b.Append(v.floats[i])
		case *array.StringBuilder:
			b.Append(v.texts[i])
		}
	}
}
