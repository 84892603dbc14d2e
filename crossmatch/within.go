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

// Within returns, for each position in turn, all rows within a radius of 0 to 180
// degrees, which is included: the nearest first, and of those that are equally near
// the first. Limit is how many are returned of each position at most; 0: all. An
// invalid position has none.
func (c *Catalog) Within(p Positions, radius Angle, limit int) (out []Pair, err error) {
	if err := p.Check(radius); err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	s := c.begin(radius, true)
	defer s.end()
	s.limitTo(limit)
	err = c.file.guard(func() error {
		for from := 0; from < len(p.RA); {
			from += s.block(p, from)
			if s.damaged {
				return errDamaged
			}
			s.order()
			for i := range s.pairs {
				x := &s.pairs[i]
				at := &s.places[x.place]
				out = append(out, Pair{at.number, int32(x.row.id), at.separation(x.haversine, &x.row)})
			}
			s.pairs = s.pairs[:0]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// limitTo says how many pairs of a place are wanted; 0: all.
func (s *search) limitTo(most int) {
	if most <= 0 {
		most = math.MaxInt
	}
	s.most, s.full = most, fewPairs
}

// fewPairs are held before those beyond the limit are dropped.
const fewPairs = 1 << 18

func (s *search) addPair(p pair) {
	if len(s.pairs) >= s.full && s.most < math.MaxInt {
		s.order()
		s.full = max(fewPairs, 2*len(s.pairs))
	}
	s.pairs = append(s.pairs, p)
}

// order sorts the pairs of a block, and drops those beyond the limit.
func (s *search) order() {
	slices.SortFunc(s.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i, j := 0, 0; i < len(s.pairs); i = j {
		for j = i + 1; j < len(s.pairs) && s.pairs[j].place == s.pairs[i].place && doubtful(s.pairs[j].haversine, s.pairs[j-1].haversine); j++ {
		}
		s.places[s.pairs[i].place].settle(s.pairs[i:j])
	}
	n, of := 0, 0
	for i, p := range s.pairs {
		if i == 0 || p.place != s.pairs[n-1].place {
			of = 0
		}
		if of++; of <= s.most {
			s.pairs[n] = p
			n++
		}
	}
	s.pairs = s.pairs[:n]
}

// settle sorts pairs of a place that float64 cannot tell apart.
func (at *place) settle(pairs []pair) {
	apart := func(p pair) bool { return !samePlace(&p.row, &pairs[0].row) }
	if math.Abs(at.dec) == 90 || !slices.ContainsFunc(pairs, apart) { // few bits will do
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(at.compare(&a.row, &b.row), cmp.Compare(a.row.id, b.row.id)) })
		return
	}
	type exactly struct {
		pair
		haversine *big.Float
	}
	all := make([]exactly, len(pairs))
	for i := range pairs {
		all[i] = exactly{pairs[i], at.exactly(&pairs[i].row)}
	}
	slices.SortFunc(all, func(a, b exactly) int {
		return cmp.Or(compareExact(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i := range all {
		pairs[i] = all[i].pair
	}
}

// Cone returns the rows within a radius of one position, as Within does, where
// they are at the catalogue's epoch. An invalid position is an error.
func (c *Catalog) Cone(ra, dec float64, radius Angle, limit int) ([]Pair, error) {
	if !valid(ra, dec) {
		return nil, fmt.Errorf("crossmatch: right ascension %v, declination %v: an invalid position", ra, dec)
	}
	return c.Within(Positions{RA: []float64{ra}, Dec: []float64{dec}}, radius, limit)
}
