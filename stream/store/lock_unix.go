//go:build unix

package store

import (
	"errors"
	"os"
	"path"
	"syscall"
)

// Lock makes name a lock that one process can hold at a time; it falls when
// the process ends, however it ends. An error that wraps ErrLocked says that
// another process holds it. A ledger is right without locks: they are there
// to tell a user early that a second process was started by mistake.
func (d *Dir) Lock(name string) (unlock func() error, err error) {
	if err := d.mkdir(path.Dir(name)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(name), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return f.Close, nil
}
