package avroarrow

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/apache/arrow/go/v17/arrow"
)

// resolver turns the JSON of a schema into nodes. It ignores defaults, docs,
// aliases and sort orders, which are wrong in some real schemas.
type resolver struct {
	named map[string]*node // by full name; nil while the type is being read
}

// resolve returns the node of a type within namespace.
func (r *resolver) resolve(v any, namespace string, depth int) (*node, error) {
	if depth > maxHeight {
		return nil, fmt.Errorf("types nested deeper than %d", maxHeight)
	}
	switch v := v.(type) {
	case string:
		return r.byName(v, namespace)
	case []any:
		return r.union(v, namespace, depth)
	case map[string]any:
		return r.complex(v, namespace, depth)
	case nil:
		return nil, errors.New("no type")
	}
	return nil, fmt.Errorf("a type cannot be a %T", v)
}

func (r *resolver) byName(name, namespace string) (*node, error) {
	if k, ok := primitives[name]; ok {
		return newNode(&node{kind: k.kind, typ: k.typ})
	}
	full := name
	if namespace != "" && !strings.Contains(name, ".") {
		full = namespace + "." + name
	}
	n, ok := r.named[full]
	if !ok {
		return nil, fmt.Errorf("type %.100q is not defined", full)
	}
	if n == nil {
		return nil, fmt.Errorf("type %.100q holds itself", full)
	}
	return n, nil
}

func (r *resolver) complex(m map[string]any, namespace string, depth int) (*node, error) {
	kind, ok := m["type"].(string)
	if !ok { // {"type": T} with a complex T means T
		return r.resolve(m["type"], namespace, depth+1)
	}
	switch kind {
	case "record", "error":
		return r.record(m, namespace, nil, depth)
	case "enum":
		return r.enum(m, namespace)
	case "fixed":
		return r.fixed(m, namespace)
	case "array", "map":
		return r.list(m, kind, namespace, depth)
	}
	logical, _ := m["logicalType"].(string)
	if kind == "bytes" && logical == "decimal" {
		return decimalNode(m, 0, "")
	}
	if typ, ok := logicalTypes[[2]string{kind, logical}]; ok {
		return newNode(&node{kind: primitives[kind].kind, typ: typ})
	}
	return r.byName(kind, namespace)
}

// record reads a record. Its fields must not use the names in taken, which are
// in lower case.
func (r *resolver) record(m map[string]any, namespace string, taken map[string]bool, depth int) (*node, error) {
	full, inner, err := r.define(m, namespace)
	if err != nil {
		return nil, err
	}
	list, ok := m["fields"].([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("record %.100q: a record without fields has no column", full)
	}
	if taken == nil {
		taken = make(map[string]bool, len(list))
	}
	n := &node{kind: kindRecord, name: full}
	columns, nested := 0, 0
	for i, v := range list {
		f, err := r.field(v, inner, taken, depth)
		if err != nil {
			return nil, fmt.Errorf("record %.100q: field %d: %w", full, i, err)
		}
		n.fields = append(n.fields, f)
		if columns += f.node.leaves; columns > maxLeaves {
			return nil, fmt.Errorf("more than %d columns", maxLeaves)
		}
		if nested += f.node.nested; nested > maxNested {
			return nil, errNested
		}
	}
	n.typ = arrow.StructOf(arrowFields(n)...)
	if n, err = newNode(n); err != nil {
		return nil, err
	}
	r.named[full] = n
	return n, nil
}

func arrowFields(n *node) []arrow.Field {
	out := make([]arrow.Field, len(n.fields))
	for i, f := range n.fields {
		out[i] = arrow.Field{Name: f.name, Type: f.node.typ, Nullable: true}
	}
	return out
}

func (r *resolver) field(v any, namespace string, taken map[string]bool, depth int) (field, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return field{}, errors.New("not an object")
	}
	name, _ := m["name"].(string)
	if err := checkName(name); err != nil {
		return field{}, err
	}
	n, err := r.resolve(m["type"], namespace, depth+1)
	if err != nil {
		return field{}, fmt.Errorf("%.100q: %w", name, err)
	}
	name, err = uniqueName(name, taken)
	return field{name: name, node: n}, err
}

// The bounds of names: uniqueName must not be quadratic in a hostile schema.
const (
	maxName  = 256
	maxTaken = 100 // fields of one name
)

// uniqueName appends underscores to a name until it is not taken. Case is
// ignored, as SQL engines do.
func uniqueName(name string, taken map[string]bool) (string, error) {
	for range maxTaken {
		if lower := strings.ToLower(name); !taken[lower] {
			taken[lower] = true
			return name, nil
		}
		name += "_"
	}
	return "", fmt.Errorf("%.100q: more than %d fields of that name", name, maxTaken)
}

// checkName refuses names that would make paths ambiguous. Avro's own rule is
// narrower, but writers do not follow it.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("no name")
	case len(name) > maxName:
		return fmt.Errorf("name of %d bytes", len(name))
	case strings.Contains(name, "."), strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("name %q", name)
	}
	return nil
}

// define reserves the name of a type. It returns the full name and the namespace
// of the types within.
func (r *resolver) define(m map[string]any, namespace string) (full, inner string, err error) {
	name, _ := m["name"].(string)
	if name == "" || strings.ContainsFunc(name, unicode.IsControl) {
		return "", "", fmt.Errorf("type name %.100q", name)
	}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		full, inner = name, name[:dot]
	} else {
		inner = namespace
		if own, ok := m["namespace"].(string); ok {
			inner = own
		}
		full = name
		if inner != "" {
			full = inner + "." + name
		}
	}
	if _, ok := r.named[full]; ok {
		return "", "", fmt.Errorf("type %.100q is defined twice", full)
	}
	r.named[full] = nil
	return full, inner, nil
}
