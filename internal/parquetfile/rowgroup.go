package parquetfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// column is a leaf of the file with the values of one row group.
type column struct {
	leaf    *leaf
	layout  *layout
	sources []source // per segment
	mayNull bool     // some values may be null
}

// rowGroup is a row group before its values are encoded: the layout of every
// container and the arrays of every column. Its buffers are reused for later row
// groups.
type rowGroup struct {
	tree    *tree
	layouts []layout
	nested  [][]source // of the containers
	columns []column
}

func newRowGroup(t *tree, limits pageLimits) *rowGroup {
	g := &rowGroup{
		tree:    t,
		layouts: make([]layout, t.containers),
		nested:  make([][]source, t.containers),
		columns: make([]column, len(t.leaves)),
	}
	for i := range g.layouts {
		g.layouts[i].limit = limits.entries
	}
	for i, l := range t.leaves {
		g.columns[i].leaf = l
	}
	return g
}

// segments holds the array and the binding of one node per segment.
type segments struct {
	arrays   []arrow.ArrayData
	bindings []*binding
	shift    []int
}

func (s *segments) add(b *binding, a arrow.ArrayData) {
	s.arrays = append(s.arrays, a)
	s.bindings = append(s.bindings, b)
}

// fill lays out the rows. There is a binding for each of them.
func (g *rowGroup) fill(rows []Rows, bindings []*binding) error {
	root := &g.layouts[g.tree.root.id]
	root.root(rows)
	for k, child := range g.tree.root.children {
		in := segments{shift: root.shift}
		for seg, r := range rows {
			b := bindings[seg].children[k]
			var a arrow.ArrayData
			if b != absent {
				a = r.Record.Column(b.field).Data()
			}
			in.add(b, a)
		}
		if err := g.node(child, root, in); err != nil {
			return err
		}
	}
	return nil
}

// clear drops all references to the records.
func (g *rowGroup) clear() {
	for i := range g.columns {
		clear(g.columns[i].sources)
	}
	for i := range g.nested {
		clear(g.nested[i])
	}
}

func (g *rowGroup) node(n *node, parent *layout, in segments) error {
	if n.shape == shapeLeaf {
		return g.leafNode(n, parent, in)
	}
	srcs, err := newSources(g.nested[n.id][:0], n, in)
	g.nested[n.id] = srcs
	if err != nil {
		return err
	}
	l := &g.layouts[n.id]
	var hasNulls bool
	if n.shape == shapeStruct {
		hasNulls = l.structure(parent, n.optional, srcs)
	} else if hasNulls, err = l.list(parent, n.optional, srcs); err != nil {
		return fmt.Errorf("parquetfile: %s: %w", n.path, err)
	}
	if hasNulls && !n.optional {
		return nullInRequired(n)
	}
	for k, child := range n.children {
		below, err := in.below(n, k, l.shift)
		if err != nil {
			return err
		}
		if err := g.node(child, l, below); err != nil {
			return err
		}
	}
	return nil
}

func (g *rowGroup) leafNode(n *node, parent *layout, in segments) error {
	c := &g.columns[n.id]
	c.layout = parent
	var err error
	if c.sources, err = newSources(c.sources[:0], n, in); err != nil {
		return err
	}
	c.mayNull = false
	for i := range c.sources {
		s := &c.sources[i]
		c.mayNull = c.mayNull || s.valid != nil || s.mode == readAbsent
	}
	if n.optional || !c.mayNull {
		return nil
	}
	if anyNull(parent.ranges, c.sources) {
		return nullInRequired(n)
	}
	c.mayNull = false
	return nil
}

func newSources(dst []source, n *node, in segments) ([]source, error) {
	for i, b := range in.bindings {
		s, err := newSource(b, in.arrays[i], n, in.shift[i])
		if err != nil {
			return dst, err
		}
		dst = append(dst, s)
	}
	return dst, nil
}

// below returns the segments of the k-th child of n.
func (s *segments) below(n *node, k int, shift []int) (segments, error) {
	in := segments{shift: shift}
	if n.typ.ID() == arrow.MAP {
		in.shift = append([]int(nil), shift...)
	}
	for seg, b := range s.bindings {
		if b == absent || b.children[k] == absent {
			in.add(absent, nil)
			continue
		}
		a := s.arrays[seg]
		need := a.Len()
		switch n.typ.ID() {
		case arrow.STRUCT:
			need += a.Offset()
		case arrow.LIST:
			need = 0 // source.elements checks every offset
		case arrow.MAP:
			// Keys and values are in a struct, which has an offset of its own.
			a = a.Children()[0]
			in.shift[seg] += a.Offset()
			need = a.Offset() + a.Len()
		}
		child := a.Children()[b.children[k].field]
		if child.Len() < need {
			return in, shortBuffer(n.children[k])
		}
		in.add(b.children[k], child)
	}
	return in, nil
}

func nullInRequired(n *node) error {
	return fmt.Errorf("parquetfile: %s: null in a column that is not nullable", n.path)
}
