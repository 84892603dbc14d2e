// Package clip shortens text from files and services for error messages.
package clip

import (
	"strings"
	"unicode"
)

// Text returns s, cut after at most n bytes of whole characters and with an
// ellipsis if it is longer. Characters that a terminal would obey become U+FFFD.
func Text(s string, n int) string {
	short := s
	if len(s) > n {
		short = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, short)
}
