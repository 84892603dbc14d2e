package crossmatch

import (
	"math"
	"math/rand/v2"
)

// skies are distributions of rows, and of positions without a match.
var skies = map[string]func(n int, seed uint64) (ra, dec []float64){
	"random":   randomSky,
	"galactic": galacticSky,
	"deep":     deepSky,
}

func randomSky(n int, seed uint64) (ra, dec []float64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	ra, dec = make([]float64, n), make([]float64, n)
	for i := range n {
		ra[i], dec[i] = 360*rnd.Float64(), math.Asin(2*rnd.Float64()-1)/degToRad
	}
	return ra, dec
}

// galacticSky returns a band of ten degrees around the Galactic equator.
func galacticSky(n int, seed uint64) (ra, dec []float64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	ra, dec = make([]float64, n), make([]float64, n)
	sn, cn := math.Sincos(62.87 * degToRad) // its inclination
	for i := range n {
		sl, cl := math.Sincos(2 * math.Pi * rnd.Float64())
		sb, cb := math.Sincos(5 * rnd.NormFloat64() * degToRad)
		x, y, z := cb*cl, cb*sl*cn-sb*sn, cb*sl*sn+sb*cn
		ra[i], dec[i] = math.Mod(math.Atan2(y, x)/degToRad+282.86+360, 360), math.Asin(z)/degToRad
	}
	return ra, dec
}

// deepSky returns a field of ten by ten degrees.
func deepSky(n int, seed uint64) (ra, dec []float64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	ra, dec = make([]float64, n), make([]float64, n)
	for i := range n {
		ra[i], dec[i] = 277+10*rnd.Float64(), -5+10*rnd.Float64()
	}
	return ra, dec
}
