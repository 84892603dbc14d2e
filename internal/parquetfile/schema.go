package parquetfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// physical is a Parquet type.
type physical int32

const (
	physBool   physical = 0
	physInt32  physical = 1
	physInt64  physical = 2
	physFloat  physical = 4
	physDouble physical = 5
	physBytes  physical = 6
	physFixed  physical = 7
)

// shape is what a node of the schema does to the levels.
type shape int

const (
	shapeLeaf shape = iota
	shapeStruct
	shapeList // a map too: a list of key and value
)

// order says how values of a leaf compare, for the statistics.
type order int

const (
	orderNone order = iota
	orderBool
	orderInt32
	orderInt64
	orderFloat32
	orderFloat64
	orderDecimal
	orderText
)

// maxDepth bounds the nesting of a schema. A level of nesting costs up to two
// definition levels, which must fit a byte and leave 255 free.
const maxDepth = 100

// node is a field of the file: a leaf column, or what holds some.
type node struct {
	name     string
	path     string // as errors name it
	typ      arrow.DataType
	shape    shape
	optional bool
	root     bool
	children []*node // a list has its element, a map its key and value

	id   int // place among the leaves, or among the containers
	leaf *leaf
}

// leaf is a column of the file.
type leaf struct {
	node     *node
	column   []string // path in the file's schema
	phys     physical
	width    int // bytes of a value, 0 where they differ
	order    order
	maxDef   uint8
	maxRep   uint8
	optional bool
}

// tree is the schema of a file.
type tree struct {
	root       *node
	leaves     []*leaf
	containers int
}

func newTree(schema *arrow.Schema) (*tree, error) {
	t := &tree{}
	typ := arrow.StructOf()
	if n := schema.NumFields(); n > 0 {
		// StructOf panics on names that occur twice.
		if err := uniqueNames(schema.Fields(), ""); err != nil {
			return nil, err
		}
		typ = arrow.StructOf(schema.Fields()...)
	}
	root := &node{name: "schema", typ: typ, root: true}
	if err := t.grow(root, nil, levels{}, 0); err != nil {
		return nil, err
	}
	t.root = root
	return t, nil
}

// levels are the highest definition and repetition level of a place in the
// schema.
type levels struct{ def, rep uint8 }

// grow settles the shape of n, which stands at column, and all below it.
func (t *tree) grow(n *node, column []string, at levels, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("parquetfile: %s: nested deeper than %d", n.path, maxDepth)
	}
	if n.optional {
		at.def++
	}
	switch typ := n.typ.(type) {
	case *arrow.StructType:
		return t.growStruct(n, typ, column, at, depth)
	case *arrow.MapType:
		key, value := typ.KeyField(), typ.ItemField()
		key.Name, key.Nullable, value.Name = "key", false, "value"
		return t.growList(n, append(column, "key_value"), at, depth, key, value)
	case *arrow.ListType:
		element := typ.ElemField()
		element.Name = "element"
		return t.growList(n, append(column, "list"), at, depth, element)
	}
	l, err := newLeaf(n)
	if err != nil {
		return err
	}
	l.column = append([]string(nil), column...)
	l.maxDef, l.maxRep = at.def, at.rep
	n.leaf, n.id = l, len(t.leaves)
	t.leaves = append(t.leaves, l)
	return nil
}

func (t *tree) growStruct(n *node, typ *arrow.StructType, column []string, at levels, depth int) error {
	if typ.NumFields() == 0 {
		return fmt.Errorf("parquetfile: %s: a struct without fields has no Parquet form", describe(n.path))
	}
	if err := uniqueNames(typ.Fields(), n.path); err != nil {
		return err
	}
	n.shape, n.id = shapeStruct, t.containers
	t.containers++
	return t.growChildren(n, column, at, depth, typ.Fields()...)
}

func (t *tree) growList(n *node, column []string, at levels, depth int, fields ...arrow.Field) error {
	n.shape, n.id = shapeList, t.containers
	t.containers++
	return t.growChildren(n, column, levels{at.def + 1, at.rep + 1}, depth, fields...)
}

func (t *tree) growChildren(n *node, column []string, at levels, depth int, fields ...arrow.Field) error {
	for _, f := range fields {
		c := &node{name: f.Name, path: join(n.path, f.Name), typ: f.Type, optional: f.Nullable}
		if f.Type.ID() == arrow.NULL {
			c.optional = true
		}
		n.children = append(n.children, c)
		// The full slice keeps siblings from writing over each other's path.
		err := t.grow(c, append(column[:len(column):len(column)], f.Name), at, depth+1)
		if err != nil {
			return err
		}
	}
	return nil
}

func newLeaf(n *node) (*leaf, error) {
	l := &leaf{node: n, optional: n.optional}
	set := func(p physical, width int, o order) { l.phys, l.width, l.order = p, width, o }
	switch typ := n.typ.(type) {
	case *arrow.BooleanType:
		set(physBool, 0, orderBool)
	case *arrow.NullType:
		set(physInt32, 4, orderNone)
	case *arrow.Int32Type, *arrow.Date32Type:
		set(physInt32, 4, orderInt32)
	case *arrow.Int64Type:
		set(physInt64, 8, orderInt64)
	case *arrow.Float32Type:
		set(physFloat, 4, orderFloat32)
	case *arrow.Float64Type:
		set(physDouble, 8, orderFloat64)
	case *arrow.StringType, *arrow.StringViewType:
		set(physBytes, 0, orderText)
	case *arrow.BinaryType, *arrow.BinaryViewType:
		set(physBytes, 0, orderNone)
	case *arrow.FixedSizeBinaryType:
		if typ.ByteWidth <= 0 {
			return nil, noForm(n)
		}
		set(physFixed, typ.ByteWidth, orderNone)
	case *arrow.Decimal128Type:
		if typ.Precision < 1 || typ.Precision > 38 || typ.Scale < 0 || typ.Scale > typ.Precision {
			return nil, noForm(n)
		}
		set(physFixed, decimalWidth(typ.Precision), orderDecimal)
	default:
		if !newTimeLeaf(l, n.typ) {
			return nil, noForm(n)
		}
	}
	return l, nil
}

// newTimeLeaf settles the leaves that count a unit of time.
func newTimeLeaf(l *leaf, typ arrow.DataType) bool {
	switch typ := typ.(type) {
	case *arrow.Time32Type:
		l.phys, l.width, l.order = physInt32, 4, orderInt32
		return typ.Unit == arrow.Millisecond
	case *arrow.Time64Type:
		l.phys, l.width, l.order = physInt64, 8, orderInt64
		return typ.Unit == arrow.Microsecond
	case *arrow.TimestampType:
		l.phys, l.width, l.order = physInt64, 8, orderInt64
		// Parquet keeps an instant, not the zone it is shown in: another zone
		// would not come back.
		return typ.Unit != arrow.Second && (typ.TimeZone == "" || typ.TimeZone == "UTC")
	}
	return false
}

// decimalWidth is the fewest bytes whose two's complement holds every number
// of so many digits.
func decimalWidth(precision int32) int {
	widths := [...]int{1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9,
		9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16}
	return widths[precision]
}

func uniqueNames(fields []arrow.Field, path string) error {
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.Name] {
			return fmt.Errorf("parquetfile: %s: the name occurs twice", join(path, f.Name))
		}
		seen[f.Name] = true
	}
	return nil
}

func noForm(n *node) error {
	return fmt.Errorf("parquetfile: %s: %s has no Parquet form here", describe(n.path), n.typ)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// describe names the top of a schema, whose path is empty.
func describe(path string) string {
	if path == "" {
		return "schema"
	}
	return path
}
