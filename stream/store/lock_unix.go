//go:build unix

package store

import (
	"errors"
	"os"
	"path"
	"syscall"
)

var _ Locker = (*Dir)(nil)

// Lock implements Locker with flock(2) on a file of that name, which is not removed.
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
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return f.Close, nil
}
