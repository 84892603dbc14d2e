package crossmatch

import (
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// mapping is a file in memory. It is unmapped once neither the catalogue nor an array of
// its columns uses it.
type mapping struct {
	name     string
	data     []byte
	users    atomic.Int64
	sections []checkedSection // all sections, for Verify
	note     string
}

// checkedSection is a section and the checksum that it should have.
type checkedSection struct {
	data []byte
	sum  uint32
}

// mapFile maps a file. The caller is its first user, and must call release.
func mapFile(name string) (*mapping, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe could block forever
		return nil, &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("not a regular file: %v", info.Mode().Type())}
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
		return nil, &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("%d bytes are too large", size)}
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

// wrap adds the name of the file to an error.
func (m *mapping) wrap(err error) error { return fmt.Errorf("crossmatch: index %s: %w", m.name, err) }

// release removes a user, and unmaps the file after the last.
func (m *mapping) release() error {
	if m.users.Add(-1) > 0 || m.data == nil {
		return nil
	}
	return munmap(m.data)
}

// buffer returns bytes of the file as a buffer, which is a user until it is freed.
func (m *mapping) buffer(b []byte) *memory.Buffer {
	m.users.Add(1)
	return memory.NewBufferWithAllocator(b, mappedAllocator{memory.DefaultAllocator, m})
}

// mappedAllocator is the allocator of buffers of a file; its Free releases the file.
type mappedAllocator struct {
	memory.Allocator
	file *mapping
}

// Free implements memory.Allocator.
func (l mappedAllocator) Free([]byte) { _ = l.file.release() } // Free cannot return an error
