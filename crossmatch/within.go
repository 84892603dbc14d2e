package crossmatch

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Pair is a row near a position.
type Pair struct {
	Position   int32 // its number
	Row        int32
	Separation Angle
}

// pair is a row near a place of the block.
type pair struct {
	place     uint32
	haversine float64
	row       row
}

// Within returns, for each position in turn, all rows within a radius, which is
// included: the nearest first, and of those that are equally near the first.
// Limit is how many are returned of each position at most; 0: all.
func (c *Catalog) Within(p Positions, radius Angle, limit int) ([]Pair, error) {
	if err := c.check(p, radius); err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	var out []Pair
	s := c.begin(radius, true)
	defer s.end()
	for from := 0; from < len(p.RA); {
		from += s.block(p, from)
		if s.damaged {
			return nil, errDamaged
		}
		s.order()
		for i, n := 0, 0; i < len(s.pairs); i++ {
			x := &s.pairs[i]
			if i > 0 && x.place == s.pairs[i-1].place {
				n++
			} else {
				n = 0
			}
			if limit <= 0 || n < limit {
				at := &s.places[x.place]
				out = append(out, Pair{at.number, int32(x.row.id), at.separation(x.haversine, &x.row)})
			}
		}
		s.pairs = s.pairs[:0]
	}
	return out, nil
}

// order sorts the pairs of a block.
func (s *search) order() {
	slices.SortFunc(s.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i, j := 0, 0; i < len(s.pairs); i = j {
		for j = i + 1; j < len(s.pairs) && s.pairs[j].place == s.pairs[i].place && doubtful(s.pairs[j].haversine, s.pairs[j-1].haversine); j++ {
		}
		s.places[s.pairs[i].place].settle(s.pairs[i:j])
	}
}

// settle sorts pairs of a place that float64 cannot tell apart.
func (at *place) settle(pairs []pair) {
	if !slices.ContainsFunc(pairs, func(p pair) bool { return !samePlace(p.row, pairs[0].row) }) {
		return
	}
	type exactly struct {
		pair
		haversine *big.Float
	}
	all := make([]exactly, len(pairs))
	for i, p := range pairs {
		all[i] = exactly{p, exactHaversine(at.ra, at.dec, p.row.ra, p.row.dec)}
	}
	slices.SortFunc(all, func(a, b exactly) int {
		return cmp.Or(compareExact(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i := range all {
		pairs[i] = all[i].pair
	}
}

// Cone returns the rows within a radius of one position, as Within does.
func (c *Catalog) Cone(ra, dec float64, radius Angle, limit int) ([]Pair, error) {
	if !valid(ra, dec) {
		return nil, fmt.Errorf("crossmatch: right ascension %v, declination %v is no position", ra, dec)
	}
	return c.Within(Positions{RA: []float64{ra}, Dec: []float64{dec}}, radius, limit)
}

// check returns an error for a question that makes no sense.
func (c *Catalog) check(p Positions, radius Angle) error {
	switch {
	case len(p.RA) != len(p.Dec):
		return fmt.Errorf("crossmatch: %d right ascensions and %d declinations", len(p.RA), len(p.Dec))
	case p.Epoch != nil && len(p.Epoch) != len(p.RA):
		return fmt.Errorf("crossmatch: %d positions and %d epochs", len(p.RA), len(p.Epoch))
	case !(radius >= 0 && radius <= 180):
		return fmt.Errorf("crossmatch: radius of %v degrees: it is to be from 0 to 180", radius.Degrees())
	case len(p.RA) > math.MaxInt32:
		return fmt.Errorf("crossmatch: %d positions: ask for fewer at a time", len(p.RA))
	}
	return nil
}
