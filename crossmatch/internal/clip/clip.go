// Package clip shortens text from files and services for error messages.
package clip

import (
	"strings"

	"github.com/skyfinch/skyfinch/internal/printable"
)

// Text returns s, cut after at most n bytes of whole characters and with an
// ellipsis if it is longer. What a terminal would not print is then escaped.
func Text(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return printable.Text(s)
}
