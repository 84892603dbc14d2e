package cds

import (
	"math"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// key identifies a lookup.
type key struct {
	ra, dec float64
	radius  crossmatch.Angle
}

// hit is the result of a lookup.
type hit struct {
	match      bool
	separation crossmatch.Angle
	row        []any // a value of each field; shared with the cache
}

// lookups are the distinct positions of a call.
type lookups struct {
	keys    []key
	of      []int32 // the number of each position's key; -1 if the position is invalid
	hits    []hit   // by key
	pending []int32 // numbers of the keys without a result yet
}

func newLookups(p crossmatch.Positions, radius crossmatch.Angle) *lookups {
	l := &lookups{of: make([]int32, len(p.RA))}
	at := make(map[key]int32, len(p.RA))
	for i := range p.RA {
		if l.of[i] = -1; !crossmatch.Valid(p.RA[i], p.Dec[i]) {
			continue
		}
		k := key{ra: wrap(p.RA[i]), dec: p.Dec[i], radius: radius}
		n, known := at[k]
		if !known {
			n = int32(len(l.keys))
			at[k] = n
			l.keys, l.pending = append(l.keys, k), append(l.pending, n)
		}
		l.of[i] = n
	}
	l.hits = make([]hit, len(l.keys))
	return l
}

// wrap returns a right ascension from 0 to less than 360 degrees.
func wrap(ra float64) float64 {
	ra = math.Mod(ra, 360)
	if ra < 0 {
		ra += 360
	}
	if ra == 360 { // rounded, just below zero
		return 0
	}
	return ra
}

// recall takes results from the cache.
func (c *Client) recall(l *lookups) {
	rest := l.pending[:0]
	for _, k := range l.pending {
		if h, ok := c.cache.get(l.keys[k]); ok {
			l.hits[k] = h
		} else {
			rest = append(rest, k)
		}
	}
	l.pending = rest
}

// store stores the results of the first pending lookups, also in the cache.
func (c *Client) store(l *lookups, hits []hit) {
	for i, h := range hits {
		k := l.pending[i]
		l.hits[k] = h
		c.cache.put(l.keys[k], h)
	}
	l.pending = l.pending[len(hits):]
}

// results returns the match of each position, and its row, nil if there is none.
func (l *lookups) results() ([]crossmatch.Match, [][]any) {
	pending := make([]bool, len(l.keys))
	for _, k := range l.pending {
		pending[k] = true
	}
	matches, rows := make([]crossmatch.Match, len(l.of)), make([][]any, len(l.of))
	for i, k := range l.of {
		m := crossmatch.Match{Row: -1, Status: crossmatch.StatusNone, Separation: crossmatch.Angle(math.NaN())}
		switch {
		case k < 0:
			m.Status = crossmatch.StatusInvalid
		case pending[k]:
			m.Status = crossmatch.StatusFailed
		case l.hits[k].match:
			m.Status, m.Separation = crossmatch.StatusMatch, l.hits[k].separation
			rows[i] = l.hits[k].row
		}
		matches[i] = m
	}
	return matches, rows
}
