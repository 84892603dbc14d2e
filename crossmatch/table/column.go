package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxColumns bounds what a header of nothing but names can make of itself.
const maxColumns = 10_000

// column is a column of a file.
type column struct {
	name                   string
	typ                    arrow.DataType // nil: it cannot be read
	why                    string         // it cannot
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

// unique gives each column a name of its own, and those without one a number.
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

// lookup finds a column by name: as it is written or else, if that is
// unequivocal, in other capitals.
func lookup(cols []column, name string) (int, error) {
	folded := -1
	for i, c := range cols {
		if c.name == name {
			return i, nil
		}
		if strings.EqualFold(c.name, name) {
			if folded >= 0 {
				return 0, fmt.Errorf("columns %q and %q both go by %q: write it as the file does", cols[folded].name, c.name, name)
			}
			folded = i
		}
	}
	if folded < 0 {
		return 0, fmt.Errorf("no column %q: it has %s", name, names(cols))
	}
	return folded, nil
}

// names lists columns for people, not all of them.
func names(cols []column) string {
	const most = 40
	var b strings.Builder
	for i, c := range cols {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(cols)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(clip(c.name))
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}

// clip shortens what a file says for an error.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// selectColumns returns the columns asked for, those of the position among them.
func selectColumns(cols []column, ra, dec int, asked []string) ([]int, error) {
	var want []int
	if asked == nil {
		for i, c := range cols {
			if c.why == "" {
				want = append(want, i)
			}
		}
		return want, nil
	}
	want = append(want, ra, dec)
	for _, name := range asked {
		i, err := lookup(cols, name)
		if err != nil {
			return nil, err
		}
		if c := cols[i]; c.why != "" {
			return nil, fmt.Errorf("column %q cannot be read: %s", c.name, c.why)
		}
		if !slices.Contains(want, i) {
			want = append(want, i)
		}
	}
	return want, nil
}
