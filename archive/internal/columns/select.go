// Package columns chooses columns of a table by name, and gives rows of its files
// the table's present schema.
package columns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// Select returns the schema of the named columns, in the order of the table's. A
// name leads with dots into structs, as in candidate.jd, and into the structs of
// lists, as in prv_candidates.jd. A struct keeps only the fields that are named, and
// all if it is named itself. Without names, Select returns s.
func Select(s *arrow.Schema, names []string) (*arrow.Schema, error) {
	if len(names) == 0 {
		return s, nil
	}
	var want tree
	for _, name := range names {
		if err := find(s.Fields(), name); err != nil {
			return nil, err
		}
		want.add(strings.Split(name, "."))
	}
	return arrow.NewSchema(want.prune(s.Fields()), nil), nil
}

// structOf returns the structs that a type has in each row: one, or a list of them.
func structOf(t arrow.DataType) (*arrow.StructType, bool) {
	if l, ok := t.(*arrow.ListType); ok {
		t = l.Elem()
	}
	s, ok := t.(*arrow.StructType)
	return s, ok
}

// withFields returns a type that structOf accepts with other fields in its structs.
func withFields(t arrow.DataType, fields []arrow.Field) arrow.DataType {
	s := arrow.StructOf(fields...)
	if l, ok := t.(*arrow.ListType); ok {
		e := l.ElemField()
		e.Type = s
		return arrow.ListOfField(e)
	}
	return s
}

// Paths returns the dotted names of a schema's columns, each struct by its fields.
func Paths(s *arrow.Schema) (out []string) { return paths(nil, s.Fields(), "") }

func paths(out []string, fields []arrow.Field, prefix string) []string {
	for _, f := range fields {
		if t, ok := structOf(f.Type); ok {
			out = paths(out, t.Fields(), prefix+f.Name+".")
			continue
		}
		out = append(out, prefix+f.Name)
	}
	return out
}

// find returns an error unless the fields have the named one.
func find(fields []arrow.Field, path string) error {
	in, rest := fields, path
	for {
		name, below, more := strings.Cut(rest, ".")
		i := slices.IndexFunc(in, func(f arrow.Field) bool { return f.Name == name })
		if i < 0 {
			return absent(fields, path)
		}
		if !more {
			return nil
		}
		t, ok := structOf(in[i].Type)
		if !ok {
			whole := strings.TrimSuffix(path, "."+below)
			return fmt.Errorf("no column %q: %s is %.60v, which can only be read whole: name %s", path, whole, in[i].Type, whole)
		}
		in, rest = t.Fields(), below
	}
}

// absent returns the error for a column that does not exist, with the nearest names:
// those with the last element anywhere, and one of similar spelling.
func absent(fields []arrow.Field, path string) error {
	all := paths(nil, fields, "")
	for _, f := range fields {
		if !slices.Contains(all, f.Name) {
			all = append(all, f.Name)
		}
	}
	last := strings.ToLower(path[strings.LastIndexByte(path, '.')+1:])
	var near, similar []string
	for _, p := range all {
		end := strings.ToLower(p[strings.LastIndexByte(p, '.')+1:])
		if end == last {
			near = append(near, p)
		} else if len(last) > 2 && strings.Contains(end, last) {
			similar = append(similar, p)
		}
	}
	near = append(near, similar...)
	if n := nearest.To(path, all); n != "" && !slices.Contains(near, n) {
		near = append(near, n)
	}
	if len(near) == 0 {
		return fmt.Errorf("no column %q", path)
	}
	return fmt.Errorf("no column %q, did you mean %s?", path, strings.Join(near[:min(len(near), 3)], " or "))
}

// tree is a set of names, each with the names below it; nil is everything.
type tree map[string]*tree

func (t *tree) add(path []string) {
	if *t == nil {
		*t = tree{}
	}
	below, seen := (*t)[path[0]]
	switch {
	case len(path) == 1:
		(*t)[path[0]] = nil
	case !seen:
		below = &tree{}
		(*t)[path[0]] = below
		below.add(path[1:])
	case below != nil: // otherwise all of it is chosen
		below.add(path[1:])
	}
}

func (t tree) prune(fields []arrow.Field) (out []arrow.Field) {
	for _, f := range fields {
		below, ok := t[f.Name]
		if !ok {
			continue
		}
		if below != nil {
			t, _ := structOf(f.Type)
			f.Type = withFields(f.Type, below.prune(t.Fields()))
		}
		out = append(out, f)
	}
	return out
}

// Common returns the dotted names of the columns of a file that a schema also has,
// each struct by its fields.
func Common(file, s *arrow.Schema) []string { return common(nil, file.Fields(), s.Fields(), "") }

func common(out []string, file, fields []arrow.Field, prefix string) []string {
	index := indexOf(file)
	for _, f := range fields {
		i, ok := index[f.Name]
		if !ok {
			continue
		}
		in, nested := structOf(file[i].Type)
		if want, ok := structOf(f.Type); ok && nested {
			before := len(out)
			if out = common(out, in.Fields(), want.Fields(), prefix+f.Name+"."); len(out) == before {
				out = append(out, paths(nil, in.Fields()[:1], prefix+f.Name+".")[0]) // which structs are null
			}
			continue
		}
		out = append(out, prefix+f.Name)
	}
	return out
}

// Absent returns the dotted names of the columns of a file that a schema does not have.
func Absent(file, s *arrow.Schema) []string { return absentIn(nil, file.Fields(), s.Fields(), "") }

func absentIn(out []string, file, fields []arrow.Field, prefix string) []string {
	index := indexOf(fields)
	for _, f := range file {
		i, ok := index[f.Name]
		if !ok {
			out = append(out, prefix+f.Name)
			continue
		}
		in, nested := structOf(f.Type)
		if have, ok := structOf(fields[i].Type); ok && nested {
			out = absentIn(out, in.Fields(), have.Fields(), prefix+f.Name+".")
		}
	}
	return out
}
