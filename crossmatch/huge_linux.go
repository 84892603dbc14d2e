package crossmatch

import (
	"syscall"
	"unsafe"
)

// makeHuge makes a slice of which a large one lies in huge pages, if the system
// has some: lookups at random then miss the cache, but not the page tables too.
func makeHuge[T any](n int) []T {
	const page = 2 << 20
	s := make([]T, n)
	bytes := n * int(unsafe.Sizeof(*new(T)))
	if bytes < 2*page {
		return s
	}
	begin := uintptr(unsafe.Pointer(&s[0]))
	skip := int(-begin & (page - 1))
	syscall.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), bytes)[skip:bytes&^(1<<12-1)], 14) // MADV_HUGEPAGE; it is advice
	return s
}
