//go:build !(amd64 || arm64) || purego

package crossmatch

import "runtime"

// Without prefetch, what is needed soon is read: loads that do not depend on each
// other are on their way at the same time.

// fetchFields reads the fields of places.
func (s *search) fetchFields(places []place) {
	sum := uint32(0)
	for i := range places {
		sum += s.x.fields[places[i].field].side
	}
	runtime.KeepAlive(sum)
}

// fetchStarts does nothing: they are read in a row as it is.
func (s *search) fetchStarts([]span) {}

// fetchRows reads the first and the last of the rows of spans.
func (s *search) fetchRows(spans []span) {
	sum := 0.
	for _, p := range spans {
		if p.from < p.to {
			sum += s.x.rows[p.from].dec + s.x.rows[p.to-1].dec
		}
	}
	runtime.KeepAlive(sum)
}
