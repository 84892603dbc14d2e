package sim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// schema is a writer's schema, as far as one must know it to find values in a
// datum in its bytes: the decoder's schemas are compiled for columns and have no
// places in a packet, and hamba/avro refuses most of the real ones. What it says
// of defaults, orders and logical types does not matter.
type schema struct {
	typ      string  // as Avro names it; "union" of its branches
	size     int     // of a fixed
	items    *schema // of an array or a map
	branches []*schema
	names    []string // of the fields, whose types are branches
}

var errSchema = errors.New("sim: no Avro schema")

// parseAvro reads the text of a schema.
func parseAvro(text []byte) (*schema, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%w: %v", errSchema, err)
	}
	p := schemaParser{named: map[string]*schema{}}
	return p.schema(v, "", 0)
}

type schemaParser struct{ named map[string]*schema }

const maxDepth = 64 // of schemas and of data

func (p *schemaParser) schema(v any, space string, depth int) (*schema, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", errSchema)
	}
	switch v := v.(type) {
	case string:
		return p.name(v, space)
	case []any:
		u := &schema{typ: "union"}
		for _, b := range v {
			s, err := p.schema(b, space, depth+1)
			if err != nil {
				return nil, err
			}
			u.branches = append(u.branches, s)
		}
		return u, nil
	case map[string]any:
		return p.object(v, space, depth)
	}
	return nil, fmt.Errorf("%w: a %T for a type", errSchema, v)
}

func (p *schemaParser) name(name, space string) (*schema, error) {
	switch name {
	case "null", "boolean", "int", "long", "float", "double", "bytes", "string":
		return &schema{typ: name}, nil
	}
	for _, full := range []string{space + "." + name, name} {
		if s := p.named[strings.TrimPrefix(full, ".")]; s != nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: no type %q", errSchema, name)
}

func (p *schemaParser) object(v map[string]any, space string, depth int) (*schema, error) {
	typ, ok := v["type"].(string)
	if !ok {
		return p.schema(v["type"], space, depth+1)
	}
	s := &schema{typ: typ}
	switch typ {
	case "record", "error", "enum", "fixed":
		space = p.define(v, space, s)
	}
	var err error
	switch typ {
	case "record", "error":
		s.typ = "record"
		err = p.fields(v, space, s, depth)
	case "enum":
		s.typ = "int" // is how its values are written
	case "fixed":
		size, _ := v["size"].(float64)
		if s.size = int(size); size < 0 || size > 1<<30 {
			err = fmt.Errorf("%w: a fixed of %g bytes", errSchema, size)
		}
	case "array":
		s.items, err = p.schema(v["items"], space, depth+1)
	case "map":
		s.items, err = p.schema(v["values"], space, depth+1)
	default:
		return p.name(typ, space)
	}
	return s, err
}

// define makes a named type known, and returns the namespace within it.
func (p *schemaParser) define(v map[string]any, space string, s *schema) string {
	name, _ := v["name"].(string)
	if own, ok := v["namespace"].(string); ok {
		space = own
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space, name = name[:i], name[i+1:]
	}
	p.named[strings.TrimPrefix(space+"."+name, ".")] = s
	return space
}

func (p *schemaParser) fields(v map[string]any, space string, s *schema, depth int) error {
	fields, _ := v["fields"].([]any)
	for _, f := range fields {
		f, ok := f.(map[string]any)
		if !ok {
			return fmt.Errorf("%w: a field that is none", errSchema)
		}
		name, _ := f["name"].(string)
		typ, err := p.schema(f["type"], space, depth+1)
		if err != nil {
			return err
		}
		s.names = append(s.names, name)
		s.branches = append(s.branches, typ)
	}
	return nil
}

// has reports whether there is a field at a path like "candidate.jd".
func (s *schema) has(path string) bool {
	name, rest, deeper := strings.Cut(path, ".")
	if s.typ == "union" {
		for _, b := range s.branches {
			if b.has(path) {
				return true
			}
		}
		return false
	}
	for i, n := range s.names {
		if n == name && (!deeper || s.branches[i].has(rest)) {
			return true
		}
	}
	return false
}

// spot is where in a datum a value is. Bytes and texts are without their lengths.
type spot struct {
	typ      string
	from, to int
}

var errDatum = errors.New("sim: datum does not fit its schema")

// walker goes through a datum.
type walker struct {
	data  []byte
	at    int
	depth int
	steps int
	// found is told of each value that is in no array and no map.
	found func(path []byte, s spot)
	path  []byte
}

// walk finds the values of a datum. Paths are valid during the call only.
func walk(s *schema, data []byte, found func(path []byte, s spot)) error {
	w := walker{data: data, found: found}
	if err := w.value(s, true); err != nil {
		return err
	}
	if w.at != len(data) {
		return fmt.Errorf("%w: %d bytes left over", errDatum, len(data)-w.at)
	}
	return nil
}

func (w *walker) value(s *schema, tell bool) error {
	if w.depth++; w.depth > maxDepth {
		return fmt.Errorf("%w: nested too deeply", errDatum)
	}
	// Values without bytes, of a few bytes of schema, could go on for years.
	if w.steps++; w.steps > 1<<16+8*len(w.data) {
		return fmt.Errorf("%w: too many empty values", errDatum)
	}
	defer func() { w.depth-- }()
	switch s.typ {
	case "record":
		return w.record(s, tell)
	case "union":
		n, err := w.long()
		if err != nil || n < 0 || n >= int64(len(s.branches)) {
			return errDatum
		}
		return w.value(s.branches[n], tell)
	case "array", "map":
		return w.blocks(s)
	}
	from, err := w.simple(s)
	if err == nil && tell {
		w.found(w.path, spot{s.typ, from, w.at})
	}
	return err
}

func (w *walker) record(s *schema, tell bool) error {
	up := len(w.path)
	for i, f := range s.branches {
		if tell {
			if up > 0 {
				w.path = append(w.path[:up], '.')
			}
			w.path = append(w.path, s.names[i]...)
		}
		if err := w.value(f, tell); err != nil {
			return err
		}
		w.path = w.path[:up]
	}
	return nil
}

// simple passes a value that is not made of others, and returns where it begins.
func (w *walker) simple(s *schema) (from int, err error) {
	from = w.at
	size := int64(0)
	switch s.typ {
	case "null":
	case "boolean":
		size = 1
	case "int", "long":
		_, err = w.long()
	case "float":
		size = 4
	case "double":
		size = 8
	case "fixed":
		size = int64(s.size)
	default: // bytes, string
		size, err = w.long()
		from = w.at
	}
	if err != nil || size < 0 || size > int64(len(w.data)-w.at) {
		return 0, errDatum
	}
	w.at += int(size)
	return from, nil
}

// blocks passes an array or a map.
func (w *walker) blocks(s *schema) error {
	for {
		n, err := w.long()
		if err != nil || n == 0 {
			return err
		}
		if n < 0 { // the size of the block follows
			n = -n
			if _, err := w.long(); err != nil {
				return err
			}
		}
		if n < 0 || n > int64(len(w.data)) { // of items without bytes too
			return errDatum
		}
		for range n {
			if s.typ == "map" {
				if _, err := w.simple(&schema{typ: "string"}); err != nil {
					return err
				}
			}
			if err := w.value(s.items, false); err != nil {
				return err
			}
		}
	}
}

func (w *walker) long() (int64, error) {
	v, n := binary.Varint(w.data[w.at:])
	if n <= 0 {
		return 0, errDatum
	}
	w.at += n
	return v, nil
}
