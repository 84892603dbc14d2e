package hats

import (
	"fmt"
	"math"
)

// HEALPix in its nested scheme: Górski et al., ApJ 622, 759 (2005), section 5
// and figure 4. The sky is twelve faces, each a square of 2^order pixels a side.

const finest = 29 // order of the smallest pixels

// pixel is a HEALPix pixel: its order and its number in the nested scheme.
type pixel struct {
	order int
	nest  uint64
}

func (p pixel) String() string { return fmt.Sprintf("Norder=%d Npix=%d", p.order, p.nest) }

// first is the first of p's finest pixels, end the one after the last.
func (p pixel) first() uint64 { return p.nest << (2 * (finest - p.order)) }
func (p pixel) end() uint64   { return (p.nest + 1) << (2 * (finest - p.order)) }

// child returns one of the four pixels that p is divided into, k from 0 to 3.
func (p pixel) child(k uint64) pixel { return pixel{p.order + 1, 4*p.nest + k} }

// vector is a direction of length one.
type vector struct{ x, y, z float64 }

const perDegree = math.Pi / 180

// ang2pix returns the number of the finest pixel of a position.
func ang2pix(ra, dec float64) uint64 {
	const side = 1 << finest
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
		return xyf2nest(rise%side, side-1-fall%side, equatorFace(fall>>finest, rise>>finest))
	}
	quarter := uint32(t)
	t -= float64(quarter)
	// √(3(1-|z|)), without the difference that loses digits near a pole
	s := side * math.Sqrt(6) * math.Sin((90-math.Abs(dec))*perDegree/2)
	p, m := min(uint32(t*s), side-1), min(uint32((1-t)*s), side-1)
	if z > 0 {
		return xyf2nest(side-1-m, side-1-p, quarter)
	}
	return xyf2nest(p, m, quarter+8)
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

// xyf2nest returns the number of the finest pixel at x, y of a face.
func xyf2nest(x, y, face uint32) uint64 {
	return uint64(face)<<(2*finest) | spread(x) | spread(y)<<1
}

// nest2xyf returns the face of a pixel and its coordinates on the face.
func nest2xyf(p pixel) (x, y, face uint32) {
	within := p.nest & (1<<(2*p.order) - 1)
	return gather(within), gather(within >> 1), uint32(p.nest >> (2 * p.order))
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

// gather returns every other bit: it inverts spread.
func gather(v uint64) uint32 {
	v &= 0x5555555555555555
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0f0f0f0f0f0f0f0f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

// pix2vec returns the centre of a pixel.
func pix2vec(p pixel) vector {
	size := math.Ldexp(1, -p.order)
	ix, iy, face := nest2xyf(p)
	x, y := (float64(ix)+0.5)*size, (float64(iy)+0.5)*size
	row, column := face/4, 2*(face%4)+1 // of the southern corner of the face
	if row == 1 {
		column--
	}
	down := float64(row) + 2 - x - y // from 0 at the north pole to 4 at the south pole
	narrow := min(down, 4-down, 1)   // width of a quarter, which shrinks towards the poles
	var z, sin float64
	if narrow < 1 {
		h := narrow * narrow / 3 // 1-|z|
		z, sin = math.Copysign(1-h, 2-down), math.Sqrt(h*(2-h))
	} else {
		z = (2 - down) * (2. / 3)
		sin = math.Sqrt((1 - z) * (1 + z))
	}
	sinLon, cosLon := math.Sincos(math.Pi / 4 * (float64(column) + (x-y)/narrow))
	return vector{sin * cosLon, sin * sinLon, z}
}

// maxPixRad returns a bound on the distance, in radians, from the centre of a
// pixel to its corners. The farthest corners, at the limits of the equatorial
// region, are 1.07 / 2^order away where pixels are small.
func maxPixRad(order int) float64 { return math.Ldexp(1.08, -order) }

// stretch bounds the length in x or y on the map, in faces, of one radian on the
// sky. Towards the poles it is √(3/2) along the sides of the polar faces, 0.854
// across, and both at once in their corners: 1.493. Near the equator it is 1.02.
const stretch = 1.5

func toVector(ra, dec float64) vector {
	sinLon, cosLon := math.Sincos(math.Mod(ra, 360) * perDegree)
	z, cos := math.Sincos(dec * perDegree)
	return vector{cos * cosLon, cos * sinLon, z}
}

// chord2 returns the squared length of the chord between two directions.
func (v vector) chord2(w vector) float64 {
	x, y, z := v.x-w.x, v.y-w.y, v.z-w.z
	return x*x + y*y + z*z
}
