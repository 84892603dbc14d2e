package lightcurve

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	var x Extractor
	features := x.Features(nil, Curve{
		T: []float64{0, 1, 3, 3.5, 7},
		M: []float64{1, 3, 2, 2.5, 9},
		E: []float64{.1, .2, .1, .3, .4},
	})
	for _, f := range []Feature{Mean, Amplitude, LinearFitSlope, MaximumSlope} {
		fmt.Printf("%v %.6g\n", f, features[f])
	}
	// Output:
	// mean 3.5
	// amplitude 4
	// linear_fit_slope 0.577808
	// maximum_slope 2
}

func ExampleFeature_Of() {
	fading := Curve{T: []float64{0, 1, 3}, M: []float64{18, 18.5, 19.5}, E: []float64{.1, .1, .1}}
	slope, ok := LinearFitSlope.Of(fading)
	fmt.Printf("%.3f mag/day %v\n", slope, ok)
	_, ok = Kurtosis.Of(fading)
	fmt.Println(ok)
	// Output:
	// 0.500 mag/day true
	// false
}

// What the package light-curve 0.13.3 answers for the curve of the example.
func TestGolden(t *testing.T) {
	var x Extractor
	got := x.Features(nil, Curve{[]float64{0, 1, 3, 3.5, 7}, []float64{1, 3, 2, 2.5, 9}, []float64{.1, .2, .1, .3, .4}})
	for f, want := range map[Feature]float64{
		WeightedMean: 1.89398, StandardDeviation: 3.16228, Cusum: 0.347851, Kurtosis: 4.00312, LinearTrend: 1.0274, LinearTrendSigma: 0.323686,
		LinearTrendNoise: 1.7491, LinearFitSlope: 0.577808, LinearFitSlopeSigma: 0.0382995, LinearFitReducedChi2: 67.8995,
		MagnitudePercentageRatio40x5: 0.0625, MagnitudePercentageRatio20x10: 0.5625, MaximumSlope: 2, AndersonDarlingNormal: 0.506475,
		Chi2: 107.826, Skew: 1.92701, StetsonK: 0.760475, Eta: 1.1875, EtaE: 0.666016, ExcessVariance: 0.811265, Roms: 9.6875,
		OtsuMeanDiff: 6.875, OtsuStdLower: 0.853913, OtsuStdUpper: 0, OtsuLowerToAllRatio: 0.8, Median: 2.5, Amplitude: 4, PercentAmplitude: 6.5,
		MedianAbsoluteDeviation: 0.5, Beyond1Std: 0.2, ObservationCount: 5, Duration: 7, TimeMean: 2.9, MinimumTimeInterval: 0.5, MaximumTimeInterval: 3.5,
	} {
		assert.InEpsilon(t, want+1, got[f]+1, 1e-5, f.String())
	}
	assert.Len(t, names, int(NumFeatures))
	assert.Equal(t, "stetson_K", StetsonK.String())
	assert.Equal(t, "otsu_lower_to_all_ratio", (NumFeatures - 1).String())
}

// A point at exactly a tenth of the amplitude is inside, because 0.1 has 32 bits.
func TestBufferEdge(t *testing.T) {
	var x Extractor
	m := []float64{0, 9, 10, 11, 20}
	assert.Equal(t, 0.6, x.Features(nil, Curve{[]float64{0, 1, 2, 3, 4}, m, []float64{1, 1, 1, 1, 1}})[MedianBufferRangePercentage10])
}

// defined returns the features that are not NaN.
func defined(features []float64) (out []string) {
	for i, v := range features {
		if !math.IsNaN(v) {
			out = append(out, Feature(i).String())
		}
	}
	return out
}

