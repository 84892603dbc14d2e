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

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
