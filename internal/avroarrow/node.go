package avroarrow

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// kind says how a datum of a node is encoded; logical types change only the
// Arrow type, decimals excepted.
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

// node is one type of a writer's schema, with all that it holds. Named types
// that are used twice are shared, so nodes form a graph without cycles.
type node struct {
	kind     kind
	typ      arrow.DataType
	name     string    // full name of a record, enum or fixed
	fields   []field   // record
	elem     *node     // array and map
	branches []*node   // union
	symbols  []string  // enum
	size     int       // fixed
	limit    [2]uint64 // decimal: the least magnitude that has too many digits, low word first

	height int // levels of nodes from here down
	leaves int // columns that this becomes
	cost   int // columns again, wide ones counting for more: what a null of it takes
	min    int // bytes that the shortest datum takes
}

type field struct {
	name string
	node *node
}

// The bounds of a schema. They are far beyond what surveys use, and keep what
// a hostile writer can ask of a table, or of a stack, within reason.
const (
	maxHeight = 100
	maxLeaves = 10_000
	maxFixed  = 1 << 16 // bytes of one fixed
	maxCost   = 1 << 16 // a row of 1 MiB
	cell      = 16      // bytes that a column of cost one takes a row, at most
)

// measure fills in what follows from the nodes below, and holds n against the
// bounds. It runs as each node is made, so a schema that doubles itself by
// reference is refused while it is still small.
func (n *node) measure() error {
	n.height, n.leaves, n.cost, n.min = 1, 1, 1, 1
	switch n.kind {
	case kindNull:
		n.min = 0
	case kindFloat:
		n.min = 4
	case kindDouble:
		n.min = 8
	case kindFixed, kindDecimal:
		n.min = max(n.size, 1)
		n.cost = 1 + n.size/cell
	case kindArray, kindMap:
		n.over(n.elem)
		n.min, n.cost = 1, 1 // an empty or null one has no elements
		if n.kind == kindMap {
			n.leaves++
		}
	case kindRecord:
		n.leaves, n.cost, n.min = 0, 0, 0
		for _, f := range n.fields {
			n.over(f.node)
		}
	case kindUnion:
		n.measureUnion()
	}
	switch {
	case n.height > maxHeight:
		return fmt.Errorf("types nested deeper than %d", maxHeight)
	case n.leaves > maxLeaves:
		return fmt.Errorf("more than %d columns", maxLeaves)
	case n.cost > maxCost:
		return fmt.Errorf("rows of more than %d bytes", maxCost*cell)
	}
	return nil
}

func (n *node) over(child *node) {
	n.height = max(n.height, child.height+1)
	if n.kind == kindRecord {
		n.leaves += child.leaves
		n.cost += child.cost
		n.min = min(n.min+child.min, math.MaxInt32)
		return
	}
	n.leaves = child.leaves
}

func (n *node) measureUnion() {
	n.leaves, n.cost = 1, 1
	shortest := math.MaxInt32
	for _, b := range n.branches {
		n.height = max(n.height, b.height+1)
		n.leaves = max(n.leaves, b.leaves)
		n.cost = max(n.cost, b.cost)
		shortest = min(shortest, b.min)
	}
	n.min = 1 + shortest
}
