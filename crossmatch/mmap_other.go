//go:build !unix || aix || solaris || illumos

package crossmatch

import (
	"io"
	"os"
	"unsafe"
)

// mmap reads a file, where mapping it would be a matter of its own.
func mmap(f *os.File, size int) ([]byte, error) {
	b := make([]byte, size+sectionAlign)
	b = b[-uintptr(unsafe.Pointer(&b[0]))%sectionAlign:][:size:size]
	_, err := io.ReadFull(f, b)
	return b, err
}

func munmap([]byte) error { return nil }

// syncDir does nothing: not every system can sync a directory.
func syncDir(string) error { return nil }
