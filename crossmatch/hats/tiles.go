package hats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// tile is a pixel of the sky that a partition has the rows of.
type tile struct {
	order int
	pixel uint64
	rows  int64 // -1: not said
}

func (t tile) String() string { return fmt.Sprintf("Norder=%d Npix=%d", t.order, t.pixel) }

// first is the first of its finest pixels, end the one behind the last.
func (t tile) first() uint64 { return t.pixel << (2 * (finest - t.order)) }
func (t tile) end() uint64   { return (t.pixel + 1) << (2 * (finest - t.order)) }

// newTiles sorts tiles by their place in the nested order. They must not overlap.
func newTiles(ts []tile) ([]tile, error) {
	slices.SortFunc(ts, func(a, b tile) int { return cmp.Compare(a.first(), b.first()) })
	for i := 1; i < len(ts); i++ {
		if ts[i].first() < ts[i-1].end() {
			return nil, fmt.Errorf("partitions %v and %v overlap", ts[i-1], ts[i])
		}
	}
	return ts, nil
}

// sky tells which tiles positions have to do with.
type sky struct {
	tiles  []tile  // sorted
	margin float64 // in degrees, out to which each has its neighbours' rows
}

// slack is how far, in degrees, coordinates may be from those by which rows were
// sorted into tiles: 32-bit ones are off by 0.06 arcseconds.
const slack = 0.2 / 3600

// find returns the number of the tile that has a finest pixel, or -1.
func find(tiles []tile, pixel uint64) int {
	i := sort.Search(len(tiles), func(i int) bool { return pixel < tiles[i].end() })
	if i < len(tiles) && pixel >= tiles[i].first() {
		return i
	}
	return -1
}

// search appends the numbers of the tiles that are to be searched for what is
// within reach of a position, in degrees.
func (s *sky) search(dst []int, ra, dec, reach float64) []int {
	c := cellOf(ra, dec)
	own := find(s.tiles, c.pixel())
	reach = min(reach, 180) + slack
	if own >= 0 && (reach <= s.margin || s.tiles[own].inside(c, reach)) {
		return append(dst, own)
	}
	return s.touched(dst, ra, dec, reach)
}

// inside reports whether all within reach of a cell of the tile is in the tile.
func (t tile) inside(c cell, reach float64) bool {
	last := uint32(1)<<(finest-t.order) - 1
	x, y := c.x&last, c.y&last
	border := min(x, last-x, y, last-y)
	return float64(border) > reach*perDegree*stretch*(1<<finest)+1
}

// touched appends the numbers of the tiles that have something within reach of a
// position, and perhaps of some that are just beyond it.
func (s *sky) touched(dst []int, ra, dec, reach float64) []int {
	w := walk{tiles: s.tiles, at: toVector(ra, dec), reach: reach * perDegree, found: dst}
	for face := range uint32(12) {
		w.visit(node{tile: tile{pixel: uint64(face)}, face: face}, 0, len(s.tiles))
	}
	return w.found
}

// walk goes down the tree of pixels to those within reach of a position.
type walk struct {
	tiles []tile
	at    vector
	reach float64 // in radians
	found []int
}

// visit looks at a pixel, which overlaps none but the tiles from one to another.
func (w *walk) visit(n node, from, to int) {
	first, end := n.first(), n.end()
	from += sort.Search(to-from, func(i int) bool { return first < w.tiles[from+i].end() })
	to = from + sort.Search(to-from, func(i int) bool { return end <= w.tiles[from+i].first() })
	if from == to || to == from+1 && len(w.found) > 0 && w.found[len(w.found)-1] == from {
		return
	}
	size := extent(n.order)
	limit := 2 * math.Sin(min(w.reach+size, math.Pi)/2)
	if w.at.chord2(n.centre()) > limit*limit {
		return
	}
	// A part of a tile that is this small is as good as a point of it.
	if to == from+1 && w.tiles[from].order <= n.order && (size <= w.reach/8 || n.order == finest) {
		w.found = append(w.found, from)
		return
	}
	for k := range uint32(4) {
		w.visit(n.child(k), from, to)
	}
}
