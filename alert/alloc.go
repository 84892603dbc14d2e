package alert

import "github.com/apache/arrow/go/v17/arrow/memory"

const (
	// freeMemory is the size in bytes that a call of Apply may allocate without
	// asking. The columns of a chunk of real alerts take less.
	freeMemory = 8 << 20
	// minGrowth is the least size in bytes to ask for.
	minGrowth = 4 << 20
)

// callAllocator allocates the columns of a call of Apply. It asks for memory beyond
// freeMemory before it allocates it: short messages may take much more memory than
// their bytes, and many calls run at once. Later calls use it again. Only the
// current call may allocate; Free may be called by any goroutine.
type callAllocator struct {
	memory.Allocator
	grow           func(n int64) // asks for n bytes
	taken, granted int64         // bytes in the current call
}

// begin begins a call of Apply.
func (a *callAllocator) begin(grow func(n int64)) { a.grow, a.taken, a.granted = grow, 0, freeMemory }

// Allocate implements memory.Allocator.
func (a *callAllocator) Allocate(size int) []byte {
	a.take(size)
	return a.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (a *callAllocator) Reallocate(size int, b []byte) []byte {
	a.take(size - len(b))
	return a.Allocator.Reallocate(size, b)
}

func (a *callAllocator) take(n int) {
	if a.taken += int64(n); a.taken > a.granted {
		more := max(a.taken-a.granted, minGrowth)
		a.grow(more)
		a.granted += more
	}
}
