package parquetfile

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/thrift"
)

// footer is the content of a file's footer.
type footer struct {
	version  int64
	rows     int64
	elements []element
	groups   []group
	metadata map[string]string
	creator  string
}

// group is a row group.
type group struct {
	rows   int64
	chunks []columnChunk // by leaf
}

// columnChunk is what the footer says of a column chunk.
type columnChunk struct {
	phys         int64
	codec        int64
	values       int64
	raw, stored  int64
	data, dict   int64 // offsets of the first data page and of the dictionary page, 0 if there is none
	nulls        int64
	lower, upper []byte // nil if absent
	elsewhere    bool   // in another file

	start int64 // of the first page
}

func (c *columnChunk) end() int64 { return c.start + c.stored }

// element is a schema element. Absent numbers are -1.
type element struct {
	phys, width, repetition, children, converted, scale, precision int64
	name                                                           string
	logical                                                        int // 0 if absent
	utc                                                            bool
	unit                                                           int
}

// parseFooter parses the metadata and checks that the file is of the Writer's form.
func (r *Reader) parseFooter(b []byte) error {
	f := &r.footer
	f.metadata = map[string]string{}
	var key string
	_, err := thrift.Walk(b, func(path []int, number int64, text []byte) {
		switch {
		case len(path) == 1 && path[0] == 1:
			f.version = number
		case len(path) == 1 && path[0] == 3:
			f.rows = number
		case len(path) == 1 && path[0] == 6:
			f.creator = string(text)
		case len(path) >= 3 && path[0] == 2:
			if e := at(&f.elements, path[1], element{-1, -1, -1, -1, -1, -1, -1, "", 0, false, 0}); e != nil {
				e.set(path[2:], number, text)
			}
		case len(path) >= 3 && path[0] == 4:
			if g := at(&f.groups, path[1], group{}); g != nil {
				if i := len(f.groups) - 2; g.chunks == nil && i >= 0 {
					g.chunks = make([]columnChunk, 0, len(f.groups[i].chunks))
				}
				g.set(path[2:], number, text)
			}
		case len(path) == 3 && path[0] == 5:
			if path[2] == 1 {
				key = string(text)
			} else if path[2] == 2 {
				f.metadata[key] = string(text)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("parquetfile: footer: %w", err)
	}
	if !strings.HasPrefix(f.creator, creator) {
		return fmt.Errorf("%w: %q", ErrForm, f.creator)
	}
	if len(f.elements) == 0 {
		return errors.New("parquetfile: footer: it has no schema")
	}
	fields, rest, err := fieldsOf(f.elements[1:], f.elements[0].children, 0)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("parquetfile: footer: its schema has elements that belong to no column")
	}
	r.schema = arrow.NewSchema(fields, nil)
	if r.tree, err = newTree(r.schema); err != nil {
		return fmt.Errorf("%w: %v", ErrForm, err)
	}
	r.names = make([]string, len(r.tree.leaves))
	r.name(r.tree.root, "")
	return r.checkGroups()
}

// name sets the names of the leaves below a node: their paths without the names of
// the parts of lists.
func (r *Reader) name(n *node, path string) {
	if n.leaf != nil {
		r.names[n.id] = path
	}
	for _, c := range n.children {
		if n.typ.ID() == arrow.LIST {
			r.name(c, path)
		} else {
			r.name(c, join(path, c.name))
		}
	}
}

// at returns element i of a list that is being read, which may be the next one. It
// returns nil if i cannot be an index.
func at[T any](list *[]T, i int, next T) *T {
	if i == len(*list) {
		*list = append(*list, next)
	}
	if i < 0 || i >= len(*list) {
		return nil
	}
	return &(*list)[i]
}

// checkGroups checks what the footer says of the row groups.
func (r *Reader) checkGroups() error {
	var rows int64
	for i := range r.footer.groups {
		g := &r.footer.groups[i]
		if g.rows < 0 || g.rows > math.MaxInt32 || len(g.chunks) != len(r.tree.leaves) {
			return fmt.Errorf("parquetfile: footer: row group %d has %d rows and %d of %d columns", i, g.rows, len(g.chunks), len(r.tree.leaves))
		}
		rows += g.rows
		for k := range g.chunks {
			if err := r.checkChunk(&g.chunks[k], r.tree.leaves[k], g.rows); err != nil {
				return fmt.Errorf("%w: row group %d, column %s", err, i, r.tree.leaves[k].node.path)
			}
		}
	}
	if rows != r.footer.rows {
		return fmt.Errorf("parquetfile: footer: %d rows, but %d in its row groups", r.footer.rows, rows)
	}
	return nil
}

// checkChunk checks what the footer says of a column chunk, and sets its start.
func (r *Reader) checkChunk(c *columnChunk, l *leaf, rows int64) error {
	c.start = c.data
	if c.dict > 0 {
		c.start = min(c.data, c.dict)
	}
	switch {
	case c.elsewhere || c.codec != codecUncompressed && c.codec != codecSnappy && c.codec != codecZstd:
		return fmt.Errorf("%w: codec %d", ErrForm, c.codec)
	case c.phys != int64(l.phys):
		return fmt.Errorf("parquetfile: footer: physical type %d, not %d", c.phys, l.phys)
	case c.start < int64(len(magic)) || c.stored < 0 || c.stored > r.size-c.start:
		return fmt.Errorf("parquetfile: footer: %d bytes at %d of a file of %d bytes", c.stored, c.start, r.size)
	case c.values < rows || c.values > math.MaxInt32 || l.maxRep == 0 && c.values != rows:
		return fmt.Errorf("parquetfile: footer: %d values in %d rows", c.values, rows)
	}
	return nil
}

// set sets what the footer says at a path below an element.
func (e *element) set(path []int, number int64, text []byte) {
	switch {
	case len(path) == 1:
		switch path[0] {
		case 1:
			e.phys = number
		case 2:
			e.width = number
		case 3:
			e.repetition = number
		case 4:
			e.name = string(text)
		case 5:
			e.children = number
		case 6:
			e.converted = number
		case 7:
			e.scale = number
		case 8:
			e.precision = number
		}
	case path[0] == 10 && len(path) >= 2:
		e.logical = path[1]
		if len(path) == 3 && path[2] == 1 {
			e.utc = number != 0
		}
		if len(path) == 4 && path[2] == 2 {
			e.unit = path[3]
		}
	}
}

// set sets what the footer says at a path below a row group.
func (g *group) set(path []int, number int64, text []byte) {
	if len(path) == 1 && path[0] == 3 {
		g.rows = number
	}
	if len(path) < 3 || path[0] != 1 {
		return
	}
	c := at(&g.chunks, path[1], columnChunk{})
	if c == nil {
		return
	}
	switch in := path[2:]; {
	case in[0] == 1:
		c.elsewhere = true
	case in[0] != 3:
	case len(in) == 2:
		switch in[1] {
		case 1:
			c.phys = number
		case 4:
			c.codec = number
		case 5:
			c.values = number
		case 6:
			c.raw = number
		case 7:
			c.stored = number
		case 9:
			c.data = number
		case 11:
			c.dict = number
		}
	case len(in) == 3 && in[1] == 12:
		switch in[2] {
		case 3:
			c.nulls = number
		case 5:
			c.upper = text
		case 6:
			c.lower = text
		}
	}
}

// fieldsOf returns the next n fields that elements describe, and the elements after
// them.
func fieldsOf(elements []element, n int64, depth int) (fields []arrow.Field, rest []element, err error) {
	if depth > maxDepth {
		return nil, nil, fmt.Errorf("%w: nested deeper than %d", ErrForm, maxDepth)
	}
	for ; n > 0; n-- {
		if len(elements) == 0 {
			return nil, nil, errors.New("parquetfile: footer: its schema is cut short")
		}
		var f arrow.Field
		if f, elements, err = fieldOf(elements, depth); err != nil {
			return nil, nil, err
		}
		fields = append(fields, f)
	}
	return fields, elements, nil
}

// fieldOf returns the field that begins with the first element.
func fieldOf(elements []element, depth int) (f arrow.Field, rest []element, err error) {
	e := &elements[0]
	f.Name, f.Nullable = e.name, e.repetition == 1
	form := func(what string) error {
		return fmt.Errorf("%w: column %s: %s", ErrForm, e.name, what)
	}
	if e.repetition != 0 && e.repetition != 1 {
		return f, nil, form("repeated without a list")
	}
	if e.phys >= 0 {
		if f.Type = e.leafType(); f.Type == nil {
			return f, nil, form("a type that is not written here")
		}
		return f, elements[1:], nil
	}
	if e.logical != logicalList && e.logical != logicalMap {
		if e.logical != 0 || e.converted >= 0 || e.children <= 0 {
			return f, nil, form("a group of another kind")
		}
		fields, rest, err := fieldsOf(elements[1:], e.children, depth+1)
		if err != nil {
			return f, nil, err
		}
		if err := uniqueNames(fields, e.name); err != nil {
			return f, nil, fmt.Errorf("%w: %v", ErrForm, err)
		}
		f.Type = arrow.StructOf(fields...)
		return f, rest, nil
	}
	if e.children != 1 || len(elements) < 2 || elements[1].repetition != 2 {
		return f, nil, form("a list of another form")
	}
	inner := &elements[1]
	fields, rest, err := fieldsOf(elements[2:], inner.children, depth+1)
	if err != nil {
		return f, nil, err
	}
	switch {
	case e.logical == logicalList && inner.name == "list" && len(fields) == 1 && fields[0].Name == "element":
		f.Type = arrow.ListOfField(fields[0])
	case e.logical == logicalMap && inner.name == "key_value" && len(fields) == 2 && fields[0].Name == "key" && !fields[0].Nullable && fields[1].Name == "value":
		m := arrow.MapOf(fields[0].Type, fields[1].Type)
		m.SetItemNullable(fields[1].Nullable)
		f.Type = m
	default:
		return f, nil, form("a list of another form")
	}
	return f, rest, nil
}

// leafType returns the type of the values of an element, or nil if the Writer
// writes no such element.
func (e *element) leafType() arrow.DataType {
	plain := e.logical == 0 && e.converted < 0
	switch e.phys {
	case int64(physBool):
		if plain {
			return arrow.FixedWidthTypes.Boolean
		}
	case int64(physInt32):
		switch {
		case plain:
			return arrow.PrimitiveTypes.Int32
		case e.logical == logicalUnknown:
			return arrow.Null
		case e.logical == logicalDate:
			return arrow.FixedWidthTypes.Date32
		case e.logical == logicalTime && e.unit == 1 && !e.utc:
			return arrow.FixedWidthTypes.Time32ms
		}
	case int64(physInt64):
		switch {
		case plain:
			return arrow.PrimitiveTypes.Int64
		case e.logical == logicalTime && e.unit == 2 && !e.utc:
			return arrow.FixedWidthTypes.Time64us
		case e.logical == logicalTimestamp && e.unit >= 1 && e.unit <= 3:
			t := &arrow.TimestampType{Unit: [...]arrow.TimeUnit{1: arrow.Millisecond, 2: arrow.Microsecond, 3: arrow.Nanosecond}[e.unit]}
			if e.utc {
				t.TimeZone = "UTC"
			}
			return t
		}
	case int64(physFloat):
		if plain {
			return arrow.PrimitiveTypes.Float32
		}
	case int64(physDouble):
		if plain {
			return arrow.PrimitiveTypes.Float64
		}
	case int64(physBytes):
		switch {
		case plain:
			return arrow.BinaryTypes.BinaryView
		case e.logical == logicalString:
			return arrow.BinaryTypes.String
		}
	case int64(physFixed):
		switch {
		case e.width <= 0 || e.width > math.MaxInt32:
		case plain:
			return &arrow.FixedSizeBinaryType{ByteWidth: int(e.width)}
		case e.logical == logicalDecimal && e.precision >= 1 && e.precision <= 38 && e.scale >= 0 && e.scale <= e.precision &&
			e.width == int64(decimalWidth(int32(e.precision))):
			return &arrow.Decimal128Type{Precision: int32(e.precision), Scale: int32(e.scale)}
		}
	}
	return nil
}
