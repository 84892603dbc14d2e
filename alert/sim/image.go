package sim

import (
	"math"
	"math/rand/v2"
)

// noise is a long run of normal deviates. Images copy a part of it, which is
// cheaper than a new deviate for each pixel.
type noise []float32

func newNoise(seed uint64) noise {
	n := make(noise, 1<<17)
	d := newRand(seed)
	for i := range n {
		n[i] = float32(d.NormFloat64())
	}
	return n
}

// image is a square cutout of an exposure.
type image struct {
	side   int
	pixels []float32
	across []float64 // scratch
}

func newImage(side int) *image {
	return &image{side, make([]float32, side*side), make([]float64, side)}
}

// sky fills the image with background and noise.
func (m *image) sky(n noise, r *rand.Rand, level, sigma float64) {
	at := r.IntN(len(n) - len(m.pixels))
	for i, x := range n[at:][:len(m.pixels)] {
		m.pixels[i] = float32(level) + float32(sigma)*x
	}
}

// gaussian adds a Gaussian around a point with a total flux and standard
// deviations sx and sy.
func (m *image) gaussian(x, y, flux, sx, sy float64) {
	for i := range m.across {
		m.across[i] = math.Exp(-sq((float64(i)-x)/sx) / 2)
	}
	flux /= 2 * math.Pi * sx * sy
	lo, hi := max(0, int(y-6*sy)), min(m.side, int(y+6*sy)+1)
	for j := lo; j < hi; j++ {
		row := flux * math.Exp(-sq((float64(j)-y)/sy)/2)
		line := m.pixels[j*m.side:][:m.side]
		for i, a := range m.across {
			line[i] += float32(row * a)
		}
	}
}

// neighbours adds the stars near an object, which depend on its seed only.
func (m *image) neighbours(seed uint64, flux, sigma float64) {
	r := newRand(hash(seed, 7))
	for range r.IntN(4) {
		side := float64(m.side)
		m.gaussian(side*r.Float64(), side*r.Float64(), flux*math.Exp(2*r.NormFloat64()), sigma, sigma)
	}
}

// host adds the host galaxy of a supernova.
func (m *image) host(seed uint64, x, y, flux, sigma float64) {
	r := newRand(hash(seed, 8))
	dx, dy := 2*sigma*r.NormFloat64(), 2*sigma*r.NormFloat64()
	a, b := 2+r.Float64(), 1.2+r.Float64()
	m.gaussian(x+dx, y+dy, 0.3*flux, 1.2*sigma, 1.2*sigma)
	m.gaussian(x+dx, y+dy, 0.7*flux, a*sigma, b*sigma)
}

func sq(x float64) float64 { return x * x }
