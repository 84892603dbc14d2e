package cds

import (
	"math"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// key is a place that is asked about.
type key struct {
	ra, dec float64
	radius  crossmatch.Angle
}

// found is the answer about a place.
type found struct {
	match      bool
	separation crossmatch.Angle
	row        []any // a value of each field; shared with the cache
}

// question is what a call asks: each place once.
type question struct {
	keys    []key
	of      []int32 // the key of each position; -1: it is invalid
	found   []found // the answer for each key
	pending []int32 // keys without an answer yet
}

func newQuestion(p crossmatch.Positions, radius crossmatch.Angle) *question {
	q := &question{of: make([]int32, len(p.RA))}
	at := make(map[key]int32, len(p.RA))
	for i := range p.RA {
		k, ok := makeKey(p.RA[i], p.Dec[i], radius)
		if !ok {
			q.of[i] = -1
			continue
		}
		n, again := at[k]
		if !again {
			n = int32(len(q.keys))
			at[k] = n
			q.keys = append(q.keys, k)
		}
		q.of[i] = n
	}
	q.found = make([]found, len(q.keys))
	q.pending = make([]int32, len(q.keys))
	for i := range q.pending {
		q.pending[i] = int32(i)
	}
	return q
}

func makeKey(ra, dec float64, radius crossmatch.Angle) (key, bool) {
	if !crossmatch.Valid(ra, dec) {
		return key{}, false
	}
	ra = math.Mod(ra, 360)
	if ra < 0 {
		ra += 360
	}
	if ra == 360 { // less than half a bit below zero
		ra = 0
	}
	return key{ra: ra, dec: dec, radius: radius}, true
}

// recall answers what is remembered.
func (c *Client) recall(q *question) {
	rest := q.pending[:0]
	for _, k := range q.pending {
		if f, ok := c.cache.get(q.keys[k]); ok {
			q.found[k] = f
		} else {
			rest = append(rest, k)
		}
	}
	q.pending = rest
}

// learn takes the answers about the first of the places without one.
func (c *Client) learn(q *question, answers []found) {
	for i, f := range answers {
		k := q.pending[i]
		q.found[k] = f
		c.cache.put(q.keys[k], f)
	}
	q.pending = q.pending[len(answers):]
}
