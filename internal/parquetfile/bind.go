package parquetfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// reading says how the values of a record's column are read for a column of
// the file.
type reading int

const (
	readAbsent  reading = iota // the record lacks the column: every value is null
	readPlain                  // the bytes in memory are the bytes in the file
	readBool                   // a bit a value
	readDecimal                // 16 bytes, little-endian, to fewer, big-endian
	readInt32                  // int32, widened to int64
	readFloat32                // float32, widened to float64
	readText                   // offsets of 32 bits and bytes
	readView                   // views
	readNested                 // a container
)

// binding tells where a node of the file stands in the records of one schema.
type binding struct {
	reading  reading
	field    int // place among the fields of the struct around it
	children []*binding
}

var absent = &binding{reading: readAbsent}

// bind maps the records of a schema onto the file.
func (t *tree) bind(schema *arrow.Schema) (*binding, error) {
	return bindFields(t.root, schema.Fields())
}

func bindNode(n *node, typ arrow.DataType) (*binding, error) {
	if typ.ID() == arrow.NULL {
		// Nothing but nulls fits any column; whether this one may be null is
		// known when its rows are seen.
		return absent, nil
	}
	if n.shape == shapeLeaf {
		r := readingOf(n.typ, typ)
		if r == readAbsent {
			return nil, misfit(n, typ)
		}
		return &binding{reading: r}, nil
	}
	switch typ := typ.(type) {
	case *arrow.StructType:
		if n.typ.ID() == arrow.STRUCT {
			return bindFields(n, typ.Fields())
		}
	case *arrow.MapType:
		if n.typ.ID() == arrow.MAP {
			return bindEach(n, typ.KeyType(), typ.ItemType())
		}
	case *arrow.ListType:
		if n.typ.ID() == arrow.LIST {
			return bindEach(n, typ.Elem())
		}
	}
	return nil, misfit(n, typ)
}

// bindEach binds the children of a list or a map, which go by place.
func bindEach(n *node, types ...arrow.DataType) (*binding, error) {
	b := &binding{reading: readNested}
	for i, typ := range types {
		c, err := bindNode(n.children[i], typ)
		if err != nil {
			return nil, err
		}
		if c != absent {
			c.field = i
		}
		b.children = append(b.children, c)
	}
	return b, nil
}

// bindFields binds the children of a struct, which go by name.
func bindFields(n *node, fields []arrow.Field) (*binding, error) {
	if err := uniqueNames(fields, n.path); err != nil {
		return nil, err
	}
	place := make(map[string]int, len(fields))
	for i, f := range fields {
		place[f.Name] = i
	}
	b := &binding{reading: readNested}
	for _, child := range n.children {
		i, ok := place[child.name]
		if !ok {
			b.children = append(b.children, absent)
			continue
		}
		delete(place, child.name)
		c, err := bindNode(child, fields[i].Type)
		if err != nil {
			return nil, err
		}
		if c != absent {
			c.field = i
		}
		b.children = append(b.children, c)
	}
	for _, f := range fields {
		if _, left := place[f.Name]; left {
			return nil, fmt.Errorf("parquetfile: %s: the file has no such column", join(n.path, f.Name))
		}
	}
	return b, nil
}

// readingOf answers readAbsent where values of the type have do not fit.
func readingOf(want, have arrow.DataType) reading {
	switch want.ID() {
	case arrow.STRING, arrow.STRING_VIEW:
		switch have.ID() {
		case arrow.STRING:
			return readText
		case arrow.STRING_VIEW:
			return readView
		}
		return readAbsent
	case arrow.BINARY, arrow.BINARY_VIEW:
		switch have.ID() {
		case arrow.BINARY:
			return readText
		case arrow.BINARY_VIEW:
			return readView
		}
		return readAbsent
	case arrow.INT64:
		if have.ID() == arrow.INT32 {
			return readInt32
		}
	case arrow.FLOAT64:
		if have.ID() == arrow.FLOAT32 {
			return readFloat32
		}
	}
	if !arrow.TypeEqual(want, have) {
		return readAbsent
	}
	switch want.ID() {
	case arrow.BOOL:
		return readBool
	case arrow.DECIMAL128:
		return readDecimal
	}
	return readPlain
}

func misfit(n *node, have arrow.DataType) error {
	return fmt.Errorf("parquetfile: %s: the record has %s, the file %s", n.path, have, n.typ)
}
