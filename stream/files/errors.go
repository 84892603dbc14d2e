package files

import (
	"errors"
	"fmt"
)

// NoMatchError reports a pattern that matches neither a file nor a directory.
// It is most often a misspelling; continuing without its files would lose them
// silently.
type NoMatchError struct {
	Pattern string
}

// Error names the pattern and suggests a remedy.
func (e *NoMatchError) Error() string {
	return fmt.Sprintf("files: %q matches no file and no directory: correct the pattern, or create the directory if its files will come later", e.Pattern)
}

// Errors that end the reading of a range before the end of its file.
var (
	errRangeEnd = errors.New("the range ends before its file does")
	errRestLost = errors.New("the rest of the file is damaged")
)

// readError is an error of reading a file, as opposed to one of the consumer. In
// a tarball it may be due to damage, which does not stop the source.
type readError struct {
	path string
	err  error
}

func (e *readError) Error() string { return fmt.Sprintf("files: read %s: %v", e.path, e.err) }

func (e *readError) Unwrap() error { return e.err }
