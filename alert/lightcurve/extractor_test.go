package lightcurve

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// random returns a curve of n points whose values are often equal.
func random(r *rand.Rand, n int) (c Curve) {
	t := 0.0
	for range n {
		t += r.ExpFloat64()
		c.T, c.E = append(c.T, t), append(c.E, 0.02+0.1*r.Float64())
		c.M = append(c.M, math.Round(1000*(18+0.3*r.NormFloat64()))/1000)
	}
	return c
}

// TestExtractorAgreesWithReference needs no reference values, and covers lengths and
// ties that they do not.
func TestExtractorAgreesWithReference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var x, y Extractor
	for n := range 250 {
		c := random(r, n)
		got, want := x.Features(nil, c), plain(y.Clean(c))
		for i, name := range names {
			if math.IsNaN(want[i]) || math.IsNaN(got[i]) {
				assert.Equal(t, math.IsNaN(want[i]), math.IsNaN(got[i]), "%s of %d points", name, n)
				continue
			}
			assert.InDelta(t, want[i], got[i], 1e-9*math.Abs(want[i])+1e-13, "%s of %d points", name, n)
		}
	}
}

func TestFeaturesNeverPanicsOrReturnsInfinity(t *testing.T) {
	odd := []float64{0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324}
	r := rand.New(rand.NewPCG(5, 6))
	var x Extractor
	for range 20000 {
		var c Curve
		for range r.IntN(9) {
			pick := func() float64 { return odd[r.IntN(len(odd))] }
			c.T, c.M, c.E = append(c.T, pick()), append(c.M, pick()), append(c.E, pick())
		}
		for i, v := range x.Features(nil, c) {
			if math.IsInf(v, 0) {
				t.Fatalf("%s of %v is infinite", Feature(i), c)
			}
		}
		plain(x.Clean(c))
	}
}

func TestFeaturesDoesNotAllocate(t *testing.T) {
	c := random(rand.New(rand.NewPCG(7, 8)), 100)
	slices.Reverse(c.T) // so that points are sorted, too
	var x Extractor
	dst := x.Features(nil, c)
	assert.Zero(t, testing.AllocsPerRun(100, func() { dst = x.Features(dst[:0], c) }))
}

func TestInfiniteIsUndefined(t *testing.T) {
	var x Extractor
	got := x.Features(nil, Curve{T: []float64{1, 2}, M: []float64{-1, 1}, E: []float64{.1, .1}})
	assert.True(t, math.IsNaN(got[MeanVariance]))
	assert.True(t, math.IsNaN(got[PercentDifferenceMagnitudePercentile5]))
}

func TestUnequalLengths(t *testing.T) {
	var x Extractor
	got := x.Features(nil, Curve{T: []float64{1, 2, 3}, M: []float64{18, 19}, E: []float64{.1, .1, .1, .1}})
	assert.Equal(t, 2.0, got[ObservationCount])
}
