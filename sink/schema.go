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

// tableSchema is what a batch has seen of the schemas of a table.
type tableSchema struct {
	wide   *arrow.Schema       // holds the columns of all of them
	format *parquetfile.Format // of files with these columns
	// Transforms may well make a schema anew for each record. All that are
	// equal are told apart once, and then stand for one another.
	distinct []*arrow.Schema
	same     map[*arrow.Schema]*arrow.Schema
}

// knownSchemas is how many schemas of a table are remembered.
const knownSchemas = 64

// widen makes room for the columns of s, and returns the schema that stands
// for s from now on. A schema that was not met before goes to admit.
func (t *tableSchema) widen(s *arrow.Schema, admit func(*tableSchema, *arrow.Schema) error) (*arrow.Schema, error) {
	if same := t.same[s]; same != nil {
		return same, nil
	}
	if len(t.same) >= knownSchemas {
		clear(t.same)
	}
	if i := slices.IndexFunc(t.distinct, s.Equal); i >= 0 {
		t.same[s] = t.distinct[i]
		return t.distinct[i], nil
	}
	if err := admit(t, s); err != nil {
		return nil, err
	}
	if len(t.distinct) >= knownSchemas {
		t.distinct = nil
	}
	t.distinct = append(t.distinct, s)
	t.same[s] = s
	return s, nil
}

// admit makes the format hold rows of s. What has no Parquet form is found
// here, and not after hours of rows have been spilled.
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

// widened returns the narrowest schema without views that rows of both
// schemas can be written with. It is a itself if that will do.
func widened(a, b *arrow.Schema) (*arrow.Schema, error) {
	b = flatSchema(b)
	if a == nil {
		return b, nil
	}
	wide, err := avroarrow.Merge(a, b)
	if err != nil {
		return nil, err
	}
	fields, more := relax(wide.Fields(), a.Fields())
	fields, still := relax(fields, b.Fields())
	if more || still {
		wide = arrow.NewSchema(fields, nil)
	}
	return wide, nil
}

// relax makes the columns nullable that are so in s, or that s lacks: a row of
// s has nulls there. It reports whether that changed any.
func relax(wide, s []arrow.Field) (out []arrow.Field, changed bool) {
	at := make(map[string]int, len(s))
	for i, f := range s {
		at[f.Name] = i
	}
	out = slices.Clone(wide)
	for i := range out {
		k, ok := at[out[i].Name]
		nullable := !ok || s[k].Nullable || s[k].Type.ID() == arrow.NULL
		if nullable && !out[i].Nullable {
			out[i].Nullable, changed = true, true
		}
		if ok {
			typ, more := relaxType(out[i].Type, s[k].Type)
			out[i].Type, changed = typ, changed || more
		}
	}
	return out, changed
}

func relaxType(wide, s arrow.DataType) (arrow.DataType, bool) {
	switch wide := wide.(type) {
	case *arrow.StructType:
		if s, ok := s.(*arrow.StructType); ok {
			if fields, changed := relax(wide.Fields(), s.Fields()); changed {
				return arrow.StructOf(fields...), true
			}
		}
	case *arrow.ListType:
		if s, ok := s.(*arrow.ListType); ok {
			if f, changed := relaxOne(wide.ElemField(), s.ElemField()); changed {
				return arrow.ListOfField(f), true
			}
		}
	case *arrow.MapType:
		if s, ok := s.(*arrow.MapType); ok {
			if f, changed := relaxOne(wide.ItemField(), s.ItemField()); changed {
				m := arrow.MapOf(wide.KeyType(), f.Type)
				m.SetItemNullable(f.Nullable)
				return m, true
			}
		}
	}
	return wide, false
}

// relaxOne relaxes the element of a list or a map, whose name says nothing.
func relaxOne(wide, s arrow.Field) (arrow.Field, bool) {
	s.Name = wide.Name
	fields, changed := relax([]arrow.Field{wide}, []arrow.Field{s})
	return fields[0], changed
}

// fits reports whether rows of a schema can go into a file of another.
func fits(file, rows *arrow.Schema) bool {
	wide, err := widened(file, rows)
	return err == nil && wide == file
}

// flatSchema is the schema with binary in the place of binary views, whose
// bytes would otherwise stay in the buffers of whole messages.
func flatSchema(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(flatFields(s.Fields()), nil)
}

func flatFields(fields []arrow.Field) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		f.Type = flatType(f.Type)
		out[i] = f
	}
	return out
}

func flatType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.StructType:
		return arrow.StructOf(flatFields(t.Fields())...)
	case *arrow.MapType:
		m := arrow.MapOf(flatType(t.KeyType()), flatType(t.ItemType()))
		m.SetItemNullable(t.ItemField().Nullable)
		return m
	case *arrow.ListType:
		f := t.ElemField()
		f.Type = flatType(f.Type)
		return arrow.ListOfField(f)
	}
	return t
}

// tables are the schemas of a batch.
type tables struct {
	options parquetfile.Options
	chains  stream.Schemas // nil: none
	byName  map[string]*tableSchema
}

func (t *tables) widen(ctx context.Context, table string, s *arrow.Schema) (*arrow.Schema, error) {
	seen := t.byName[table]
	if seen == nil {
		if err := checkTable(table); err != nil {
			return nil, err
		}
		seen = &tableSchema{same: map[*arrow.Schema]*arrow.Schema{}}
		t.byName[table] = seen
	}
	same, err := seen.widen(s, func(seen *tableSchema, s *arrow.Schema) error {
		if err := seen.admit(s, t.options); err != nil {
			return stream.Permanent(err)
		}
		return t.chain(ctx, table, s)
	})
	if err != nil {
		return nil, fmt.Errorf("sink: table %q: %w", table, err)
	}
	return same, nil
}

// chainPrefix sets the chains of the sink apart. A decoder keeps one by the
// table's own name, and gives its columns to every row: what a transform adds
// to a table must not come back to that transform as its input.
const chainPrefix = "files/"

// chain makes the columns of s part of the table for all batches, before a row
// is written with them. What a batch alone would accept may conflict here with
// the files of another.
func (t *tables) chain(ctx context.Context, table string, s *arrow.Schema) error {
	if t.chains == nil {
		return nil
	}
	_, err := t.chains.Widen(ctx, chainPrefix+table, func(have *arrow.Schema) (*arrow.Schema, error) {
		wide, err := widened(have, s)
		if err != nil {
			err = stream.Permanent(fmt.Errorf("the files of the table have another type: %w: give the column another name", err))
		}
		return wide, err
	})
	return err
}
