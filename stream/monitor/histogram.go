package monitor

import (
	"slices"
)

// histogram counts durations in seconds by bounds, as Prometheus does.
type histogram struct {
	bounds []float64
	counts []uint64 // one more than bounds
	sum    float64
}

var stageBounds = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newStageTimes() *stageTimes {
	return &stageTimes{durations: histogram{bounds: stageBounds, counts: make([]uint64, len(stageBounds)+1)}}
}

func (h *histogram) add(seconds float64, n uint64) {
	i, _ := slices.BinarySearch(h.bounds, seconds)
	h.counts[i] += n
	h.sum += seconds * float64(n)
}

// cumulative returns the number of durations, and that of those within each bound.
func (h *histogram) cumulative() (total uint64, within map[float64]uint64) {
	within = map[float64]uint64{}
	for i, b := range h.bounds {
		total += h.counts[i]
		within[b] = total
	}
	return total + h.counts[len(h.bounds)], within
}
