package hats

import (
	"fmt"
	"math"

	"github.com/skyfinch/skyfinch/internal/healpix"
)

// HEALPix in its nested scheme: Górski et al., ApJ 622, 759 (2005), section 5
// and figure 4. The sky is twelve faces, each a square of 2^order pixels a side.

const finest = healpix.Order // order of the smallest pixels

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
func ang2pix(ra, dec float64) uint64 { return healpix.Nested(ra, dec) }

// nest2xyf returns the face of a pixel and its coordinates on the face.
func nest2xyf(p pixel) (x, y, face uint32) {
	within := p.nest & (1<<(2*p.order) - 1)
	return gather(within), gather(within >> 1), uint32(p.nest >> (2 * p.order))
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
