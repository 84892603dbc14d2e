package alert

import "github.com/apache/arrow/go/v17/arrow/memory"

const (
	// freeMemory is the memory that a call of Apply takes without asking. The
	// columns of a chunk of real alerts take less.
	freeMemory = 8 << 20
	// minGrowth is the least memory to ask for.
	minGrowth = 4 << 20
)

// callAllocator allocates the columns of one call of Apply after another, and asks
// for their memory beyond freeMemory: short messages may have long lists of
// columns, and many calls run at once. Only the call that has it may allocate;
// Free may be called by any goroutine.
type callAllocator struct {
	memory.Allocator
	grow       func(n int64) // of the present call
	taken, may int64         // bytes in the present call
}

// begin begins a call, which asks for memory by grow.
func (a *callAllocator) begin(grow func(n int64)) { a.grow, a.taken, a.may = grow, 0, freeMemory }

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
	if a.taken += int64(n); a.taken > a.may {
		more := max(a.taken-a.may, minGrowth)
		a.grow(more)
		a.may += more
	}
}
