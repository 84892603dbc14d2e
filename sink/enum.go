package sink

import (
	"fmt"
	"slices"
	"strings"
)

// parseName returns the value whose name is at its index in names. The error
// calls such values what.
func parseName[T ~int](what string, names []string, name string) (T, error) {
	if i := slices.Index(names, name); i >= 0 {
		return T(i), nil
	}
	last := len(names) - 1
	return 0, fmt.Errorf("sink: unknown %s %q: use %s or %s", what, name, strings.Join(names[:last], ", "), names[last])
}

// nameOf returns the name of a value, or typ and its number if it has none.
func nameOf[T ~int](typ string, names []string, v T) string {
	if v < 0 || int(v) >= len(names) {
		return fmt.Sprintf("%s(%d)", typ, int(v))
	}
	return names[v]
}
