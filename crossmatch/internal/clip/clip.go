// Package clip shortens text from files and services for error messages.
package clip

import "strings"

// Text returns s, cut after at most n bytes of whole characters and with an
// ellipsis if it is longer.
func Text(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
