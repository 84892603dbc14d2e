package parquetfile

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

const (
	magic = "PAR1"
	// Readers take the version apart to know whose mistakes to expect.
	createdBy = "skyfinch version 1.0.0 (build 0)"
	version   = 2
)

// groupTotal sums up the chunks of a row group.
type groupTotal struct{ raw, stored int64 }

func (t *groupTotal) add(c *chunk) {
	t.raw += c.raw
	t.stored += c.stored
}

// beginGroup opens a row group of so many columns, whose chunks follow.
func (t *compact) beginGroup(columns int) {
	t.begin()
	t.list(1, thriftStruct, columns)
}

func (t *compact) endGroup(total groupTotal, rows, offset int64) {
	t.i64(2, total.raw)
	t.i64(3, rows)
	t.i64(5, offset)
	t.i64(6, total.stored)
	t.end()
}

// columnChunk describes a chunk that has been written.
func (t *compact) columnChunk(l *leaf, c *chunk) {
	t.begin()
	t.i64(2, c.offset)
	t.structure(3)
	t.i32(1, int32(l.phys))
	encodings := []int64{encodingPlain, encodingRLE}
	if c.dictionary > 0 {
		encodings = append(encodings, encodingDictionary)
	}
	t.list(2, thriftI32, len(encodings))
	for _, e := range encodings {
		t.buf = binary.AppendVarint(t.buf, e)
	}
	t.list(3, thriftBinary, len(l.column))
	for _, name := range l.column {
		t.element(name)
	}
	t.i32(4, c.codec)
	t.i64(5, c.values)
	t.i64(6, c.raw)
	t.i64(7, c.stored)
	t.i64(9, c.offset+c.dictionary)
	if c.dictionary > 0 {
		t.i64(11, c.offset)
	}
	t.statistics(c)
	t.end()
	t.end()
}

func (t *compact) statistics(c *chunk) {
	t.structure(12)
	t.i64(3, c.nulls)
	if c.bounded {
		t.bytes(5, c.upper)
		t.bytes(6, c.lower)
		t.bool(7, true) // both are values of the column, not cut short
		t.bool(8, true)
	}
	t.end()
}

// footer is what ends the file: the metadata, its length, the magic.
func (f *Writer) footer() []byte {
	var t compact
	t.begin()
	t.i32(1, version)
	t.list(2, thriftStruct, f.tree.root.elements())
	t.node(f.tree.root)
	t.i64(3, f.rows)
	t.list(4, thriftStruct, f.groupCount)
	t.buf = append(t.buf, f.groups.buf...)
	if keys := slices.Sorted(maps.Keys(f.options.Metadata)); len(keys) > 0 {
		t.list(5, thriftStruct, len(keys))
		for _, k := range keys {
			t.begin()
			t.string(1, k)
			t.string(2, f.options.Metadata[k])
			t.end()
		}
	}
	t.string(6, createdBy)
	t.list(7, thriftStruct, len(f.tree.leaves))
	for range f.tree.leaves {
		t.begin()
		t.empty(1) // the order of the type
		t.end()
	}
	t.end()
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(len(t.buf)))
	return append(t.buf, magic...)
}

// elements counts the schema elements of n and all below.
func (n *node) elements() int {
	count := 1
	if n.shape == shapeList {
		count = 2 // the repeated group between
	}
	for _, c := range n.children {
		count += c.elements()
	}
	return count
}

// node describes a node and all below in the footer.
func (t *compact) node(n *node) {
	t.begin()
	if n.shape == shapeLeaf {
		t.i32(1, int32(n.leaf.phys))
		if n.leaf.phys == physFixed {
			t.i32(2, int32(n.leaf.width))
		}
	}
	if !n.root {
		t.i32(3, repetition(n.optional))
	}
	t.string(4, n.name)
	switch n.shape {
	case shapeStruct:
		t.i32(5, int32(len(n.children)))
	case shapeList:
		t.i32(5, 1)
	}
	t.annotation(n.typ)
	t.end()
	if n.shape == shapeList {
		t.repeated(n)
	}
	for _, c := range n.children {
		t.node(c)
	}
}

func repetition(optional bool) int32 {
	if optional {
		return 1
	}
	return 0
}

// repeated describes the group between a list and its element, or a map and
// its key and value.
func (t *compact) repeated(n *node) {
	name := "list"
	if n.typ.ID() == arrow.MAP {
		name = "key_value"
	}
	t.begin()
	t.i32(3, 2) // repeated
	t.string(4, name)
	t.i32(5, int32(len(n.children)))
	t.end()
}
