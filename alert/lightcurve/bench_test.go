package lightcurve

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// randomCurves returns curves of n points, as .ci/features.py makes them for the
// package light-curve.
func randomCurves(n int) (all []Curve) {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range 1000 {
		var c Curve
		t := 0.0
		for range n {
			t += 0.01 + rng.ExpFloat64()
			c.T, c.M, c.E = append(c.T, t), append(c.M, 18+rng.NormFloat64()), append(c.E, 0.05+0.1*rng.Float64())
		}
		all = append(all, c)
	}
	return all
}

// BenchmarkFeatures computes all features of one curve.
func BenchmarkFeatures(b *testing.B) {
	for _, n := range []int{10, 30, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			curves := randomCurves(n)
			var x Extractor
			var out []float64
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				out = x.Features(out[:0], curves[i%len(curves)])
				i++
			}
		})
	}
}
