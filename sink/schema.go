package sink

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/avroarrow"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

// tableSchema holds the schemas that a batch has for a table.
type tableSchema struct {
	wide   *arrow.Schema       // has the columns of all of them
	format *parquetfile.Format // of files with the schema wide
	number int                 // a record of the table's schema chain that has all columns of wide; 0 if unknown
	// A transform may make a new schema for each record, so an equal one of
	// distinct represents it.
	distinct        []*arrow.Schema
	representatives map[*arrow.Schema]*arrow.Schema
}

// maxSchemas is the number of schemas of a table that are remembered.
const maxSchemas = 64

// represent returns the schema that represents s, or nil if s is not remembered.
func (t *tableSchema) represent(s *arrow.Schema) *arrow.Schema {
	if same := t.representatives[s]; same != nil {
		return same
	}
	if len(t.representatives) >= maxSchemas {
		clear(t.representatives)
	}
	if i := slices.IndexFunc(t.distinct, s.Equal); i >= 0 {
		t.representatives[s] = t.distinct[i]
		return t.distinct[i]
	}
	return nil
}

// remember makes s represent itself and equal schemas.
func (t *tableSchema) remember(s *arrow.Schema) {
	if len(t.distinct) >= maxSchemas {
		t.distinct = nil
	}
	t.distinct = append(t.distinct, s)
	t.representatives[s] = s
}

// admit widens the format to hold rows of s. It reports unsupported types before
// any rows are spilled.
func (t *tableSchema) admit(s *arrow.Schema, o parquetfile.Options) error {
	wide, err := widened(t.wide, s)
	if err != nil || wide == t.wide {
		return err
	}
	format, err := parquetfile.NewFormat(wide, o)
	if err != nil {
		return err
	}
	t.wide, t.format = wide, format
	return nil
}

// widened returns the narrowest schema without views that can hold rows of both
// schemas. It returns a itself if a can. a may be nil.
func widened(a, b *arrow.Schema) (*arrow.Schema, error) {
	b = flatSchema(b)
	if a == nil {
		return b, nil
	}
	wide, err := avroarrow.Merge(a, b)
	if err != nil {
		return nil, err
	}
	wide = arrow.NewSchema(relax(relax(wide.Fields(), a.Fields()), b.Fields()), nil)
	if wide.Equal(a) {
		return a, nil
	}
	return wide, nil
}

// relax makes the columns nullable that are nullable in s or absent from it.
func relax(wide, s []arrow.Field) []arrow.Field {
	index := make(map[string]int, len(s))
	for i, f := range s {
		index[f.Name] = i
	}
	out := slices.Clone(wide)
	for i := range out {
		k, ok := index[out[i].Name]
		if !ok {
			out[i].Nullable = true
			continue
		}
		out[i] = relaxField(out[i], s[k])
	}
	return out
}

// relaxField is relax for a column, or for the elements of a list or a map, whose
// names are ignored.
func relaxField(wide, s arrow.Field) arrow.Field {
	if s.Nullable || s.Type.ID() == arrow.NULL {
		wide.Nullable = true
	}
	if wide.Type.ID() != s.Type.ID() {
		return wide
	}
	switch typ := wide.Type.(type) {
	case *arrow.StructType:
		wide.Type = arrow.StructOf(relax(typ.Fields(), s.Type.(*arrow.StructType).Fields())...)
	case *arrow.ListType:
		wide.Type = arrow.ListOfField(relaxField(typ.ElemField(), s.Type.(*arrow.ListType).ElemField()))
	case *arrow.MapType:
		wide.Type = mapOf(typ.KeyType(), relaxField(typ.ItemField(), s.Type.(*arrow.MapType).ItemField()))
	}
	return wide
}

func mapOf(key arrow.DataType, item arrow.Field) arrow.DataType {
	m := arrow.MapOf(key, item.Type)
	m.SetItemNullable(item.Nullable)
	return m
}

// fits reports whether rows of a schema fit into a file of another.
func fits(file, rows *arrow.Schema) bool {
	wide, err := widened(file, rows)
	return err == nil && wide == file
}

// flatSchema returns the schema with plain strings and bytes in place of views,
// which would keep the buffers of whole messages alive.
func flatSchema(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(flatFields(s.Fields()), nil)
}

func flatFields(fields []arrow.Field) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = flatField(f)
	}
	return out
}

func flatField(f arrow.Field) arrow.Field {
	switch t := f.Type.(type) {
	case *arrow.BinaryViewType:
		f.Type = arrow.BinaryTypes.Binary
	case *arrow.StringViewType:
		f.Type = arrow.BinaryTypes.String
	case *arrow.StructType:
		f.Type = arrow.StructOf(flatFields(t.Fields())...)
	case *arrow.MapType:
		f.Type = mapOf(flatField(t.KeyField()).Type, flatField(t.ItemField()))
	case *arrow.ListType:
		f.Type = arrow.ListOfField(flatField(t.ElemField()))
	}
	return f
}

// tables holds the schemas of a batch's tables.
type tables struct {
	options parquetfile.Options
	chains  stream.Schemas // may be nil
	byName  map[string]*tableSchema
}

// widen adds the columns of s to a table and its schema chain, and returns the
// schema that represents s.
func (t *tables) widen(ctx context.Context, table string, s *arrow.Schema) (*arrow.Schema, error) {
	seen := t.byName[table]
	if seen == nil {
		if err := checkTable(table); err != nil {
			return nil, err
		}
		seen = &tableSchema{representatives: map[*arrow.Schema]*arrow.Schema{}}
		t.byName[table] = seen
	}
	if same := seen.represent(s); same != nil {
		return same, nil
	}
	err := seen.admit(s, t.options)
	if err != nil {
		err = stream.Permanent(err)
	} else {
		err = t.chain(ctx, seen, table, s)
	}
	if err != nil {
		return nil, fmt.Errorf("sink: table %q: %w", table, err)
	}
	seen.remember(s)
	return s, nil
}

// SchemaPrefix precedes the table's name in the name of a schema chain of
// [Parquet].Schemas. It distinguishes the schema of a table's files from the one
// that a decoder keeps under the table's own name: the decoder gives every row all
// columns of its schema, and must not add those of a transform.
const SchemaPrefix = "files/"

// chain adds the columns of s to the table's schema chain, before a row is written
// with them. It reports conflicts with files of earlier batches.
func (t *tables) chain(ctx context.Context, seen *tableSchema, table string, s *arrow.Schema) error {
	if t.chains == nil {
		return nil
	}
	_, err := t.chains.Widen(ctx, SchemaPrefix+table, func(have *arrow.Schema) (*arrow.Schema, error) {
		wide, err := widened(have, s)
		if err != nil {
			err = stream.Permanent(fmt.Errorf("its files have another type: %w: rename the column", err))
		}
		return wide, err
	})
	if n, ok := t.chains.(stream.SchemaNumberer); ok && err == nil {
		seen.number = n.SchemaNumber(SchemaPrefix + table)
	}
	return err
}
