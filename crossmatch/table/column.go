package table

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxColumns bounds the memory that a header of nothing but names can take.
const maxColumns = 10_000

// column is a column of a file.
type column struct {
	name                   string
	typ                    arrow.DataType // nil if the column cannot be read
	why                    string         // why it cannot
	nested                 bool           // a field of a struct, read only if requested
	unit, ucd, description string
}

func (c column) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.typ, Nullable: true, Metadata: c.metadata(c.unit)}
}

func (c column) metadata(unit string) arrow.Metadata {
	var keys, values []string
	for _, kv := range [...][2]string{{"unit", unit}, {"ucd", c.ucd}, {"description", c.description}} {
		if kv[1] != "" {
			keys, values = append(keys, kv[0]), append(values, kv[1])
		}
	}
	return arrow.NewMetadata(keys, values)
}

// unique makes the names of columns unique, and names those without a name.
func unique(cols []column) {
	seen := make(map[string]bool, len(cols))
	for _, c := range cols {
		seen[c.name] = true
	}
	used := make(map[string]int, len(cols))
	for i := range cols {
		c := &cols[i]
		if c.name == "" {
			c.name = fmt.Sprintf("column_%d", i+1)
		}
		base := c.name
		for n := used[base]; ; n++ {
			name := base
			if n > 0 {
				name = fmt.Sprintf("%s_%d", base, n+1)
				if seen[name] {
					continue
				}
			}
			c.name, used[base] = name, n+1
			break
		}
	}
}

// selectColumns returns the requested columns, including those of the position.
func selectColumns(cols []column, ra, dec int, o Options) ([]int, error) {
	var want []int
	if o.Columns == nil {
		for i, c := range cols {
			if c.why == "" && !c.nested {
				want = append(want, i)
			}
		}
		return want, nil
	}
	want = append(want, ra, dec)
	for k, name := range slices.Concat(o.Columns, o.Optional) {
		i, err := lookup(cols, name)
		if err == nil && cols[i].why != "" {
			err = missing{fmt.Errorf("column %q cannot be read: %s", cols[i].name, cols[i].why)}
		}
		if _, ok := err.(missing); ok && k >= len(o.Columns) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(want, i) {
			want = append(want, i)
		}
	}
	return want, nil
}
