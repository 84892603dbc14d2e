package parquetfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// column is a leaf of the file with the values of one row group.
type column struct {
	leaf    *leaf
	layout  *layout
	sources []source // one a segment
	mayNull bool     // some value may be null: look at each
}

// plan is a row group before its values are touched: the layout of every
// container and the arrays of every column. It is kept for its buffers.
type plan struct {
	tree    *tree
	layouts []layout
	nested  [][]source // of the containers
	columns []column
}

func newPlan(t *tree, limits pageLimits) *plan {
	p := &plan{
		tree:    t,
		layouts: make([]layout, t.containers),
		nested:  make([][]source, t.containers),
		columns: make([]column, len(t.leaves)),
	}
	for i := range p.layouts {
		p.layouts[i].limit = limits.entries
	}
	for i, l := range t.leaves {
		p.columns[i].leaf = l
	}
	return p
}

// segments are one node's arrays and bindings, one of each a segment.
type segments struct {
	arrays   []arrow.ArrayData
	bindings []*binding
	shift    []int
}

func (s *segments) add(b *binding, a arrow.ArrayData) {
	s.arrays = append(s.arrays, a)
	s.bindings = append(s.bindings, b)
}

// fill lays out the rows, of records bound one by one.
func (p *plan) fill(rows []Rows, bindings []*binding) error {
	root := &p.layouts[p.tree.root.id]
	root.root(rows)
	for k, child := range p.tree.root.children {
		in := segments{shift: root.shift}
		for seg, r := range rows {
			b := bindings[seg].children[k]
			if b == absent {
				in.add(absent, nil)
			} else {
				in.add(b, r.Record.Column(b.field).Data())
			}
		}
		if err := p.node(child, root, in); err != nil {
			return err
		}
	}
	return nil
}

// clear lets go of the records.
func (p *plan) clear() {
	for i := range p.columns {
		clear(p.columns[i].sources)
	}
	for i := range p.nested {
		clear(p.nested[i])
	}
}

func (p *plan) node(n *node, around *layout, in segments) error {
	if n.shape == shapeLeaf {
		return p.leafNode(n, around, in)
	}
	srcs, err := newSources(p.nested[n.id][:0], n, in)
	p.nested[n.id] = srcs
	if err != nil {
		return err
	}
	l := &p.layouts[n.id]
	var hasNulls bool
	if n.shape == shapeStruct {
		hasNulls = l.structure(around, n.optional, srcs)
	} else if hasNulls, err = l.list(around, n.optional, srcs); err != nil {
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
		if err := p.node(child, l, below); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) leafNode(n *node, around *layout, in segments) error {
	c := &p.columns[n.id]
	c.layout = around
	var err error
	if c.sources, err = newSources(c.sources[:0], n, in); err != nil {
		return err
	}
	c.mayNull = false
	for i := range c.sources {
		s := &c.sources[i]
		c.mayNull = c.mayNull || s.valid != nil || s.reading == readAbsent
	}
	if n.optional || !c.mayNull {
		return nil
	}
	for _, s := range around.spans {
		if c.sources[s.seg].hasNull(s.from, s.to) {
			return nullInRequired(n)
		}
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

// below takes the k-th child's arrays out of those of n.
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
			need = 0 // every offset is held against the child's length
		case arrow.MAP:
			// The keys and values are those of a struct between, whose own
			// offset counts too.
			a = a.Children()[0]
			in.shift[seg] += a.Offset()
			need = a.Offset() + a.Len()
		}
		child := a.Children()[b.children[k].field]
		if child.Len() < need {
			return in, short(n.children[k])
		}
		in.add(b.children[k], child)
	}
	return in, nil
}

func nullInRequired(n *node) error {
	return fmt.Errorf("parquetfile: %s: null in a column that may not have any", n.path)
}
