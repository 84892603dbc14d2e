package crossmatch

import "math"

// All angles here are in degrees, as in catalogues: differences of neighbouring
// positions are then exact, which they would not be in radians.

// Separation returns the angle between two positions, in ICRS degrees; NaN if one
// of them is invalid. Its relative error is about 1e-15, and near 180 degrees its
// absolute error about 1e-13 degrees.
//
// It uses the haversine formula (Sinnott, Sky and Telescope 68, 158, 1984), applied
// to the antipode of one position where that is nearer.
func Separation(ra1, dec1, ra2, dec2 float64) Angle {
	if !Valid(ra1, dec1) || !Valid(ra2, dec2) {
		return Angle(math.NaN())
	}
	return separationOf(wrap(ra1), dec1, wrap(ra2), dec2)
}

// separationOf is Separation for valid positions with wrapped right ascensions.
func separationOf(ra1, dec1, ra2, dec2 float64) Angle {
	lon := lonBetween(ra1, ra2)
	h := haversine(dec1, dec2, lon)
	if h <= 0.5 {
		return fromHaversine(h)
	}
	return 180 - fromHaversine(haversine(dec1, -dec2, 180-lon))
}

// Valid reports whether a right ascension and a declination form a valid
// position.
func Valid(ra, dec float64) bool {
	return math.Abs(dec) <= 90 && math.Abs(ra) <= math.MaxFloat64 // false for NaN
}

// wrapped reports whether a position is valid and its right ascension wrapped.
func wrapped(ra, dec float64) bool { return math.Abs(dec) <= 90 && math.Abs(ra) <= 180 }

// wrap returns a right ascension modulo 360 degrees, from -180 to 180. This is exact;
// from 0 to 360, it would not be for small negative ones.
func wrap(ra float64) float64 {
	if !(ra > 0 && ra <= 360) {
		return wrapFar(ra)
	}
	turn := uint64(0)
	if math.Float64bits(ra) > bits180 { // of integers, to avoid a branch that cannot be predicted
		turn = bits360
	}
	return ra - math.Float64frombits(turn)
}

// Positive numbers compare as their bits do.
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

// lonBetween returns the difference of two wrapped right ascensions, from 0 to 180.
func lonBetween(a, b float64) float64 {
	d := math.Abs(a - b)
	if d > 180 {
		d = (180 - max(a, b)) + (180 + min(a, b))
	}
	return d
}

const degToRad = math.Pi / 180 // radians per degree

// haversine returns sin²(angle/2) for the angle between two positions with the given
// declinations, whose right ascensions differ by lon. The product of the cosines of the
// declinations is computed from their mean and half their difference, whose sine is
// needed anyway. This loses digits near the poles, where they do not matter.
func haversine(dec1, dec2, lon float64) float64 {
	s, t, c := sine((dec1-dec2)/2), sine(lon/2), cosineOfMean(dec1, dec2)
	return s*s + (c*c-s*s)*(t*t)
}

// cosineOfMean returns the cosine of the mean of two declinations.
func cosineOfMean(a, b float64) float64 {
	if sum := a + b; sum > 90 {
		return sineSeries(((90 - a) + (90 - b)) * (degToRad / 2))
	} else if sum < -90 {
		return sineSeries(((90 + a) + (90 + b)) * (degToRad / 2))
	} else {
		return cosineSeries(sum * (degToRad / 2))
	}
}

// toHaversine returns sin²(angle/2).
func toHaversine(a Angle) float64 {
	s := sine(float64(a) / 2)
	return s * s
}

// fromHaversine returns the angle with a haversine.
func fromHaversine(h float64) Angle {
	s := math.Sqrt(h)
	if s < smallSine { // the arc sine's series
		x := s * s
		return Angle(s * (1 + x*(1./6+x*(3./40+x*(15./336)))) * (2 / degToRad))
	}
	return Angle(math.Asin(min(s, 1)) * (2 / degToRad))
}

// smallSine is the limit below which four terms of the series reach the precision of
// float64.
const smallSine = 0.006

// sine returns the sine of an angle in degrees.
func sine(deg float64) float64 {
	x := deg * degToRad
	if x < smallSine && x > -smallSine {
		y := x * x
		return x * (1 - y*(1./6-y*(1./120)))
	}
	return math.Sin(x)
}

// cosine returns the cosine of a declination. Near a pole it is the sine of the
// distance from it, which is as exact as the declination.
func cosine(dec float64) float64 {
	dec = math.Abs(dec)
	if dec > 45 {
		return sineSeries((90 - dec) * degToRad)
	}
	return cosineSeries(dec * degToRad)
}

// sineSeries and cosineSeries return the sine and cosine of 0 to π/4 by Taylor's
// series, to the precision of float64. Small terms are grouped so that the processor
// computes independent ones in parallel.
func sineSeries(x float64) float64 {
	y := x * x
	z := y * y
	small := (1./120 - y*(1./5040)) + z*((1./362880-y*(1./39916800))+z*(1./6227020800-y*(1./1307674368000)))
	return x * (1 - y*(1./6-y*small))
}

func cosineSeries(x float64) float64 {
	y := x * x
	z := y * y
	small := (1./24 - y*(1./720)) + z*((1./40320-y*(1./3628800))+z*((1./479001600-y*(1./87178291200))+z*(1./20922789888000)))
	return 1 - y*(1./2-y*small)
}
