package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal returns the size of the terminal that w is, 80 by 24 if the terminal
// does not tell, and whether w is one.
func Terminal(w io.Writer) (columns, lines int, ok bool) {
	if !isTerminal(w) {
		return 0, 0, false
	}
	columns, lines, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil || columns <= 0 || lines <= 0 {
		columns, lines = 80, 24
	}
	return columns, lines, true
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
