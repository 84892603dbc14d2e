package parquetfile

// columnBounds are the bounds of a column over the row groups of a file.
type columnBounds struct {
	bounds
	unknown bool // a row group has values without bounds
}

// columnsOf returns the number of the leaf of each column at the top level, or -1
// if the file has no such column or its values have no order.
func (t *tree) columnsOf(names []string) []int {
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = -1
		for _, n := range t.root.children {
			if n.name == name && n.leaf != nil && n.leaf.order != orderNone {
				out[i] = n.id
			}
		}
	}
	return out
}

// addBounds adds the bounds of a chunk to those of its column.
func (w *Writer) addBounds(c *chunk) {
	for i, column := range w.format.bounded {
		if column != c.column {
			continue
		}
		if w.bounds == nil {
			w.bounds = make([]columnBounds, len(w.format.bounded))
		}
		b, leaf := &w.bounds[i], w.format.tree.leaves[column]
		if b.order == orderNone {
			b.reset(leaf.order)
		}
		switch {
		case !c.bounded:
			// Without bounds are nulls, NaN, and strings that are too long.
			b.unknown = b.unknown || leaf.order == orderText && c.nulls < c.values
		case leaf.order == orderText:
			b.addText([][]byte{c.lower, c.upper})
		case leaf.order == orderBool:
			b.addBools(c.lower)
			b.addBools(c.upper)
		default:
			b.addFixed(c.lower, leaf.width)
			b.addFixed(c.upper, leaf.width)
		}
	}
}

// Bounds returns the least and the greatest value of column i of
// [Options].Bounds, as Parquet encodes them in statistics: little-endian numbers,
// and strings as they are. NaN is ignored. ok is false if there is no value, if a
// value is a string of more than 64 bytes, or if the file has no such column.
func (w *Writer) Bounds(i int) (least, greatest []byte, ok bool) {
	if i >= len(w.bounds) || w.bounds[i].unknown {
		return nil, nil, false
	}
	return w.bounds[i].encoded(nil, nil)
}
