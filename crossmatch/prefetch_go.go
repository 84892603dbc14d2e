//go:build !(amd64 || arm64) || purego

package crossmatch

import "runtime"

// fetchStarts does nothing: loads that do not depend on each other are on their
// way at the same time by themselves.
func (s *search) fetchStarts([]span) {}

// fetchRows reads the rows of spans, so that those of many are on their way at
// the same time.
func (s *search) fetchRows(spans []span) {
	sum := 0.
	for _, p := range spans {
		if p.from < p.to {
			sum += s.x.rows[p.from].dec + s.x.rows[p.to-1].dec
		}
	}
	runtime.KeepAlive(sum)
}
