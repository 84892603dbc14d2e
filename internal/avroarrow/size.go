package avroarrow

import "github.com/apache/arrow/go/v17/arrow"

// Size is what a schema costs in memory and in files.
type Size struct {
	Columns  int // leaf columns
	Nested   int // records, lists and maps
	Row      int // bytes of memory for a row, without text and list elements
	Elements int // bytes of memory for one element of each list, without text
	Names    int // bytes of the paths of all leaf columns, which each row group of a file repeats
}

// SizeOf returns what a schema costs.
func SizeOf(s *arrow.Schema) (n Size) {
	n.add(s.Fields(), 0, &n.Row)
	return n
}

// add adds the columns of fields, whose rows add to row. path is the length of the
// parent's path.
func (n *Size) add(fields []arrow.Field, path int, row *int) {
	for _, f := range fields {
		path := path + len(f.Name) + 1
		*row += rowBytes(f.Type)
		switch t := f.Type.(type) {
		case *arrow.StructType:
			n.Nested++
			n.add(t.Fields(), path, row)
		case arrow.NestedType:
			n.Nested++
			n.add(t.Fields(), path, &n.Elements)
		default:
			n.Columns++
			n.Names += path
		}
	}
}
