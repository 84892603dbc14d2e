// Package healpix numbers places on the sky by HEALPix pixels in the nested scheme:
// Górski et al., ApJ 622, 759 (2005), section 5 and figure 4. The sky is twelve faces,
// each a square of 2^order pixels a side. Places with near numbers are near.
package healpix

import "math"

// Order is that of the smallest pixels, 0.4 milliarcseconds wide.
const Order = 29

const perDegree = math.Pi / 180

// Nested returns the number of the pixel of order 29 that has a position, given in
// degrees: ra of any size, dec from −90 to 90.
func Nested(ra, dec float64) uint64 {
	const side = 1 << Order
	t := math.Mod(ra, 360) / 90
	if t < 0 {
		t += 4
	}
	if t+0.5 >= 4.5 { // rounded
		t = 0
	}
	z := math.Sin(dec * perDegree)
	if math.Abs(z) <= 2./3 {
		// along the lines that rise and fall at 45 degrees in the map of the equator
		a, b := side*(t+0.5), side*0.75*z
		fall, rise := uint32(a-b), uint32(a+b)
		return Nest(rise%side, side-1-fall%side, equatorFace(fall>>Order, rise>>Order))
	}
	quarter := uint32(t)
	t -= float64(quarter)
	// √(3(1-|z|)), without the difference that loses digits near a pole
	s := side * math.Sqrt(6) * math.Sin((90-math.Abs(dec))*perDegree/2)
	p, m := min(uint32(t*s), side-1), min(uint32((1-t)*s), side-1)
	if z > 0 {
		return Nest(side-1-m, side-1-p, quarter)
	}
	return Nest(p, m, quarter+8)
}

func equatorFace(fall, rise uint32) uint32 {
	switch {
	case fall == rise:
		return fall | 4
	case fall < rise:
		return fall
	default:
		return rise + 8
	}
}

// Nest returns the number of the pixel of order 29 at x, y of a face.
func Nest(x, y, face uint32) uint64 {
	return uint64(face)<<(2*Order) | spread(x) | spread(y)<<1
}

// spread inserts a zero bit before each bit.
func spread(x uint32) uint64 {
	v := uint64(x)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}
