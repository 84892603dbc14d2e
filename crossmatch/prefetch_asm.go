package crossmatch

import "unsafe"

//go:noescape
func prefetch(lines *uintptr, n int)

func address[T any](s []T, i uint32) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s))) + uintptr(i)*unsafe.Sizeof(*new(T))
}
