package lightcurve

import (
	"math"
	"slices"
)

// The features once more, each from its own formula as directly as it can be written,
// to compare with what an Extractor shares between them.

func plainMean(m []float64) float64 {
	if len(m) == 0 {
		return math.NaN()
	}
	mean, rest := plainSum(m)/float64(len(m)), 0.0
	for _, v := range m { // what rounding has left: small changes on a large value need it
		rest += v - mean
	}
	return mean + rest/float64(len(m))
}

func plainWeightedMean(m, e []float64) float64 {
	var sw, swm float64
	for i := range m {
		w := 1 / (e[i] * e[i])
		sw, swm = sw+w, swm+w*m[i]
	}
	return plainDefined(swm / sw)
}

func plainStandardDeviation(m []float64) float64 {
	if len(m) < 2 {
		return math.NaN()
	}
	if plainFlat(m) {
		return 0
	}
	return math.Sqrt(plainCentral(m, 2) / float64(len(m)-1))
}

func plainMeanVariance(m []float64) float64 {
	return plainDefined(plainStandardDeviation(m) / plainMean(m))
}

func plainSkew(m []float64) float64 {
	if len(m) < 3 || plainFlat(m) {
		return math.NaN()
	}
	n, σ := float64(len(m)), plainStandardDeviation(m)
	return plainDefined(n / ((n - 1) * (n - 2)) * plainCentral(m, 3) / (σ * σ * σ))
}

func plainKurtosis(m []float64) float64 {
	if len(m) < 4 || plainFlat(m) {
		return math.NaN()
	}
	n, v := float64(len(m)), plainCentral(m, 2)/float64(len(m)-1)
	return plainDefined(n*(n+1)/((n-1)*(n-2)*(n-3))*plainCentral(m, 4)/(v*v) - 3*(n-1)*(n-1)/((n-2)*(n-3)))
}

func plainBeyond1Std(m []float64) float64 {
	if len(m) < 2 {
		return math.NaN()
	}
	if plainFlat(m) {
		return 0
	}
	mean, σ := plainMean(m), plainStandardDeviation(m)
	return plainShare(m, func(v float64) bool { return math.Abs(v-mean) > σ })
}

func plainCusum(m []float64) float64 {
	if len(m) < 2 || plainFlat(m) {
		return math.NaN()
	}
	mean, total, low, high := plainMean(m), 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range m {
		total += v - mean
		low, high = min(low, total), max(high, total)
	}
	return plainDefined((high - low) / (float64(len(m)) * plainStandardDeviation(m)))
}

func plainChi2(m, e []float64) float64 {
	if len(m) < 2 || plainAnyZero(e) {
		return math.NaN()
	}
	if plainFlat(m) {
		return 0
	}
	return plainDefined(plainWeightedSquares(m, e) / float64(len(m)-1))
}

func plainStetsonK(m, e []float64) float64 {
	if len(m) < 2 || plainFlat(m) || plainAnyZero(e) {
		return math.NaN()
	}
	mean, total := plainWeightedMean(m, e), 0.0
	for i := range m {
		total += math.Abs((m[i] - mean) / e[i])
	}
	return plainDefined(total / math.Sqrt(float64(len(m))*plainWeightedSquares(m, e)))
}

func plainExcessVariance(m, e []float64) float64 {
	mean, σ, squares := plainMean(m), plainStandardDeviation(m), 0.0
	for _, v := range e {
		squares += v * v
	}
	return plainDefined((σ*σ - squares/float64(len(e))) / (mean * mean))
}

func plainRoms(m, e []float64) float64 {
	if len(m) < 2 {
		return math.NaN()
	}
	med, total := plainMedian(m), 0.0
	for i := range m {
		if e[i] != 0 {
			total += math.Abs((m[i] - med) / e[i])
		}
	}
	return plainDefined(total / float64(len(m)-1))
}

func plainAndersonDarlingNormal(m []float64) float64 {
	if len(m) < 4 || plainFlat(m) {
		return math.NaN()
	}
	mean, σ := plainMean(m), plainStandardDeviation(m)
	n, total := float64(len(m)), 0.0
	for i, v := range plainSorted(m) {
		z := (v - mean) / σ
		total += float64(2*i+1)*lnPhiExact(z) + float64(2*(len(m)-i)-1)*lnPhiExact(-z)
	}
	return plainDefined((1 + 4/n - 25/(n*n)) * (-n - total/n))
}

func plainSum(m []float64) (total float64) {
	for _, v := range m {
		total += v
	}
	return total
}

// plainCentral returns Σ(m−⟨m⟩)ᵏ.
func plainCentral(m []float64, k int) (total float64) {
	mean := plainMean(m)
	for _, v := range m {
		p := 1.0
		for range k {
			p *= v - mean
		}
		total += p
	}
	return total
}

