package crossmatch

import (
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// mapping is a file in memory. It is there until nobody needs it: neither the
// catalogue nor an array of its columns.
type mapping struct {
	name     string
	data     []byte
	users    atomic.Int64
	sections []summed
	note     string
}

// summed is bytes that are to have a checksum.
type summed struct {
	data []byte
	sum  uint32
}

// mapFile maps a file. Whoever calls it is its first user.
func mapFile(name string) (*mapping, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open one may wait forever
		return nil, &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("it is not a file, but %v", info.Mode().Type())}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	size := info.Size()
	if int64(int(size)) != size {
		return nil, &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("%d bytes are too many", size)}
	}
	m := &mapping{name: name}
	m.users.Store(1)
	if size > 0 {
		if m.data, err = mmap(f, int(size)); err != nil {
			return nil, &fs.PathError{Op: "map", Path: name, Err: err}
		}
	}
	return m, nil
}

// broken is an error of the file.
func (m *mapping) broken(err error) error { return fmt.Errorf("crossmatch: index %s: %w", m.name, err) }

// release drops a user.
func (m *mapping) release() error {
	if m.users.Add(-1) > 0 || m.data == nil {
		return nil
	}
	return munmap(m.data)
}

// buffer returns bytes of the file as a buffer, which is a user until it is
// released for the last time.
func (m *mapping) buffer(b []byte) *memory.Buffer {
	m.users.Add(1)
	return memory.NewBufferWithAllocator(b, lent{memory.DefaultAllocator, m})
}

// lent is what Arrow frees buffers of a file by.
type lent struct {
	memory.Allocator
	file *mapping
}

// Free implements memory.Allocator.
func (l lent) Free([]byte) { _ = l.file.release() } // nobody could do anything about it
