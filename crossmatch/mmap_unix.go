//go:build unix && !aix && !solaris && !illumos

package crossmatch

import (
	"errors"
	"os"
	"syscall"
)

// mmap maps a file for reading, shared with other processes.
func mmap(f *os.File, size int) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
}

func munmap(b []byte) error { return syscall.Munmap(b) }

// syncDir flushes a directory to the disk.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
