//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// movable returns an error if files cannot be moved from one directory to
// another. It is EXDEV if they are on different file systems.
func movable(from, to string) error {
	a, err := device(from)
	if err != nil {
		return err
	}
	b, err := device(to)
	if err != nil {
		return err
	}
	// The kernel compares the mounts before it looks for the file.
	src, dst := tempName(filepath.Join(from, "probe")), tempName(filepath.Join(to, "probe"))
	if err := os.Rename(src, dst); errors.Is(err, syscall.EXDEV) {
		return err
	}
	if a == b {
		return nil
	}
	// Such as two subvolumes of Btrfs: a file shows whether it can be moved.
	if err := writeSynced(src, nil); err != nil {
		return err
	}
	if err := os.Rename(src, dst); err != nil {
		os.Remove(src)
		return err
	}
	return os.Remove(dst)
}

// device returns the number of the device of a directory.
func device(dir string) (uint64, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return 0, &fs.PathError{Op: "stage", Path: dir, Err: syscall.ENOTDIR}
	}
	return uint64(s.Dev), nil
}
