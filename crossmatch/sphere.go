package crossmatch

import "math"

// Everything here is in degrees, as catalogues are: differences of neighbouring
// positions are then exact, which those of radians would not be.

// Separation returns the angle between two positions, in ICRS degrees. It is
// right to 1e-15 of its value, but near 180 degrees to 1e-13 degrees. NaN: one
// of the positions is invalid.
//
// The formula is the haversine's (Sinnott, Sky and Telescope 68, 158, 1984), of
// one position's antipode where that is nearer.
func Separation(ra1, dec1, ra2, dec2 float64) Angle {
	if !valid(ra1, dec1) || !valid(ra2, dec2) {
		return Angle(math.NaN())
	}
	return separationOf(wrap(ra1), dec1, wrap(ra2), dec2)
}

// separationOf is that of positions whose right ascensions are wrapped.
func separationOf(ra1, dec1, ra2, dec2 float64) Angle {
	lon := lonBetween(ra1, ra2)
	h := haversine(dec1, dec2, lon)
	if h <= 0.5 {
		return fromHaversine(h)
	}
	return 180 - fromHaversine(haversine(dec1, -dec2, 180-lon))
}

// valid reports whether something is a position.
func valid(ra, dec float64) bool {
	return math.Abs(dec) <= 90 && math.Abs(ra) <= math.MaxFloat64 // NaN is neither
}

// wrapped reports whether something is a position whose right ascension is
// wrapped.
func wrapped(ra, dec float64) bool { return math.Abs(dec) <= 90 && math.Abs(ra) <= 180 }

// wrap returns the right ascension between -180 and 180 degrees. It is exact,
// which a wrap to between 0 and 360 is not for small negative ones.
func wrap(ra float64) float64 {
	if !(ra > 0 && ra <= 360) {
		return wrapFar(ra)
	}
	turn := uint64(0)
	if math.Float64bits(ra) > bits180 { // of integers, as no branch: it is as often true as not
		turn = bits360
	}
	return ra - math.Float64frombits(turn)
}

// The bits of positive numbers are in their order.
const (
	bits180 = 0x4066800000000000 // of 180
	bits360 = 0x4076800000000000
)

func wrapFar(ra float64) float64 {
	if ra > 360 || ra < -360 {
		ra = math.Mod(ra, 360)
	}
	if ra > 180 {
		return ra - 360
	}
	if ra < -180 {
		return ra + 360
	}
	return ra
}

// lonBetween is the difference of two wrapped right ascensions, from 0 to 180.
func lonBetween(a, b float64) float64 {
	d := math.Abs(a - b)
	if d > 180 {
		d = (180 - max(a, b)) + (180 + min(a, b))
	}
	return d
}

const perDegree = math.Pi / 180

// haversine is sin²(angle/2) of the angle between two positions of these
// declinations, whose right ascensions differ by so much. The product of the
// declinations' cosines is taken from their mean and half their difference, whose
// sine is needed anyway: near the poles, where digits are lost by that, they do
// not count.
func haversine(dec1, dec2, lon float64) float64 {
	s, t, c := sine((dec1-dec2)/2), sine(lon/2), cosineOfMean(dec1, dec2)
	return s*s + (c*c-s*s)*(t*t)
}

// cosineOfMean is the cosine of the mean of two declinations.
func cosineOfMean(a, b float64) float64 {
	if sum := a + b; sum > 90 {
		return sinePoly(((90 - a) + (90 - b)) * (perDegree / 2))
	} else if sum < -90 {
		return sinePoly(((90 + a) + (90 + b)) * (perDegree / 2))
	} else {
		return cosinePoly(sum * (perDegree / 2))
	}
}

// toHaversine is sin²(angle/2).
func toHaversine(a Angle) float64 {
	s := sine(float64(a) / 2)
	return s * s
}

// fromHaversine is the angle to which a haversine belongs.
func fromHaversine(h float64) Angle {
	s := math.Sqrt(h)
	if s < smallSine { // the arc sine's series
		x := s * s
		return Angle(s * (1 + x*(1./6+x*(3./40+x*(15./336)))) * (2 / perDegree))
	}
	return Angle(math.Asin(min(s, 1)) * (2 / perDegree))
}

// smallSine is where four terms of a series are as good as float64 is.
const smallSine = 0.006

// sine is that of degrees.
func sine(deg float64) float64 {
	x := deg * perDegree
	if x < smallSine && x > -smallSine {
		y := x * x
		return x * (1 - y*(1./6-y*(1./120)))
	}
	return math.Sin(x)
}

// cosine is that of a declination. Near the poles it is the sine of the
// distance from them, which is as exact as the declination is.
func cosine(dec float64) float64 {
	dec = math.Abs(dec)
	if dec > 45 {
		return sinePoly((90 - dec) * perDegree)
	}
	return cosinePoly(dec * perDegree)
}

// sinePoly is the sine of 0 to π/4, cosinePoly the cosine: the series of Taylor
// as far as float64 goes. Of the small terms those that do not depend on each other
// are worked out at the same time.
func sinePoly(x float64) float64 {
	y := x * x
	z := y * y
	small := (1./120 - y*(1./5040)) + z*((1./362880-y*(1./39916800))+z*(1./6227020800-y*(1./1307674368000)))
	return x * (1 - y*(1./6-y*small))
}

func cosinePoly(x float64) float64 {
	y := x * x
	z := y * y
	small := (1./24 - y*(1./720)) + z*((1./40320-y*(1./3628800))+z*((1./479001600-y*(1./87178291200))+z*(1./20922789888000)))
	return 1 - y*(1./2-y*small)
}
