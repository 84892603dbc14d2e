package crossmatch

import "math"

// motion is the proper motion of a row in mas/yr; ra includes the factor cos(dec).
type motion struct{ ra, dec float64 }

// newMotions returns nil if the rows have no proper motions.
func newMotions(rows Rows) []motion {
	if len(rows.PMRA) == 0 {
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

// speed is in degrees per year; NaN if the motion is.
func (m motion) speed() float64 { return math.Hypot(m.ra, m.dec) / 3600e3 }

// propagate moves a row by its proper motion over years, along a straight line in
// space (The Hipparcos and Tycho Catalogues, ESA SP-1200, vol. 1, 1.5.5, without
// parallax and radial velocity).
func (m motion) propagate(r *row, years float64) {
	if m == (motion{}) || !Valid(r.ra, r.dec) {
		return
	}
	const perMas = degToRad / 3600e3
	east, north := m.ra*perMas*years, m.dec*perMas*years // radians, along the tangents
	sin, cos := math.Sincos(r.dec * degToRad)
	x, y, z := cos-north*sin, east, sin+north*cos // x towards the row's right ascension
	flat := math.Hypot(x, y)
	r.ra = wrap(r.ra + math.Atan2(y, x)/degToRad)
	// by the difference, which is small, and so more precise than the new declination
	r.dec = max(-90, min(90, r.dec+math.Atan2(z*cos-flat*sin, z*sin+flat*cos)/degToRad))
}
