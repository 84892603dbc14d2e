//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"syscall"
)

var _ Locker = (*Dir)(nil)

// Lock implements Locker with flock(2) on a file of that name, which is not removed.
// If the file system has no locks, the error wraps errors.ErrUnsupported.
func (d *Dir) Lock(name string, shared bool) (unlock func() error, err error) {
	if err := d.mkdir(path.Dir(name)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(name), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	if err := lock(func() error { return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB) }); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return f.Close, nil
}

// lock calls flock again while signals interrupt it, and translates its errors.
func lock(flock func() error) error {
	for {
		switch err := flock(); err {
		case syscall.EINTR:
		case syscall.EWOULDBLOCK:
			return ErrLocked
		case syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOLCK:
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		default:
			return err
		}
	}
}
