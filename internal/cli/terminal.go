package cli

import (
	"io"
	"os"
)

// Terminal returns the size of the terminal that w is, 80 by 24 where nobody
// tells, and whether it is one. /dev/null is none.
func Terminal(w io.Writer) (columns, lines int, ok bool) {
	if !isTerminal(w) {
		return 0, 0, false
	}
	columns, lines, ok = terminalSize(w.(*os.File))
	if columns <= 0 || lines <= 0 {
		columns, lines = 80, 24
	}
	return columns, lines, ok
}

// Count writes 1234567 as 1,234,567.
func Count(n int64) string { return thousands(n) }

// Bytes writes 1234567 as 1.2 MB.
func Bytes(n int64) string { return size(n) }
