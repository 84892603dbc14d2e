// Package printable makes text from packets, file names and servers safe to print
// on a terminal, in one line.
package printable

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text returns s with Go's escapes, such as \x1b and \n, in place of everything
// that a terminal would not print, or would print in another order.
func Text(s string) string {
	for i, r := range s {
		if !isPrintable(s[i:], r) {
			return escape(s)
		}
	}
	return s
}

func isPrintable(s string, r rune) bool {
	return strconv.IsPrint(r) && (r != utf8.RuneError || !invalid(s))
}

func invalid(s string) bool {
	_, n := utf8.DecodeRuneInString(s)
	return n == 1
}

func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case isPrintable(s[i:], r):
			b.WriteRune(r)
		case r == utf8.RuneError:
			b.WriteString(`\x` + strconv.FormatInt(int64(s[i])+0x100, 16)[1:])
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
