// Package regular opens files that must be regular ones.
package regular

import (
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular is the cause of an error of Open.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file, or a link to one, for reading. Unlike os.Open it
// returns an error for a named pipe, instead of waiting for its writer.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	return os.Open(name)
}
