package parquetfile

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// ErrForm reports a file that no Writer wrote, or a later version of it in another form.
// Arrow's reader may be able to read it.
var ErrForm = errors.New("parquetfile: a file of another writer")

// A Reader reads a file that a Writer of any version wrote. Its methods may be called
// concurrently if the source allows that.
type Reader struct {
	src    io.ReaderAt
	size   int64
	tree   *tree
	schema *arrow.Schema
	names  []string // of the leaves
	footer footer
}

// usualFooter is how much of the end of a file is read at first.
const usualFooter = 64 << 10

// OpenReader reads the footer of a file of the given size. If no Writer wrote the file,
// the error is ErrForm.
func OpenReader(src io.ReaderAt, size int64) (*Reader, error) {
	if size < 12 {
		return nil, fmt.Errorf("parquetfile: %d bytes are too few for a Parquet file", size)
	}
	tail := make([]byte, min(usualFooter, size))
	if err := readFull(src, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	end := tail[len(tail)-8:]
	if string(end[4:]) != magic {
		return nil, errors.New("parquetfile: not a Parquet file: it does not end with " + magic)
	}
	n := int64(binary.LittleEndian.Uint32(end)) + 8
	if n > size-int64(len(magic)) {
		return nil, fmt.Errorf("parquetfile: the footer's length, %d bytes, exceeds the file", n-8)
	}
	if n > int64(len(tail)) {
		tail = make([]byte, n)
		if err := readFull(src, tail, size-n); err != nil {
			return nil, err
		}
	}
	r := &Reader{src: src, size: size}
	if err := r.parseFooter(tail[int64(len(tail))-n : len(tail)-8]); err != nil {
		return nil, err
	}
	return r, nil
}

func readFull(src io.ReaderAt, buf []byte, at int64) error {
	n, err := src.ReadAt(buf, at)
	if n == len(buf) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("parquetfile: read %d bytes at %d: %w", len(buf), at, err)
}

// Schema returns the schema of all columns. Binary columns are binary views.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// NumRows returns the number of rows.
func (r *Reader) NumRows() int64 { return r.footer.rows }

// Metadata returns the key-value pairs of the footer. The caller must not change
// them.
func (r *Reader) Metadata() map[string]string { return r.footer.metadata }

// NumRowGroups returns the number of row groups.
func (r *Reader) NumRowGroups() int { return len(r.footer.groups) }

// RowGroup returns the number of rows of a row group, and of bytes before and after
// compression.
func (r *Reader) RowGroup(i int) (rows, raw, stored int64) {
	g := &r.footer.groups[i]
	for k := range g.chunks {
		raw += g.chunks[k].raw
		stored += g.chunks[k].stored
	}
	return g.rows, raw, stored
}

// Bounds returns the least and the greatest value of a column in a row group, as
// Parquet encodes them in statistics: little-endian numbers, and strings as they
// are. NaN is ignored. ok is false if they are unknown, such as those of a column
// that is null everywhere, or if there is no such column of values.
func (r *Reader) Bounds(group int, column string) (least, greatest []byte, ok bool) {
	for k, l := range r.tree.leaves {
		if r.names[k] == column && l.maxRep == 0 {
			c := &r.footer.groups[group].chunks[k]
			fits := l.width == 0 || len(c.lower) == l.width && len(c.upper) == l.width
			return c.lower, c.upper, fits && c.lower != nil && c.upper != nil
		}
	}
	return nil, nil, false
}

// Nulls returns the number of nulls of a column in a row group, or -1 if there is
// no such column of values.
func (r *Reader) Nulls(group int, column string) int64 {
	for k, l := range r.tree.leaves {
		if r.names[k] == column && l.maxRep == 0 {
			return r.footer.groups[group].chunks[k].nulls
		}
	}
	return -1
}

// ReadRowGroup returns columns of a row group, or all of them if columns is nil.
// A column is named by its path, such as candidate.magpsf. The fields of the structs
// in a list or a map are named as if they were the list's, such as
// prv_candidates.magpsf. The record has the named columns in the order of the file,
// and of structs only the named fields. Maps are whole. The values of binary columns
// are views of pages of about 1 MiB. The caller must release the record.
func (r *Reader) ReadRowGroup(i int, columns []string) (arrow.Record, error) {
	chosen, err := r.choose(columns)
	if err != nil {
		return nil, err
	}
	g := &groupReader{file: r, group: &r.footer.groups[i], chosen: chosen}
	rec, err := g.read()
	if err != nil {
		return nil, fmt.Errorf("parquetfile: row group %d: %w", i, err)
	}
	return rec, nil
}

// choose returns for each leaf whether it is chosen.
func (r *Reader) choose(columns []string) ([]bool, error) {
	chosen := make([]bool, len(r.tree.leaves))
	if columns == nil {
		for i := range chosen {
			chosen[i] = true
		}
		return chosen, nil
	}
	for _, c := range columns {
		found := false
		for i, name := range r.names {
			if name == c || strings.HasPrefix(name, c) && name[len(c)] == '.' {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("parquetfile: no column %q", c)
		}
	}
	chooseMaps(r.tree.root, chosen)
	return chosen, nil
}

// chooseMaps chooses the keys and values of each map of which a leaf is chosen.
func chooseMaps(n *node, chosen []bool) (any bool) {
	if n.leaf != nil {
		return chosen[n.id]
	}
	for _, c := range n.children {
		any = chooseMaps(c, chosen) || any
	}
	if any && n.typ.ID() == arrow.MAP {
		chooseAll(n, chosen)
	}
	return any
}

func chooseAll(n *node, chosen []bool) {
	if n.leaf != nil {
		chosen[n.id] = true
	}
	for _, c := range n.children {
		chooseAll(c, chosen)
	}
}

// groupReader reads one row group.
type groupReader struct {
	file   *Reader
	group  *group
	chosen []bool
	leaves []*leafValues // nil if not chosen
}

func (g *groupReader) read() (arrow.Record, error) {
	if err := g.decodeAll(); err != nil {
		return nil, err
	}
	root := g.file.tree.root
	var fields []arrow.Field
	var arrays []arrow.Array
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	for _, n := range root.children {
		if !g.wants(n) {
			continue
		}
		data, err := g.assemble(n, place{}, int(g.group.rows))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", n.path, err)
		}
		arrays = append(arrays, array.MakeFromData(data))
		fields = append(fields, arrow.Field{Name: n.name, Type: data.DataType(), Nullable: n.optional})
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, g.group.rows), nil
}

// decodeAll reads and decodes the chosen column chunks, in the order of the file.
func (g *groupReader) decodeAll() error {
	d := decoders.Get().(*decoder)
	defer d.free()
	d.window.reset(g.file.src, g.file.size)
	leaves, chunks := g.file.tree.leaves, g.group.chunks
	g.leaves = make([]*leafValues, len(leaves))
	order := g.inFileOrder()
	for k, i := range order {
		c := &chunks[i]
		if k == 0 || c.end() > d.window.end {
			// Chunks that are close to one another are read together.
			d.window.end = c.end()
			for _, next := range order[k+1:] {
				if chunks[next].start > d.window.end+maxGap {
					break
				}
				d.window.end = max(d.window.end, chunks[next].end())
			}
		}
		v, err := d.decode(leaves[i], c)
		if err != nil {
			return fmt.Errorf("column %s: %w", leaves[i].node.path, err)
		}
		g.leaves[i] = v
	}
	return nil
}

// inFileOrder returns the chosen leaves.
func (g *groupReader) inFileOrder() (order []int) {
	for i, c := range g.chosen {
		if c {
			order = append(order, i)
		}
	}
	chunks := g.group.chunks
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(chunks[a].start, chunks[b].start) })
	return order
}

// wants reports whether a leaf below a node is chosen.
func (g *groupReader) wants(n *node) bool { return g.leader(n) != nil }

// leader returns the chosen leaf below a node whose levels describe it: the one
// with the fewest repetitions.
func (g *groupReader) leader(n *node) (best *leaf) {
	if n.leaf != nil {
		if g.chosen[n.id] {
			return n.leaf
		}
		return nil
	}
	for _, c := range n.children {
		if l := g.leader(c); l != nil && (best == nil || l.maxRep < best.maxRep) {
			best = l
		}
	}
	return best
}
