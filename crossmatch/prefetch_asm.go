//go:build (amd64 || arm64) && !purego

package crossmatch

import "unsafe"

// prefetch starts loading the cache lines at n addresses.
//
//go:noescape
func prefetch(addresses *uintptr, n int)

func address[T any](s []T, i uint32) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s))) + uintptr(i)*unsafe.Sizeof(*new(T))
}

// fetchFields prefetches the fields of queries.
func (s *search) fetchFields(queries []query) {
	for i := range queries {
		s.addresses[i] = address(s.x.fields, queries[i].field)
	}
	prefetch(&s.addresses[0], len(queries))
}

// fetchStarts prefetches where the rows of cells begin.
func (s *search) fetchStarts(ranges []cellRange) {
	for i := range ranges {
		s.addresses[i] = address(s.x.start, ranges[i].from)
	}
	prefetch(&s.addresses[0], len(ranges))
}

// fetchRows prefetches the first and the last row of each range; the rows between are
// near them.
func (s *search) fetchRows(ranges []cellRange) {
	n := 0
	for _, p := range ranges {
		s.addresses[n], s.addresses[n+1] = address(s.x.rows, p.from), address(s.x.rows, p.to)-1
		more := 0
		if p.from < p.to { // no branch: it cannot be predicted
			more = 2
		}
		n += more
	}
	prefetch(&s.addresses[0], n)
}
