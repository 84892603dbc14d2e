package files

import (
	"errors"
	"fmt"
)

// NoMatchError reports a pattern that stands for no file and no directory.
// Most often it is a typing error, and going on without its files would lose
// them silently.
type NoMatchError struct {
	Pattern string
}

// Error names the pattern and says what to do.
func (e *NoMatchError) Error() string {
	return fmt.Sprintf("files: %q matches no file and no directory: correct the pattern, or create the directory if its files are still to come", e.Pattern)
}

// What ends the reading of a range before the end of its file.
var (
	errStop = errors.New("the consumer has enough")
	errMore = errors.New("the range ends before its file does")
	errGone = errors.New("the rest of the file is lost")
)

// readError is an error of the bytes beneath, as opposed to one of the
// consumer: in a tarball it may be damage, which is no reason to stop.
type readError struct {
	path string
	err  error
}

func (e *readError) Error() string { return fmt.Sprintf("files: read %s: %v", e.path, e.err) }

func (e *readError) Unwrap() error { return e.err }
