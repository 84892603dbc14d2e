package avroarrow

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// Schema is a writer's schema, resolved. It never changes and may be used by
// many goroutines.
type Schema struct {
	root  *node
	arrow *arrow.Schema
}

// Parse reads a writer's schema, which must be a record. What decoding does
// not need is not read, so wrong defaults are no error. A field name that is
// taken gets underscores until it is free; names compare without case, and
// those in reserved are taken at the top level.
func Parse(text []byte, reserved ...string) (*Schema, error) {
	root, err := parse(text, reserved)
	if err != nil {
		return nil, fmt.Errorf("avroarrow: schema: %w", err)
	}
	return &Schema{root: root, arrow: arrow.NewSchema(arrowFields(root), nil)}, nil
}

func parse(text []byte, reserved []string) (*node, error) {
	if !utf8.Valid(text) {
		return nil, errNotUTF8
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	m, _ := tree.(map[string]any)
	if kind := m["type"]; kind != "record" && kind != "error" {
		return nil, errors.New("not a record")
	}
	taken := make(map[string]bool, len(reserved))
	for _, name := range reserved {
		taken[strings.ToLower(name)] = true
	}
	r := resolver{named: make(map[string]*node)}
	return r.record(m, "", taken, 0)
}

// Name returns the full name of the record.
func (s *Schema) Name() string { return s.root.name }

// Arrow returns the columns that the record becomes. All are nullable.
func (s *Schema) Arrow() *arrow.Schema { return s.arrow }
