package parquetfile

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// physical is a physical type of Parquet.
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

// shape is how a node of the schema affects the levels.
type shape int

const (
	shapeLeaf shape = iota
	shapeStruct
	shapeList // also a map, which is a list of keys and values
)

// sortOrder is how the values of a leaf compare in the statistics.
type sortOrder int

const (
	orderNone sortOrder = iota
	orderBool
	orderInt32
	orderInt64
	orderFloat32
	orderFloat64
	orderDecimal
	orderText
)

// maxDepth is the deepest nesting of a schema. Each level adds up to two
// definition levels, which must be less than presentLevel.
const maxDepth = 100

// node is a field of the file: a column, or a struct, list or map of them.
type node struct {
	name     string
	path     string // for errors
	typ      arrow.DataType
	shape    shape
	optional bool
	root     bool
	children []*node // of a list its element, of a map its key and value

	id   int // index among the leaves, or among the containers
	leaf *leaf
}

// leaf is a column of the file.
type leaf struct {
	node     *node
	column   []string // path in the file's schema
	phys     physical
	width    int // bytes of a value, 0 if it varies
	order    sortOrder
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
		// StructOf panics if a name occurs twice.
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

// levels are the highest definition and repetition level at a node.
type levels struct{ def, rep uint8 }

// grow sets the shape of n, whose path in the file is column, and adds its
// descendants.
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
		return t.growContainer(n, shapeList, append(column, "key_value"), at, depth, key, value)
	case *arrow.ListType:
		element := typ.ElemField()
		element.Name = "element"
		return t.growContainer(n, shapeList, append(column, "list"), at, depth, element)
	}
	phys, width, order, ok := leafType(n.typ)
	if !ok {
		return fmt.Errorf("parquetfile: %s: type %s is not supported", describe(n.path), n.typ)
	}
	n.id = len(t.leaves)
	n.leaf = &leaf{node: n, column: slices.Clone(column), phys: phys, width: width, order: order,
		maxDef: at.def, maxRep: at.rep, optional: n.optional}
	t.leaves = append(t.leaves, n.leaf)
	return nil
}

func (t *tree) growStruct(n *node, typ *arrow.StructType, column []string, at levels, depth int) error {
	if typ.NumFields() == 0 {
		return fmt.Errorf("parquetfile: %s: Parquet has no structs without fields", describe(n.path))
	}
	if err := uniqueNames(typ.Fields(), n.path); err != nil {
		return err
	}
	return t.growContainer(n, shapeStruct, column, at, depth, typ.Fields()...)
}

// growContainer adds the fields of a container.
func (t *tree) growContainer(n *node, s shape, column []string, at levels, depth int, fields ...arrow.Field) error {
	n.shape, n.id = s, t.containers
	t.containers++
	if s == shapeList {
		at = levels{at.def + 1, at.rep + 1}
	}
	for _, f := range fields {
		c := &node{name: f.Name, path: join(n.path, f.Name), typ: f.Type, optional: f.Nullable || f.Type.ID() == arrow.NULL}
		n.children = append(n.children, c)
		// Clipping makes append copy the path, which siblings would overwrite.
		err := t.grow(c, append(column[:len(column):len(column)], f.Name), at, depth+1)
		if err != nil {
			return err
		}
	}
	return nil
}

// leafType returns how values of a type are stored and compared. It returns false
// if the type is not supported.
func leafType(typ arrow.DataType) (_ physical, width int, _ sortOrder, ok bool) {
	switch typ := typ.(type) {
	case *arrow.BooleanType:
		return physBool, 0, orderBool, true
	case *arrow.NullType:
		return physInt32, 4, orderNone, true
	case *arrow.Int32Type, *arrow.Date32Type:
		return physInt32, 4, orderInt32, true
	case *arrow.Int64Type:
		return physInt64, 8, orderInt64, true
	case *arrow.Float32Type:
		return physFloat, 4, orderFloat32, true
	case *arrow.Float64Type:
		return physDouble, 8, orderFloat64, true
	case *arrow.StringType, *arrow.StringViewType:
		return physBytes, 0, orderText, true
	case *arrow.BinaryType, *arrow.BinaryViewType:
		return physBytes, 0, orderNone, true
	case *arrow.FixedSizeBinaryType:
		return physFixed, typ.ByteWidth, orderNone, typ.ByteWidth > 0
	case *arrow.Decimal128Type:
		if typ.Precision < 1 || typ.Precision > 38 || typ.Scale < 0 || typ.Scale > typ.Precision {
			return 0, 0, 0, false
		}
		return physFixed, decimalWidth(typ.Precision), orderDecimal, true
	case *arrow.Time32Type:
		return physInt32, 4, orderInt32, typ.Unit == arrow.Millisecond
	case *arrow.Time64Type:
		return physInt64, 8, orderInt64, typ.Unit == arrow.Microsecond
	case *arrow.TimestampType:
		// Parquet stores instants without a zone: another zone would be lost.
		return physInt64, 8, orderInt64, typ.Unit != arrow.Second && (typ.TimeZone == "" || typ.TimeZone == "UTC")
	}
	return 0, 0, 0, false
}

// decimalWidth returns the number of bytes of the shortest two's complement that
// holds every number of precision digits.
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

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// describe returns the path for an error; that of the root is empty.
func describe(path string) string {
	if path == "" {
		return "schema"
	}
	return path
}
