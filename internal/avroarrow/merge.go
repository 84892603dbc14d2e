package avroarrow

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// ConflictError reports two types that cannot share a column.
type ConflictError struct {
	Path       string         // of the column: "candidate.magpsf", "history[].fid"
	Have, Want arrow.DataType // the column's type, and the type that does not fit
	Case       string         // if the names conflict: the path of the existing column
}

// Error returns a message that names the column and both types.
func (e *ConflictError) Error() string {
	if e.Case != "" {
		return fmt.Sprintf("%s: differs from column %s only in case", e.Path, e.Case)
	}
	return fmt.Sprintf("%s: %.100s does not fit into %.100s", e.Path, e.Want, e.Have)
}

// Merge returns the narrowest schema that holds the columns of both: those of
// a, then those that only b has, also within structs, lists and maps. Integers
// and floats widen to 64 bits where they differ; null widens to any type. Any
// other difference of types is a [*ConflictError], and so are names that differ
// only in case. If b adds nothing, Merge returns a itself.
func Merge(a, b *arrow.Schema) (*arrow.Schema, error) { return merger{}.schema(a, b) }

// WidenTypes is [Merge] without the columns that only b has: it returns a with
// types that also hold the values of b.
func WidenTypes(a, b *arrow.Schema) (*arrow.Schema, error) {
	return merger{typesOnly: true}.schema(a, b)
}

// merger merges schemas. With typesOnly it adds no columns.
type merger struct{ typesOnly bool }

func (m merger) schema(a, b *arrow.Schema) (*arrow.Schema, error) {
	fields, changed, err := m.fields(a.Fields(), b.Fields(), "")
	if err != nil {
		return nil, fmt.Errorf("avroarrow: merge: %w", err)
	}
	if !changed {
		return a, nil
	}
	meta := a.Metadata()
	return arrow.NewSchema(fields, &meta), nil
}

func (m merger) fields(a, b []arrow.Field, path string) (out []arrow.Field, changed bool, err error) {
	out = append(out, a...)
	byName := make(map[string]int, len(a)+len(b))
	for i, f := range a {
		byName[strings.ToLower(f.Name)] = i
	}
	for _, f := range b {
		sub := join(path, f.Name)
		i, ok := byName[strings.ToLower(f.Name)]
		if !ok && m.typesOnly {
			continue
		}
		if !ok {
			byName[strings.ToLower(f.Name)] = len(out)
			out = append(out, f)
			changed = true
			continue
		}
		if out[i].Name != f.Name {
			return nil, false, &ConflictError{Path: sub, Have: out[i].Type, Want: f.Type, Case: join(path, out[i].Name)}
		}
		typ, more, err := m.types(out[i].Type, f.Type, sub)
		if err != nil {
			return nil, false, err
		}
		if more {
			out[i].Type, changed = typ, true
		}
	}
	return out, changed, nil
}

// types returns the type that holds both, and whether it differs from a.
func (m merger) types(a, b arrow.DataType, path string) (_ arrow.DataType, changed bool, err error) {
	if b.ID() == arrow.NULL || arrow.TypeEqual(a, b) {
		return a, false, nil
	}
	if a.ID() == arrow.NULL {
		return b, true, nil
	}
	if wide := wider(a, b); wide != nil {
		return wide, wide.ID() != a.ID(), nil
	}
	if a.ID() != b.ID() {
		return nil, false, &ConflictError{Path: path, Have: a, Want: b}
	}
	switch a := a.(type) {
	case *arrow.StructType:
		fields, changed, err := m.fields(a.Fields(), b.(*arrow.StructType).Fields(), path)
		if err != nil || !changed {
			return a, false, err
		}
		return arrow.StructOf(fields...), true, nil
	case *arrow.ListType:
		field := a.ElemField()
		field.Type, changed, err = m.types(a.Elem(), b.(*arrow.ListType).Elem(), path+"[]")
		if err != nil || !changed {
			return a, false, err
		}
		return arrow.ListOfField(field), true, nil
	case *arrow.MapType:
		return m.maps(a, b.(*arrow.MapType), path)
	}
	return nil, false, &ConflictError{Path: path, Have: a, Want: b}
}

func (m merger) maps(a, b *arrow.MapType, path string) (arrow.DataType, bool, error) {
	if !arrow.TypeEqual(a.KeyType(), b.KeyType()) {
		return nil, false, &ConflictError{Path: path + "[].key", Have: a.KeyType(), Want: b.KeyType()}
	}
	item, changed, err := m.types(a.ItemType(), b.ItemType(), path+"[].value")
	if err != nil || !changed {
		return a, false, err
	}
	return arrow.MapOf(a.KeyType(), item), true, nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
