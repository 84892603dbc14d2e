package avroarrow

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// kind is the encoding of a node's datums. Of the logical types only decimals
// have one of their own; the others change the Arrow type alone.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindFixed
	kindEnum
	kindDecimal // bytes, or fixed where size is positive
	kindArray
	kindMap
	kindRecord
	kindUnion
)

// node is one type of a writer's schema. Named types are shared, so nodes form
// a graph; it has no cycles.
type node struct {
	kind     kind
	typ      arrow.DataType
	name     string    // full name of a record, enum or fixed
	fields   []field   // record
	elem     *node     // array and map
	branches []*node   // union
	symbols  []string  // enum
	size     int       // fixed
	limit    [2]uint64 // decimal: 10^precision, low word first

	height  int // levels of nodes, this one included
	leaves  int // leaf columns
	nested  int // records, arrays and maps
	bytes   int // of a row in memory, without text and list elements
	element int // bytes in memory of an element of a list, without text
	min     int // bytes of the shortest datum
}

type field struct {
	name string
	node *node
}

// The bounds of a schema, far beyond what surveys use. They bound the table
// and the stack that a hostile writer can cause.
const (
	maxHeight = 100
	maxLeaves = 10_000
	maxNested = 10_000  // a builder has a column for each, above the leaves
	maxFixed  = 1 << 16 // bytes of one fixed
	maxRow    = 1 << 20 // bytes of a row, without text and list elements
)

var errNested = fmt.Errorf("more than %d records and lists", maxNested)

// newNode computes the sizes of n from those of the nodes below, checks them
// against the bounds, and returns n. A schema that doubles itself by reference is
// refused while it is still small.
func newNode(n *node) (*node, error) {
	n.height, n.leaves, n.bytes, n.min = 1, 1, rowBytes(n.typ), 1
	switch n.kind {
	case kindNull:
		n.min = 0
	case kindFloat:
		n.min = 4
	case kindDouble:
		n.min = 8
	case kindFixed, kindDecimal:
		n.min = max(n.size, 1)
	case kindArray, kindMap:
		n.nested = 1
		n.addChild(n.elem)
		n.min = 1 // it may be empty
		n.element = n.elem.bytes
		if n.kind == kindMap {
			n.leaves++
			n.element += mapKey.bytes + rowBytes(arrow.StructOf())
		}
	case kindRecord:
		n.leaves, n.nested, n.min = 0, 1, 0
		for _, f := range n.fields {
			n.addChild(f.node)
		}
	case kindUnion:
		n.measureUnion()
	}
	switch {
	case n.height > maxHeight:
		return nil, fmt.Errorf("types nested deeper than %d", maxHeight)
	case n.leaves > maxLeaves:
		return nil, fmt.Errorf("more than %d columns", maxLeaves)
	case n.nested > maxNested:
		return nil, errNested
	case n.bytes > maxRow:
		return nil, fmt.Errorf("rows of more than %d bytes", maxRow)
	}
	return n, nil
}

func (n *node) addChild(child *node) {
	n.height = max(n.height, child.height+1)
	n.nested += child.nested
	if n.kind == kindRecord {
		n.leaves += child.leaves
		n.bytes += child.bytes
		n.min = min(n.min+child.min, math.MaxInt32)
		return
	}
	n.leaves = child.leaves
}

func (n *node) measureUnion() {
	shortest := math.MaxInt32
	for _, b := range n.branches {
		n.height = max(n.height, b.height+1)
		n.leaves = max(n.leaves, b.leaves)
		n.nested = max(n.nested, b.nested)
		n.bytes = max(n.bytes, b.bytes)
		shortest = min(shortest, b.min)
	}
	n.min = 1 + shortest
}
