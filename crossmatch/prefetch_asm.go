//go:build (amd64 || arm64) && !purego

package crossmatch

import "unsafe"

// prefetch asks memory for the lines at some addresses, and waits for none.
//
//go:noescape
func prefetch(lines *uintptr, n int)

func address[T any](s []T, i uint32) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s))) + uintptr(i)*unsafe.Sizeof(*new(T))
}

// fetchFields asks memory for the fields of places.
func (s *search) fetchFields(places []place) {
	for i := range places {
		s.lines[i] = address(s.x.fields, places[i].field)
	}
	prefetch(&s.lines[0], len(places))
}

// fetchStarts asks memory for what says where the rows of cells begin.
func (s *search) fetchStarts(spans []span) {
	for i := range spans {
		s.lines[i] = address(s.x.start, spans[i].from)
	}
	prefetch(&s.lines[0], len(spans))
}

// fetchRows asks memory for the first and the last of the rows of spans; what
// lies between is near them.
func (s *search) fetchRows(spans []span) {
	n := 0
	for _, p := range spans {
		s.lines[n], s.lines[n+1] = address(s.x.rows, p.from), address(s.x.rows, p.to)-1
		more := 0
		if p.from < p.to { // no branch: it cannot be predicted
			more = 2
		}
		n += more
	}
	prefetch(&s.lines[0], n)
}
