package avroarrow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// Schema is a writer's schema. It is immutable and safe for concurrent use.
type Schema struct {
	root  *node
	arrow *arrow.Schema
}

// Parse reads a writer's schema, which must be a record. Defaults and other
// attributes that decoding does not need are ignored. Underscores are appended to
// a field name that its record already uses, or, at the top level, that is in
// reserved; the comparison ignores case.
func Parse(text []byte, reserved ...string) (*Schema, error) {
	root, err := parse(text, reserved)
	if err != nil {
		return nil, fmt.Errorf("avroarrow: schema: %w", err)
	}
	return &Schema{root: root, arrow: arrow.NewSchema(arrowFields(root), nil)}, nil
}

// The bounds of a schema's text. Parsed, a byte of JSON such as [[[ or {"":{ may
// take 70 bytes of memory; one in a string takes about one. The largest schema of
// LSST has 60 KB and 3,400 marks.
const (
	maxText  = 16 << 20
	maxMarks = 500_000 // brackets, colons and commas, also those in strings
)

// checkText returns an error if a schema's text takes too much memory to parse.
func checkText(text []byte) error {
	if len(text) > maxText {
		return fmt.Errorf("text of %d bytes, at most %d are possible", len(text), maxText)
	}
	marks := 0
	for _, mark := range []string{"[", "{", ",", ":"} {
		marks += bytes.Count(text, []byte(mark))
	}
	if marks > maxMarks {
		return fmt.Errorf("%d brackets, colons and commas, at most %d are possible", marks, maxMarks)
	}
	return nil
}

func parse(text []byte, reserved []string) (*node, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
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

// Has reports whether there is a field at a path through records, such as
// "candidate.jd".
func (s *Schema) Has(path string) bool {
	n := s.root
	for name := range strings.SplitSeq(path, ".") {
		if n = n.child(name); n == nil {
			return false
		}
	}
	return true
}

// child returns the node of a record's field, also through a union, or nil.
func (n *node) child(name string) *node {
	for _, b := range n.branches {
		if c := b.child(name); c != nil {
			return c
		}
	}
	for _, f := range n.fields {
		if f.name == name {
			return f.node
		}
	}
	return nil
}

// Arrow returns the record's fields as columns. All are nullable.
func (s *Schema) Arrow() *arrow.Schema { return s.arrow }
