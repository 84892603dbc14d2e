package sim

import (
	"math"
	"math/rand/v2"
)

// noise is a long run of normal deviates, which is cheaper to read anywhere
// than to make anew for each of the pixels of a night.
type noise []float32

func newNoise(seed uint64) noise {
	n := make(noise, 1<<17)
	d := dice(seed)
	for i := range n {
		n[i] = float32(d.NormFloat64())
	}
	return n
}

// image is a small square cut out of an exposure.
type image struct {
	side   int
	pixels []float32
	across []float64 // scratch
}

func newImage(side int) *image {
	return &image{side, make([]float32, side*side), make([]float64, side)}
}

// sky covers the image with its background.
func (m *image) sky(n noise, r *rand.Rand, level, sigma float64) {
	at := r.IntN(len(n) - len(m.pixels))
	for i, x := range n[at:][:len(m.pixels)] {
		m.pixels[i] = float32(level) + float32(sigma)*x
	}
}

// blob adds a Gaussian of a total flux around a point; sx and sy are its
// standard deviations. Stars are round, galaxies need not be.
func (m *image) blob(x, y, flux, sx, sy float64) {
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

// neighbours adds the stars that happen to be near an object, the same each time.
func (m *image) neighbours(seed uint64, flux, sigma float64) {
	r := dice(hash(seed, 7))
	for range r.IntN(4) {
		side := float64(m.side)
		m.blob(side*r.Float64(), side*r.Float64(), flux*math.Exp(2*r.NormFloat64()), sigma, sigma)
	}
}

// home adds the galaxy of a supernova.
func (m *image) home(seed uint64, x, y, flux, sigma float64) {
	r := dice(hash(seed, 8))
	dx, dy := 2*sigma*r.NormFloat64(), 2*sigma*r.NormFloat64()
	a, b := 2+r.Float64(), 1.2+r.Float64()
	m.blob(x+dx, y+dy, 0.3*flux, 1.2*sigma, 1.2*sigma)
	m.blob(x+dx, y+dy, 0.7*flux, a*sigma, b*sigma)
}

func sq(x float64) float64 { return x * x }
