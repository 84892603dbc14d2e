package crossmatch

import (
	"syscall"
	"unsafe"
)

// makeHuge makes a slice, in huge pages if it is large and the system allows it: random
// lookups then miss the cache, but not the page table as well.
func makeHuge[T any](n int) []T {
	const page = 2 << 20
	s := make([]T, n)
	bytes := n * int(unsafe.Sizeof(*new(T)))
	if bytes < 2*page {
		return s
	}
	begin := uintptr(unsafe.Pointer(&s[0]))
	skip := int(-begin & (page - 1))
	syscall.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), bytes)[skip:bytes&^(1<<12-1)], 14) // MADV_HUGEPAGE; advice, so errors do not matter
	return s
}
