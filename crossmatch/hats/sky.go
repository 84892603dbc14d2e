package hats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// partition is a pixel whose rows have their own files.
type partition struct {
	pixel
	rows int64 // -1 if unknown
}

// inOrder sorts partitions in the nested order. They must not overlap.
func inOrder(ps []partition) ([]partition, error) {
	slices.SortFunc(ps, func(a, b partition) int { return cmp.Compare(a.first(), b.first()) })
	for i := 1; i < len(ps); i++ {
		if ps[i].first() < ps[i-1].end() {
			return nil, fmt.Errorf("partitions %v and %v overlap", ps[i-1], ps[i])
		}
	}
	return ps, nil
}

// sky finds the partitions that a cone touches.
type sky struct {
	partitions []partition // in order
	margin     float64     // the threshold, in degrees
}

// tolerance is how far, in degrees, coordinates may differ from those by which the
// catalogue was partitioned: 32-bit coordinates are off by up to 0.06 arcseconds.
const tolerance = 0.2 / 3600

// find returns the number of the partition with a finest pixel, or -1.
func find(ps []partition, nest uint64) int {
	i := sort.Search(len(ps), func(i int) bool { return nest < ps[i].end() })
	if i < len(ps) && nest >= ps[i].first() {
		return i
	}
	return -1
}

// search appends the numbers of the partitions to search for rows within reach, in
// degrees, of a position.
func (s *sky) search(dst []int, ra, dec, reach float64) []int {
	nest := ang2pix(ra, dec)
	own := find(s.partitions, nest)
	reach = min(reach, 180) + tolerance
	if own >= 0 && (reach <= s.margin || s.partitions[own].inside(nest, reach)) {
		return append(dst, own)
	}
	return s.touched(dst, ra, dec, reach)
}

// inside reports whether everything within reach of a finest pixel of p is in p.
func (p pixel) inside(nest uint64, reach float64) bool {
	last := uint32(1)<<(finest-p.order) - 1
	x, y, _ := nest2xyf(pixel{finest, nest})
	x, y = x&last, y&last // on p instead of the face
	border := min(x, last-x, y, last-y)
	return float64(border) > reach*perDegree*stretch*(1<<finest)+1
}

// touched appends the numbers of the partitions within reach of a position, and
// perhaps of some just beyond it.
func (s *sky) touched(dst []int, ra, dec, reach float64) []int {
	w := walk{partitions: s.partitions, at: toVector(ra, dec), reach: reach * perDegree, found: dst}
	for face := range uint64(12) {
		w.visit(pixel{0, face}, 0, len(s.partitions))
	}
	return w.found
}

// walk descends the tree of pixels to those within reach of a position.
type walk struct {
	partitions []partition
	at         vector
	reach      float64 // in radians
	found      []int
}

// visit visits a pixel, which overlaps no partitions but those numbered from
// to to-1.
func (w *walk) visit(p pixel, from, to int) {
	first, end := p.first(), p.end()
	from += sort.Search(to-from, func(i int) bool { return first < w.partitions[from+i].end() })
	to = from + sort.Search(to-from, func(i int) bool { return end <= w.partitions[from+i].first() })
	if from == to || to == from+1 && len(w.found) > 0 && w.found[len(w.found)-1] == from {
		return
	}
	size := maxPixRad(p.order)
	limit := 2 * math.Sin(min(w.reach+size, math.Pi)/2)
	if w.at.chord2(pix2vec(p)) > limit*limit {
		return
	}
	// A pixel this small is as good as a point of its partition.
	if to == from+1 && w.partitions[from].order <= p.order && (size <= w.reach/8 || p.order == finest) {
		w.found = append(w.found, from)
		return
	}
	for k := range uint64(4) {
		w.visit(p.child(k), from, to)
	}
}
