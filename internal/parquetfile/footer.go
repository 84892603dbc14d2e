package parquetfile

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

const (
	magic = "PAR1"
	// Readers parse the version to work around known bugs of writers.
	createdBy = creator + "1.0.0 (build 0)"
	creator   = "skyfinch version " // of every version
	version   = 2
)

// groupTotal is the size of the chunks of a row group, before and after
// compression.
type groupTotal struct{ raw, stored int64 }

func (t *groupTotal) add(c *chunk) {
	t.raw += c.raw
	t.stored += c.stored
}

// beginGroup opens a row group. The given number of column chunks must follow.
func (t *thriftWriter) beginGroup(columns int) {
	t.begin()
	t.list(1, thriftStruct, columns)
}

func (t *thriftWriter) endGroup(total groupTotal, rows, offset int64) {
	t.i64(2, total.raw)
	t.i64(3, rows)
	t.i64(5, offset)
	t.i64(6, total.stored)
	t.end()
}

// columnChunk writes the metadata of a chunk that is in the file.
func (t *thriftWriter) columnChunk(l *leaf, c *chunk) {
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

func (t *thriftWriter) statistics(c *chunk) {
	t.structure(12)
	t.i64(3, c.nulls)
	if c.bounded {
		t.bytes(5, c.upper)
		t.bytes(6, c.lower)
		t.bool(7, true) // both bounds are exact, not truncated
		t.bool(8, true)
	}
	t.end()
}

// footer returns the end of the file: the metadata, its length and the magic
// bytes.
func (w *Writer) footer() []byte {
	tree := w.format.tree
	var t thriftWriter
	t.begin()
	t.i32(1, version)
	t.list(2, thriftStruct, tree.root.elements())
	t.node(tree.root)
	t.i64(3, w.rows)
	t.list(4, thriftStruct, w.groupCount)
	t.buf = append(t.buf, w.groups.buf...)
	metadata := w.metadata
	if metadata == nil {
		metadata = w.format.options.Metadata
	}
	if keys := slices.Sorted(maps.Keys(metadata)); len(keys) > 0 {
		t.list(5, thriftStruct, len(keys))
		for _, k := range keys {
			t.begin()
			t.string(1, k)
			t.string(2, metadata[k])
			t.end()
		}
	}
	t.string(6, createdBy)
	t.list(7, thriftStruct, len(tree.leaves))
	for range tree.leaves {
		t.begin()
		t.empty(1) // the order that the type defines
		t.end()
	}
	t.end()
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(len(t.buf)))
	return append(t.buf, magic...)
}

// elements counts the schema elements of n and its descendants.
func (n *node) elements() int {
	count := 1
	if n.shape == shapeList {
		count = 2 // with the repeated group
	}
	for _, c := range n.children {
		count += c.elements()
	}
	return count
}

// node writes the schema elements of n and its descendants.
func (t *thriftWriter) node(n *node) {
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

// repeated writes the group between a list and its element, or between a map and
// its key and value.
func (t *thriftWriter) repeated(n *node) {
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
