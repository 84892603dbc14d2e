package table

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// source is the file. It remembers the first read error: some readers take a read
// error for the end of the file, and report a damaged file instead of a bad disk.
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

// explain adds the read error to an error that it may have caused.
func (s *source) explain(err error) error {
	cause := s.err.Load()
	if err == nil || cause == nil || errors.Is(err, *cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, *cause)
}
