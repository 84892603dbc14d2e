//go:build !unix || aix || solaris || illumos

package crossmatch

import (
	"io"
	"os"
	"unsafe"
)

// mmap reads the file, aligned as a mapping would be.
func mmap(f *os.File, size int) ([]byte, error) {
	b := make([]byte, size+sectionAlign)
	b = b[-uintptr(unsafe.Pointer(&b[0]))%sectionAlign:][:size:size]
	_, err := io.ReadFull(f, b)
	return b, err
}

func munmap([]byte) error { return nil }

// syncDir does nothing: not every system can sync a directory.
func syncDir(string) error { return nil }
