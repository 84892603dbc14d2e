package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal reports whether w is a terminal on which lines can be redrawn, and
// its size. If the size is unknown, it returns 80 by 24. With TERM=dumb no
// terminal can redraw.
func Terminal(w io.Writer) (columns, lines int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0, 0, false
	}
	if columns, lines, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && lines > 0 {
		return columns, lines, true
	}
	return 80, 24, true
}
