package crossmatch

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Pair is a position and a row within its radius, by number.
type Pair struct {
	Position   int32
	Row        int32
	Separation Angle
}

// pair is a row within the radius of a query of the block.
type pair struct {
	query     uint32
	haversine float64
	row       row
}

// Within returns, for each position in turn, all rows with a separation up to and
// including radius, which is 0 to 180 degrees, sorted by separation and then by row
// number. Limit is the maximum for each position; if zero, it is unlimited. An
// invalid position has no pairs. Errors are those of AppendNearest.
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
	s.setLimit(limit)
	err = c.file.guard(func() error {
		for from := 0; from < len(p.RA); {
			from += s.block(p, from)
			if s.damaged {
				return errDamaged
			}
			s.sortPairs()
			for i := range s.pairs {
				x := &s.pairs[i]
				at := &s.queries[x.query]
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

// setLimit limits the pairs of each query; if limit is zero, there is no limit.
func (s *search) setLimit(limit int) {
	if limit <= 0 {
		limit = math.MaxInt
	}
	s.maxPairs, s.trimAt = limit, minTrim
}

// minTrim is the smallest number of pairs at which those beyond the limit are dropped.
const minTrim = 1 << 18

func (s *search) addPair(p pair) {
	if len(s.pairs) >= s.trimAt && s.maxPairs < math.MaxInt {
		s.sortPairs()
		s.trimAt = max(minTrim, 2*len(s.pairs))
	}
	s.pairs = append(s.pairs, p)
}

// sortPairs sorts the pairs of a block, and drops those beyond the limit.
func (s *search) sortPairs() {
	slices.SortFunc(s.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.query, b.query), cmp.Compare(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i, j := 0, 0; i < len(s.pairs); i = j {
		for j = i + 1; j < len(s.pairs) && s.pairs[j].query == s.pairs[i].query && doubtful(s.pairs[j].haversine, s.pairs[j-1].haversine); j++ {
		}
		s.queries[s.pairs[i].query].sortTies(s.pairs[i:j])
	}
	n, of := 0, 0
	for i, p := range s.pairs {
		if i == 0 || p.query != s.pairs[n-1].query {
			of = 0
		}
		if of++; of <= s.maxPairs {
			s.pairs[n] = p
			n++
		}
	}
	s.pairs = s.pairs[:n]
}

// sortTies sorts pairs of a query whose order float64 cannot decide.
func (at *query) sortTies(pairs []pair) {
	apart := func(p pair) bool { return !samePosition(&p.row, &pairs[0].row) }
	if math.Abs(at.dec) == 90 || !slices.ContainsFunc(pairs, apart) { // no 320-bit arithmetic is needed
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(at.compare(&a.row, &b.row), cmp.Compare(a.row.id, b.row.id)) })
		return
	}
	type exactPair struct {
		pair
		haversine *big.Float
	}
	all := make([]exactPair, len(pairs))
	for i := range pairs {
		all[i] = exactPair{pairs[i], at.exactHaversine(&pairs[i].row)}
	}
	slices.SortFunc(all, func(a, b exactPair) int {
		return cmp.Or(compareExact(a.haversine, b.haversine), cmp.Compare(a.row.id, b.row.id))
	})
	for i := range all {
		pairs[i] = all[i].pair
	}
}

// Cone returns the rows within a radius of one position, as Within does, at the
// catalogue's epoch. An invalid position is an error.
func (c *Catalog) Cone(ra, dec float64, radius Angle, limit int) ([]Pair, error) {
	if !Valid(ra, dec) {
		return nil, fmt.Errorf("crossmatch: right ascension %v, declination %v: an invalid position", ra, dec)
	}
	return c.Within(Positions{RA: []float64{ra}, Dec: []float64{dec}}, radius, limit)
}
