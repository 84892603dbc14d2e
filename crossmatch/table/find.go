package table

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/nearest"
)

// Find returns the number of a column: of the name as it is written or else, if
// that is unequivocal, in other capitals. It is how [Options] finds columns.
func Find(s *arrow.Schema, name string) (int, error) {
	at, err := find(s.NumFields(), func(i int) string { return s.Field(i).Name }, name)
	if err != nil {
		return 0, fmt.Errorf("table: %w", err)
	}
	return at, nil
}

// lookup is Find for the columns of a file.
func lookup(cols []column, name string) (int, error) {
	return find(len(cols), func(i int) string { return cols[i].name }, name)
}

func find(n int, nameOf func(i int) string, name string) (int, error) {
	exact, folded, others := -1, -1, 0
	for i := range n {
		switch has := nameOf(i); {
		case has == name && exact >= 0:
			return 0, fmt.Errorf("more than one column is called %q: rename them", clip(name))
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
		return 0, fmt.Errorf("more than one column goes by %q, %q for one: write it as the file does", clip(name), clip(nameOf(folded)))
	case others == 0:
		all := make([]string, n)
		for i := range all {
			all[i] = nameOf(i)
		}
		return 0, absent{fmt.Errorf("no column %q%s: it has %s", clip(name), nearest.Hint(name, all), list(n, nameOf))}
	}
	return folded, nil
}

// absent is the error of a column that is not there, or cannot be read.
type absent struct{ error }

// list tells columns to people, not all of them.
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
		b.WriteString(clip(nameOf(i)))
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