// plainWeightedSquares returns Σ((m−m̄)/e)².
func plainWeightedSquares(m, e []float64) (total float64) {
	mean := plainWeightedMean(m, e)
	for i := range m {
		d := (m[i] - mean) / e[i]
		total += d * d
	}
	return total
}

// plainShare returns the share of values for which f is true.
func plainShare(m []float64, f func(float64) bool) float64 {
	n := 0
	for _, v := range m {
		if f(v) {
			n++
		}
	}
	return float64(n) / float64(len(m))
}

// plainFlat reports whether all values are equal.
func plainFlat(m []float64) bool {
	for _, v := range m {
		if v != m[0] {
			return false
		}
	}
	return true
}

func plainAnyZero(e []float64) bool {
	for _, v := range e {
		if v == 0 {
			return true
		}
	}
	return false
}

// plainDefined returns v, or NaN if it is infinite.
func plainDefined(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

func plainMedian(m []float64) float64 { return plainMiddle(plainSorted(m)) }

func plainAmplitude(m []float64) float64 {
	if len(m) == 0 {
		return math.NaN()
	}
	return (slices.Max(m) - slices.Min(m)) / 2
}

func plainPercentAmplitude(m []float64) float64 {
	if len(m) == 0 {
		return math.NaN()
	}
	med := plainMedian(m)
	return max(slices.Max(m)-med, med-slices.Min(m))
}

func plainMedianAbsoluteDeviation(m []float64) float64 {
	med, out := plainMedian(m), slices.Clone(m)
	for i := range out {
		out[i] = math.Abs(out[i] - med)
	}
	return plainMedian(out)
}

func plainMedianBufferRangePercentage10(m []float64) float64 {
	if len(m) == 0 {
		return math.NaN()
	}
	med, limit := plainMedian(m), float64(float32(tenth))*plainAmplitude(m)
	return plainShare(m, func(v float64) bool { return math.Abs(v-med) < limit })
}

func plainQuantile(sorted []float64, p float32) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	h := float32(float32(n)*p) - 0.5
	if h < 0 {
		return sorted[0]
	}
	i := int(h)
	if i >= n-1 {
		return sorted[n-1]
	}
	return sorted[i] + (sorted[i+1]-sorted[i])*float64(h-float32(i))
}

func plainInterPercentileRange10(m []float64) float64 { return plainSpread(plainSorted(m), 0.1) }

func plainMagnitudePercentageRatio40To5(m []float64) float64 {
	return plainRatio(plainSorted(m), 0.4, 0.05)
}

func plainMagnitudePercentageRatio20To10(m []float64) float64 {
	return plainRatio(plainSorted(m), 0.2, 0.1)
}

func plainPercentDifferenceMagnitudePercentile5(m []float64) float64 {
	s := plainSorted(m)
	return plainDefined(plainSpread(s, 0.05) / plainMiddle(s))
}

func plainOtsu(m []float64) (meanDiff, stdLower, stdUpper, lowerToAll float64) {
	if len(m) < 2 || plainFlat(m) {
		nan := math.NaN()
		return nan, nan, nan, nan
	}
	s := plainSorted(m)
	best, split := -1.0, 0
	for k := 1; k < len(s); k++ {
		d := plainMean(s[k:]) - plainMean(s[:k])
		if v := float64(k) * float64(len(s)-k) * d * d; v > best {
			best, split = v, k
		}
	}
	lower, upper := s[:split], s[split:]
	return plainMean(upper) - plainMean(lower), plainDeviation(lower), plainDeviation(upper), float64(split) / float64(len(s))
}

// plainDeviation is the standard deviation, and 0 for a single point.
func plainDeviation(m []float64) float64 {
	if len(m) == 1 {
		return 0
	}
	return plainStandardDeviation(m)
}

var tenth = 0.1 // in a variable, so that it is rounded

// plainSpread returns Q(1−p) − Q(p) of sorted values.
func plainSpread(sorted []float64, p float32) float64 {
	return plainQuantile(sorted, 1-p) - plainQuantile(sorted, p)
}

func plainRatio(sorted []float64, p, q float32) float64 {
	if len(sorted) < 2 {
		return math.NaN()
	}
	return plainDefined(plainSpread(sorted, p) / plainSpread(sorted, q))
}

func plainSorted(m []float64) []float64 {
	s := slices.Clone(m)
	slices.Sort(s)
	return s
}

