package parquetfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// readMode says how to read the values of a record's column for a column of the
// file.
type readMode int

const (
	readAbsent  readMode = iota // the record lacks the column: every value is null
	readPlain                   // the bytes in memory are the bytes in the file
	readBool                    // one bit a value
	readDecimal                 // 16 bytes, little-endian, written as fewer, big-endian
	readInt32                   // int32, written as int64
	readFloat32                 // float32, written as float64
	readText                    // 32-bit offsets and bytes
	readView                    // views
	readNested                  // a struct, list or map
)

// binding says where the records of one schema hold a node of the file.
type binding struct {
	mode     readMode
	field    int // index among the fields of the enclosing struct
	children []*binding
}

var absent = &binding{mode: readAbsent}

// bind maps the records of a schema to the file.
func (t *tree) bind(schema *arrow.Schema) (*binding, error) {
	return bindFields(t.root, schema.Fields())
}

func bindNode(n *node, typ arrow.DataType, field int) (*binding, error) {
	if typ.ID() == arrow.NULL {
		// Nulls fit any type. Whether the column is nullable is checked with
		// its rows.
		return absent, nil
	}
	if n.shape == shapeLeaf {
		mode := readModeOf(n.typ, typ)
		if mode == readAbsent {
			return nil, mismatch(n, typ)
		}
		return &binding{mode: mode, field: field}, nil
	}
	if n.typ.ID() != typ.ID() {
		return nil, mismatch(n, typ)
	}
	var b *binding
	var err error
	switch typ := typ.(type) {
	case *arrow.StructType:
		b, err = bindFields(n, typ.Fields())
	case *arrow.MapType:
		b, err = bindPositions(n, typ.KeyType(), typ.ItemType())
	case *arrow.ListType:
		b, err = bindPositions(n, typ.Elem())
	}
	if err != nil {
		return nil, err
	}
	b.field = field
	return b, nil
}

// bindPositions binds the children of a list or a map by position.
func bindPositions(n *node, types ...arrow.DataType) (*binding, error) {
	b := &binding{mode: readNested}
	for i, typ := range types {
		c, err := bindNode(n.children[i], typ, i)
		if err != nil {
			return nil, err
		}
		b.children = append(b.children, c)
	}
	return b, nil
}

// bindFields binds the children of a struct by name.
func bindFields(n *node, fields []arrow.Field) (*binding, error) {
	if err := uniqueNames(fields, n.path); err != nil {
		return nil, err
	}
	index := make(map[string]int, len(fields))
	for i, f := range fields {
		index[f.Name] = i
	}
	b := &binding{mode: readNested}
	for _, child := range n.children {
		c := absent
		if i, ok := index[child.name]; ok {
			delete(index, child.name)
			var err error
			if c, err = bindNode(child, fields[i].Type, i); err != nil {
				return nil, err
			}
		}
		b.children = append(b.children, c)
	}
	for _, f := range fields {
		if _, left := index[f.Name]; left {
			return nil, fmt.Errorf("parquetfile: %s: the file has no such column", join(n.path, f.Name))
		}
	}
	return b, nil
}

// readModeOf returns readAbsent if values of type have do not fit a column of
// type want.
func readModeOf(want, have arrow.DataType) readMode {
	id, isView := withoutView(have.ID())
	switch plain, _ := withoutView(want.ID()); {
	case plain == arrow.STRING || plain == arrow.BINARY:
		switch {
		case id != plain:
			return readAbsent
		case isView:
			return readView
		}
		return readText
	case plain == arrow.INT64 && id == arrow.INT32:
		return readInt32
	case plain == arrow.FLOAT64 && id == arrow.FLOAT32:
		return readFloat32
	case !arrow.TypeEqual(want, have):
		return readAbsent
	case plain == arrow.BOOL:
		return readBool
	case plain == arrow.DECIMAL128:
		return readDecimal
	}
	return readPlain
}

// withoutView returns the type whose values a view type holds, and whether it is
// a view type.
func withoutView(id arrow.Type) (arrow.Type, bool) {
	switch id {
	case arrow.STRING_VIEW:
		return arrow.STRING, true
	case arrow.BINARY_VIEW:
		return arrow.BINARY, true
	}
	return id, false
}

func mismatch(n *node, have arrow.DataType) error {
	return fmt.Errorf("parquetfile: %s: the record has %s, the file %s", n.path, have, n.typ)
}
