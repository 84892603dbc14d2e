package crossmatch

import "math"

// motion is the proper motion of a row in mas a year; that in right ascension
// includes the cosine of the declination.
type motion struct{ ra, dec float64 }

// newMotions returns nil if nothing moves.
func newMotions(rows Rows) []motion {
	if rows.PMRA == nil {
		return nil
	}
	out := make([]motion, len(rows.PMRA))
	for i := range out {
		if m := (motion{rows.PMRA[i], rows.PMDec[i]}); m.speed() < math.MaxFloat64 {
			out[i] = m
		}
	}
	return out
}

// speed is in degrees a year; NaN if it is not known.
func (m motion) speed() float64 { return math.Hypot(m.ra, m.dec) / 3600e3 }

// move brings a row to where it is after so many years. It moves in a straight
// line through space, as far as its proper motion tells (The Hipparcos and Tycho
// Catalogues, ESA SP-1200, vol. 1, 1.5.5, without parallax and radial velocity).
func (m motion) move(r *row, years float64) {
	if m == (motion{}) || !valid(r.ra, r.dec) {
		return
	}
	const perMas = perDegree / 3600e3
	east, north := m.ra*perMas*years, m.dec*perMas*years // radians, along the tangents
	sin, cos := math.Sincos(r.dec * perDegree)
	x, y, z := cos-north*sin, east, sin+north*cos // x towards the row's right ascension
	flat := math.Hypot(x, y)
	r.ra = wrap(r.ra + math.Atan2(y, x)/perDegree)
	// the difference is small and has all digits where the declination itself has not
	r.dec = max(-90, min(90, r.dec+math.Atan2(z*cos-flat*sin, z*sin+flat*cos)/perDegree))
}
