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

// SkippedError reports the files and directories that Available skips because they
// cannot be read at present. It lists them once they can be.
type SkippedError struct {
	Err  error // of the first one; it names the path
	More int   // the number of others
}

// Error returns the text of Err, with the number of others.
func (e *SkippedError) Error() string {
	if e.More > 0 {
		return fmt.Sprintf("%v (and %d more that cannot be read)", e.Err, e.More)
	}
	return e.Err.Error()
}

// count returns the number of entries; e may be nil.
func (e *SkippedError) count() int {
	if e == nil {
		return 0
	}
	return 1 + e.More
}

// Unwrap returns Err.
func (e *SkippedError) Unwrap() error { return e.Err }

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
