//go:build unix

package store

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A signal does not end the wait for the system, and a file system without locks is
// not one whose lock is held.
func TestLockErrors(t *testing.T) {
	for _, c := range []struct {
		results []error
		want    error
	}{
		{[]error{nil}, nil},
		{[]error{syscall.EINTR, syscall.EINTR, nil}, nil},
		{[]error{syscall.EINTR, syscall.EWOULDBLOCK}, ErrLocked},
		{[]error{syscall.ENOSYS}, errors.ErrUnsupported},
		{[]error{syscall.EOPNOTSUPP}, errors.ErrUnsupported},
		{[]error{syscall.ENOLCK}, errors.ErrUnsupported},
		{[]error{syscall.EIO}, syscall.EIO},
	} {
		n := 0
		err := lock(func() error { n++; return c.results[n-1] })
		assert.ErrorIs(t, err, c.want)
		assert.Len(t, c.results, n)
	}
}