// plainMiddle returns the median of sorted values.
func plainMiddle(sorted []float64) float64 {
	n := len(sorted)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

func plainLinearTrend(t, m []float64) (slope, sigma, noise float64) {
	if len(t) < 3 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	if plainFlat(m) {
		return 0, 0, 0
	}
	tm, mm := plainMean(t), plainMean(m)
	var stt, stm, chi2 float64
	for i := range t {
		stt, stm = stt+(t[i]-tm)*(t[i]-tm), stm+(t[i]-tm)*(m[i]-mm)
	}
	slope = stm / stt
	for i := range t {
		d := m[i] - mm - slope*(t[i]-tm)
		chi2 += d * d
	}
	noise = math.Sqrt(chi2 / float64(len(t)-2))
	return plainDefined(slope), plainDefined(noise / math.Sqrt(stt)), noise
}

func plainLinearFit(t, m, e []float64) (slope, sigma, chi2 float64) {
	if len(t) < 3 || plainAnyZero(e) {
		return math.NaN(), math.NaN(), math.NaN()
	}
	tm, mm := plainWeightedMean(t, e), plainWeightedMean(m, e)
	var stt, stm float64
	for i := range t {
		w := 1 / (e[i] * e[i])
		stt, stm = stt+w*(t[i]-tm)*(t[i]-tm), stm+w*(t[i]-tm)*(m[i]-mm)
	}
	sigma = plainDefined(1 / math.Sqrt(stt))
	if plainFlat(m) {
		return 0, sigma, 0
	}
	slope = stm / stt
	for i := range t {
		d := (m[i] - mm - slope*(t[i]-tm)) / e[i]
		chi2 += d * d
	}
	return plainDefined(slope), sigma, plainDefined(chi2 / float64(len(t)-2))
}

func plainMaximumSlope(t, m []float64) float64 {
	if len(t) < 2 {
		return math.NaN()
	}
	high := 0.0
	for i := 1; i < len(t); i++ {
		high = max(high, math.Abs((m[i]-m[i-1])/(t[i]-t[i-1])))
	}
	return plainDefined(high)
}

func plainEta(m []float64) float64 {
	if len(m) < 2 || plainFlat(m) {
		return math.NaN()
	}
	total, σ := 0.0, plainStandardDeviation(m)
	for i := 1; i < len(m); i++ {
		total += (m[i] - m[i-1]) * (m[i] - m[i-1])
	}
	return plainDefined(total / (float64(len(m)-1) * σ * σ))
}

func plainEtaE(t, m []float64) float64 {
	if len(m) < 2 || plainFlat(m) {
		return math.NaN()
	}
	total, σ, n1 := 0.0, plainStandardDeviation(m), float64(len(m)-1)
	for i := 1; i < len(m); i++ {
		slope := (m[i] - m[i-1]) / (t[i] - t[i-1])
		total += slope * slope
	}
	duration := plainDuration(t)
	return plainDefined(duration * duration / (n1 * n1 * n1) * total / (σ * σ))
}

func plainDuration(t []float64) float64 {
	if len(t) == 0 {
		return math.NaN()
	}
	return t[len(t)-1] - t[0]
}

func plainTimeMean(t []float64) float64 { return plainMean(t) }

func plainTimeStandardDeviation(t []float64) float64 { return plainStandardDeviation(t) }

func plainTimeIntervals(t []float64) (shortest, longest float64) {
	if len(t) < 2 {
		return math.NaN(), math.NaN()
	}
	shortest = math.Inf(1)
	for i := 1; i < len(t); i++ {
		shortest, longest = min(shortest, t[i]-t[i-1]), max(longest, t[i]-t[i-1])
	}
	return shortest, longest
}

func plainObservationCount(t []float64) float64 { return float64(len(t)) }

// plain returns the features of a clean curve.
func plain(c Curve) []float64 {
	t, m, e := c.T, c.M, c.E
	trend, trendSigma, noise := plainLinearTrend(t, m)
	fit, fitSigma, fitChi2 := plainLinearFit(t, m, e)
	shortest, longest := plainTimeIntervals(t)
	diff, lower, upper, ratio := plainOtsu(m)
	return []float64{
		plainMean(m), plainWeightedMean(m, e), plainStandardDeviation(m), plainMedian(m), plainAmplitude(m), plainBeyond1Std(m), plainCusum(m),
		plainInterPercentileRange10(m), plainKurtosis(m), trend, trendSigma, noise, fit, fitSigma, fitChi2,
		plainMagnitudePercentageRatio40To5(m), plainMagnitudePercentageRatio20To10(m), plainMaximumSlope(t, m),
		plainMedianAbsoluteDeviation(m), plainMedianBufferRangePercentage10(m), plainPercentAmplitude(m), plainMeanVariance(m),
		plainAndersonDarlingNormal(m), plainChi2(m, e), plainSkew(m), plainStetsonK(m, e),
		plainEta(m), plainEtaE(t, m), plainExcessVariance(m, e), plainRoms(m, e), plainPercentDifferenceMagnitudePercentile5(m), plainDuration(t),
		plainTimeMean(t), plainTimeStandardDeviation(t), shortest, longest, plainObservationCount(t), diff, lower, upper, ratio,
	}
}
