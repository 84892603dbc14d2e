package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch/internal/clip"
	"github.com/skyfinch/skyfinch/internal/nearest"
)

// Find returns the index of the column with the given name or, if there is
// none, of the only column whose name differs only in case. The columns that
// [Options] names are found in the same way.
func Find(s *arrow.Schema, name string) (int, error) {
	at, err := find(s.NumFields(), func(i int) string { return s.Field(i).Name }, name)
	if err != nil {
		return 0, fmt.Errorf("table: %w", err)
	}
	return at, nil
}

// lookup finds a column of a file as Find does.
func lookup(cols []column, name string) (int, error) {
	return find(len(cols), func(i int) string { return cols[i].name }, name)
}

func find(n int, nameOf func(i int) string, name string) (int, error) {
	exact, folded, others := -1, -1, 0
	for i := range n {
		switch has := nameOf(i); {
		case has == name && exact >= 0:
			return 0, fmt.Errorf("more than one column is called %q: rename them", short(name))
		case has == name:
			exact = i
		case strings.EqualFold(has, name):
			if folded < 0 {
				folded = i
			}
			others++
		}
	}
	switch {
	case exact >= 0:
		return exact, nil
	case others > 1:
		return 0, fmt.Errorf("more than one column matches %q, %q for one: use the exact name", short(name), short(nameOf(folded)))
	case others == 0:
		all := make([]string, n)
		for i := range all {
			all[i] = nameOf(i)
		}
		hint := nearest.Hint(name, all)
		if i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, name+".") }); i >= 0 {
			hint = fmt.Sprintf(" by itself: name its fields, such as %q", short(all[i]))
		}
		return 0, missing{fmt.Errorf("no column %q%s: it has %s", short(name), hint, list(n, nameOf))}
	}
	return folded, nil
}

// missing is the error of a column that does not exist or cannot be read.
type missing struct{ error }

// list returns the names of columns, not too many of them, for an error.
func list(n int, nameOf func(i int) string) string {
	const most = 40
	var b strings.Builder
	for i := range n {
		if i == most {
			fmt.Fprintf(&b, " and %d more", n-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(short(nameOf(i)))
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}

// short shortens text from a file for an error.
func short(s string) string { return clip.Text(s, 60) }
