package table

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// source is the file, of which it remembers an error: some formats, and their
// libraries, take what cannot be read for the end of the file, and say that the
// file is damaged where a disk is.
type source struct {
	io.ReaderAt
	err atomic.Pointer[error]
}

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(b, at)
	if err != nil && err != io.EOF {
		s.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// explain adds the error to one that may come of it.
func (s *source) explain(err error) error {
	cause := s.err.Load()
	if err == nil || cause == nil || errors.Is(err, *cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, *cause)
}
