//go:build !(amd64 || arm64) || purego

package crossmatch

import "runtime"

// Without prefetch instructions, memory that is needed soon is read early: the processor
// overlaps loads that do not depend on each other.

// fetchFields reads the fields of queries.
func (s *search) fetchFields(queries []query) {
	sum := uint32(0)
	for i := range queries {
		sum += s.x.fields[queries[i].field].side
	}
	runtime.KeepAlive(sum)
}

// fetchStarts does nothing: step reads them one after another anyway.
func (s *search) fetchStarts([]cellRange) {}

// fetchRows reads the first and the last row of each range.
func (s *search) fetchRows(ranges []cellRange) {
	sum := 0.
	for _, p := range ranges {
		if p.from < p.to {
			sum += s.x.rows[p.from].dec + s.x.rows[p.to-1].dec
		}
	}
	runtime.KeepAlive(sum)
}