func TestEdges(t *testing.T) {
	var x Extractor
	assert.Equal(t, []string{"observation_count"}, defined(x.Features(nil, Curve{})))
	one := defined(x.Features(nil, Curve{[]float64{5}, []float64{18}, []float64{0.1}}))
	assert.Equal(t, []string{"mean", "weighted_mean", "median", "amplitude", "inter_percentile_range_10", "median_absolute_deviation",
		"median_buffer_range_percentage_10", "percent_amplitude", "percent_difference_magnitude_percentile_5", "duration", "time_mean", "observation_count"}, one)
	flat := x.Features(nil, Curve{[]float64{0, 1, 2, 3}, []float64{18.1, 18.1, 18.1, 18.1}, []float64{.1, .1, .1, .1}})
	for _, f := range []Feature{StandardDeviation, LinearTrend, LinearTrendNoise, Chi2, LinearFitReducedChi2, Beyond1Std} {
		assert.Zero(t, flat[f], f.String())
	}
	for _, f := range []Feature{Cusum, Kurtosis, Skew, StetsonK, Eta, EtaE, AndersonDarlingNormal, OtsuMeanDiff, MagnitudePercentageRatio40x5} {
		assert.True(t, math.IsNaN(flat[f]), f.String())
	}
	zero := x.Features(nil, Curve{[]float64{0, 1, 2, 3}, []float64{18, 19, 18, 17}, []float64{.1, 0, .1, .1}})
	for _, f := range []Feature{WeightedMean, LinearFitSlope, Chi2, StetsonK} {
		assert.True(t, math.IsNaN(zero[f]), f.String())
	}
	assert.False(t, math.IsNaN(zero[Roms]))
}

// A curve is read in the order of time, without NaN, and once for each time.
func TestClean(t *testing.T) {
	nan := math.NaN()
	var x Extractor
	c := x.Clean(Curve{[]float64{3, 1, 2, 1, nan, 5}, []float64{30, 10, nan, 11, 1, 50}, []float64{-3, 1, 2, 9, 1, 5}})
	assert.Equal(t, Curve{[]float64{0, 2, 4}, []float64{10, 30, 50}, []float64{1, 3, 5}}, c)
}

// What features are must not depend on the origin of time, on the order of the points,
// or on the curve before; and the rank features are those of a plain computation.
func TestRandomCurves(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var x, y Extractor
	for range 500 {
		n := 1 + rng.IntN(60)
		var c Curve
		for range n {
			c.T, c.M, c.E = append(c.T, float64(rng.IntN(200))/8), append(c.M, float64(rng.IntN(50))/4), append(c.E, 0.1+rng.Float64())
		}
		got := x.Features(nil, c)
		clean := y.Clean(c)
		shuffled := Curve{slices.Clone(clean.T), slices.Clone(clean.M), slices.Clone(clean.E)}
		rng.Shuffle(len(shuffled.T), func(i, j int) {
			for _, s := range [][]float64{shuffled.T, shuffled.M, shuffled.E} {
				s[i], s[j] = s[j], s[i]
			}
		})
		for i := range shuffled.T {
			shuffled.T[i] += 1024
		}
		again := new(Extractor).Features(nil, shuffled)
		m := slices.Clone(shuffled.M)
		slices.Sort(m)
		mid := (m[(len(m)-1)/2] + m[len(m)/2]) / 2
		deviations, near := []float64{}, 0.0
		for _, v := range m {
			deviations = append(deviations, math.Abs(v-mid))
			if math.Abs(v-mid) < float64(float32(0.1))*(m[len(m)-1]-m[0])/2 {
				near++
			}
		}
		slices.Sort(deviations)
		require.Equal(t, mid, got[Median])
		require.Equal(t, (deviations[(len(m)-1)/2]+deviations[len(m)/2])/2, got[MedianAbsoluteDeviation])
		require.Equal(t, near/float64(len(m)), got[MedianBufferRangePercentage10])
		for i := range got {
			require.Equal(t, math.IsNaN(got[i]), math.IsNaN(again[i]), Feature(i).String())
			if !math.IsNaN(got[i]) {
				require.Equal(t, got[i], again[i], Feature(i).String())
			}
		}
	}
}
