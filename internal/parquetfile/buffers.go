package parquetfile

import (
	"math/bits"
	"sync"
)

// buffers recycles page buffers. Their capacities are powers of two, so that
// the buffer of a large page does not become that of many small ones.
type buffers struct {
	free [bits.UintSize]freeList[[]byte]
}

// get returns a buffer of n bytes with arbitrary content.
func (b *buffers) get(n int) []byte {
	class := bits.Len(uint(max(n, 1) - 1))
	if buf, ok := b.free[class].get(); ok {
		return buf[:n]
	}
	return make([]byte, n, 1<<class)
}

// maxReused is the size of the largest buffer that is kept for later use: pages are
// larger only if a single row is.
const maxReused = 8 << 20

// put takes back a buffer that get returned, or a slice that begins with it.
func (b *buffers) put(buf []byte) {
	class := bits.Len(uint(cap(buf)) - 1)
	if cap(buf) == 1<<class && cap(buf) <= maxReused { // otherwise append has replaced it
		b.free[class].put(buf)
	}
}

// freeList keeps values for later use.
type freeList[T any] struct {
	mu   sync.Mutex
	free []T
}

// get removes the value that was put last, and reports whether there was one.
func (l *freeList[T]) get() (v T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return v, false
	}
	v = l.free[n-1]
	l.free = l.free[:n-1]
	return v, true
}

func (l *freeList[T]) put(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, v)
}
