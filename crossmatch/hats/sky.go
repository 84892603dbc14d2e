package hats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// partition is a pixel whose rows lie in files of their own.
type partition struct {
	pixel
	rows int64 // -1: not said
}

// inOrder sorts partitions by their place in the nested order. They must not
// overlap.
func inOrder(ps []partition) ([]partition, error) {
	slices.SortFunc(ps, func(a, b partition) int { return cmp.Compare(a.first(), b.first()) })
	for i := 1; i < len(ps); i++ {
		if ps[i].first() < ps[i-1].end() {
			return nil, fmt.Errorf("partitions %v and %v overlap", ps[i-1], ps[i])
		}
	}
	return ps, nil
}

// sky tells which partitions positions have to do with.
type sky struct {
	partitions []partition // in order
	margin     float64     // in degrees, out to which each has its neighbours' rows
}

// slack is how far, in degrees, coordinates may be from those by which rows were
// sorted into partitions: 32-bit ones are off by 0.06 arcseconds.
const slack = 0.2 / 3600

// find returns the number of the partition that has a finest pixel, or -1.
func find(ps []partition, nest uint64) int {
	i := sort.Search(len(ps), func(i int) bool { return nest < ps[i].end() })
	if i < len(ps) && nest >= ps[i].first() {
		return i
	}
	return -1
}

// search appends the numbers of the partitions that are to be searched for what is
// within reach of a position, in degrees.
func (s *sky) search(dst []int, ra, dec, reach float64) []int {
	nest := ang2pix(ra, dec)
	own := find(s.partitions, nest)
	reach = min(reach, 180) + slack
	if own >= 0 && (reach <= s.margin || s.partitions[own].inside(nest, reach)) {
		return append(dst, own)
	}
	return s.touched(dst, ra, dec, reach)
}

// inside reports whether all within reach of one of its finest pixels is in the
// pixel.
func (p pixel) inside(nest uint64, reach float64) bool {
	last := uint32(1)<<(finest-p.order) - 1
	x, y, _ := nest2xyf(pixel{finest, nest})
	x, y = x&last, y&last // of this pixel, no longer of the face
	border := min(x, last-x, y, last-y)
	return float64(border) > reach*perDegree*stretch*(1<<finest)+1
}

// touched appends the numbers of the partitions that have something within reach
// of a position, and perhaps of some that are just beyond it.
func (s *sky) touched(dst []int, ra, dec, reach float64) []int {
	w := walk{partitions: s.partitions, at: toVector(ra, dec), reach: reach * perDegree, found: dst}
	for face := range uint64(12) {
		w.visit(pixel{0, face}, 0, len(s.partitions))
	}
	return w.found
}

// walk goes down the tree of pixels to those within reach of a position.
type walk struct {
	partitions []partition
	at         vector
	reach      float64 // in radians
	found      []int
}

// visit looks at a pixel, which overlaps none but the partitions from one to
// another.
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
	// A part of a partition that is this small is as good as a point of it.
	if to == from+1 && w.partitions[from].order <= p.order && (size <= w.reach/8 || p.order == finest) {
		w.found = append(w.found, from)
		return
	}
	for k := range uint64(4) {
		w.visit(p.child(k), from, to)
	}
}
