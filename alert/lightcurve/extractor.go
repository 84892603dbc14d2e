package lightcurve

import (
	"cmp"
	"math"
	"slices"
)

// Curve is a light curve: slices of one length of the times, in days, the magnitudes
// or fluxes, and their errors. If one slice is shorter, the rest of the others is
// ignored.
type Curve struct {
	T, M, E []float64
}

// Extractor computes features. Its zero value is ready; it keeps memory for the next
// curve, so it must not be used concurrently.
//
// The quantile Q(p) of the sorted m is at h = Np − ½, between the values floor(h) and
// floor(h)+1 linearly, within the first and the last. As in the package light-curve,
// p, 1−p and h have 32 bits.
type Extractor struct {
	order   []int
	t, m, e []float64 // the points of the curve
	copied  []float64 // the points before they are sorted
	inverse []float64 // 1/e
	sorted  []float64 // m
	sorter  sorter
}

// Clean returns the points of a curve as the features are taken from it: without NaN,
// in the order of time, one for each time, and with times from the first point. The
// result is valid until the next call.
func (x *Extractor) Clean(c Curve) Curve {
	x.t, x.m, x.e = x.t[:0], x.m[:0], x.e[:0]
	ascending := true
	n := min(len(c.T), len(c.M), len(c.E))
	for i, t := range c.T[:n] {
		if m, e := c.M[i], c.E[i]; t == t && m == m && e == e {
			ascending = ascending && (len(x.t) == 0 || x.t[len(x.t)-1] < t)
			x.t, x.m, x.e = append(x.t, t), append(x.m, m), append(x.e, math.Abs(e))
		}
	}
	if !ascending {
		x.sort()
	}
	if len(x.t) > 0 {
		for i, first := 0, x.t[0]; i < len(x.t); i++ {
			x.t[i] -= first
		}
	}
	return Curve{x.t, x.m, x.e}
}

// sort sorts the points by time, and keeps the first of equal times.
func (x *Extractor) sort() {
	x.order = x.order[:0]
	for i := range x.t {
		x.order = append(x.order, i)
	}
	slices.SortStableFunc(x.order, func(i, j int) int { return cmp.Compare(x.t[i], x.t[j]) })
	n := len(x.t)
	x.copied = append(append(append(x.copied[:0], x.t...), x.m...), x.e...)
	t, m, e := x.copied[:n], x.copied[n:2*n], x.copied[2*n:]
	x.t, x.m, x.e = x.t[:0], x.m[:0], x.e[:0]
	for _, i := range x.order {
		if n := len(x.t); n == 0 || x.t[n-1] != t[i] {
			x.t, x.m, x.e = append(x.t, t[i]), append(x.m, m[i]), append(x.e, e[i])
		}
	}
}

// Features appends the NumFeatures features of a curve to dst, in the order of the
// constants. Those that are not defined are NaN, and so are those that would be
// infinite, such as MeanVariance if the mean is 0. The curve need not be clean.
func (x *Extractor) Features(dst []float64, c Curve) []float64 {
	start := len(dst)
	for range NumFeatures {
		dst = append(dst, math.NaN())
	}
	out := (*[NumFeatures]float64)(dst[start:])
	c = x.Clean(c)
	n := len(c.T)
	out[ObservationCount] = float64(n)
	if n == 0 {
		return dst
	}
	x.sorted = x.sorter.sort(x.sorted[:0], c.M)
	x.inverse = x.inverse[:0]
	for _, e := range c.E {
		x.inverse = append(x.inverse, 1/e)
	}
	s := sums(c, x.inverse)
	ordered(out, x.sorted, &s)
	moments(out, c, &s)
	if n >= 4 && !s.flat {
		out[AndersonDarlingNormal] = andersonDarling(x.sorted, &s)
	}
	weighted(out, c, x.inverse, &s)
	times(out, c)
	for i, v := range out {
		if math.IsInf(v, 0) {
			out[i] = math.NaN()
		}
	}
	return dst
}

// sum holds what several features need.
type sum struct {
	n         float64
	mean      float64
	sigma     float64
	flat      bool
	w, wm, wt float64 // the sum of the weights, and the weighted means
	zero      bool    // an error is zero
	errors    float64 // the mean of e²
	time      float64 // the mean time
	first     float64
	median    float64
}

// sums adds up. Differences to the first value keep the sums of flat curves exact.
func sums(c Curve, inverse []float64) (s sum) {
	s.n, s.first, s.flat = float64(len(c.M)), c.M[0], true
	var m, t, e2, w, wm, wt float64
	for i, v := range c.M {
		d, e, k := v-s.first, c.E[i], inverse[i]*inverse[i]
		s.flat = s.flat && d == 0
		s.zero = s.zero || e == 0
		m, t, e2 = m+d, t+c.T[i], e2+e*e
		w, wm, wt = w+k, wm+k*d, wt+k*c.T[i]
	}
	s.mean, s.time, s.errors = s.first+m/s.n, t/s.n, e2/s.n
	s.w, s.wm, s.wt = w, s.first+wm/w, wt/w
	return s
}

// ordered computes what depends on the sorted values alone.
func ordered(out *[NumFeatures]float64, m []float64, s *sum) {
	n := len(m)
	s.median = m[n/2]
	if n%2 == 0 {
		s.median = (m[n/2-1] + m[n/2]) / 2
	}
	least, most := m[0], m[n-1]
	amplitude := (most - least) / 2
	q5, q95 := quantile(m, 0.05), quantile(m, one-0.05)
	q10, q90 := quantile(m, 0.1), quantile(m, one-0.1)
	out[Median] = s.median
	out[Amplitude] = amplitude
	out[PercentAmplitude] = max(most-s.median, s.median-least)
	out[InterPercentileRange10] = q90 - q10
	out[PercentDifferenceMagnitudePercentile5] = (q95 - q5) / s.median
	out[MedianAbsoluteDeviation], out[MedianBufferRangePercentage10] = deviations(m, s.median, float64(float32(0.1))*amplitude)
	if n < 2 || s.flat {
		return
	}
	out[MagnitudePercentageRatio40x5] = (quantile(m, one-0.4) - quantile(m, 0.4)) / (q95 - q5)
	out[MagnitudePercentageRatio20x10] = (quantile(m, one-0.2) - quantile(m, 0.2)) / (q90 - q10)
	otsu(out, m, s)
}

const one float32 = 1

// quantile returns Q(p) of sorted values.
func quantile(m []float64, p float32) float64 {
	h := float32(len(m))*p - 0.5
	if h <= 0 {
		return m[0]
	}
	i := int(h)
	if i >= len(m)-1 {
		return m[len(m)-1]
	}
	return m[i] + float64(h-float32(i))*(m[i+1]-m[i])
}

// deviations returns the median of |m − median| of sorted values, and the share of
// those below a limit. The deviations on either side of the median ascend away from
// it, so they are merged.
func deviations(m []float64, median, limit float64) (mad, below float64) {
	n := len(m)
	up, _ := slices.BinarySearch(m, median) // the first that is not below the median
	down := up - 1
	var last float64
	near := 0
	for i := 0; i < n; i++ {
		var d float64
		switch {
		case down < 0 || up < n && m[up]-median <= median-m[down]:
			d = m[up] - median
			up++
		default:
			d = median - m[down]
			down--
		}
		if d < limit {
			near++
		} else if i > n/2 {
			return mad, float64(near) / float64(n)
		}
		switch {
		case i == n/2 && n%2 == 1:
			mad = d
		case i == n/2:
			mad = (last + d) / 2
		}
		last = d
	}
	return mad, float64(near) / float64(n)
}

// otsu splits sorted values in two.
func otsu(out *[NumFeatures]float64, m []float64, s *sum) {
	n := len(m)
	total := 0.0
	for _, v := range m {
		total += v - s.mean
	}
	best, split, lower := math.Inf(-1), 0, 0.0
	low := 0.0
	for i := 0; i < n-1; i++ {
		low += m[i] - s.mean
		a, b := float64(i+1), float64(n-i-1)
		d := (total-low)/b - low/a
		if v := a * b * d * d; v > best {
			best, split, lower = v, i+1, low
		}
	}
	a, b := float64(split), float64(n-split)
	meanLow, meanHigh := lower/a, (total-lower)/b
	out[OtsuMeanDiff] = meanHigh - meanLow
	out[OtsuStdLower] = deviation(m[:split], s.mean+meanLow)
	out[OtsuStdUpper] = deviation(m[split:], s.mean+meanHigh)
	out[OtsuLowerToAllRatio] = a / s.n
}

// deviation returns the standard deviation, 0 of one value.
func deviation(m []float64, mean float64) float64 {
	if len(m) < 2 {
		return 0
	}
	v := 0.0
	for _, x := range m {
		v += (x - mean) * (x - mean)
	}
	return math.Sqrt(v / float64(len(m)-1))
}

// moments computes what is not weighted by errors.
func moments(out *[NumFeatures]float64, c Curve, s *sum) {
	n := len(c.M)
	out[Mean] = s.mean
	if n < 2 {
		return
	}
	var m2, m3, m4, walk, least, most, tt, tm float64
	least, most = math.Inf(1), math.Inf(-1)
	for i, v := range c.M {
		d, t := v-s.mean, c.T[i]-s.time
		d2 := d * d
		m2, m3, m4 = m2+d2, m3+d2*d, m4+d2*d2
		tt, tm = tt+t*t, tm+t*d
		walk += d
		if walk < least { // the functions min and max take longer, for the sake of NaN
			least = walk
		}
		if walk > most {
			most = walk
		}
	}
	variance := m2 / (s.n - 1)
	s.sigma = math.Sqrt(variance)
	far := 0
	var steps, slopes, steepest float64
	for i, v := range c.M {
		if math.Abs(v-s.mean) > s.sigma {
			far++
		}
		if i > 0 {
			d := v - c.M[i-1]
			slope := d / (c.T[i] - c.T[i-1])
			steps, slopes = steps+d*d, slopes+slope*slope
			if a := math.Abs(slope); a > steepest {
				steepest = a
			}
		}
	}
	out[StandardDeviation] = s.sigma
	out[MeanVariance] = s.sigma / s.mean
	out[Beyond1Std] = float64(far) / s.n
	out[MaximumSlope] = steepest
	out[ExcessVariance] = (variance - s.errors) / (s.mean * s.mean)
	if n >= 3 {
		slope, chi2 := tm/tt, 0.0
		for i, v := range c.M {
			r := v - s.mean - slope*(c.T[i]-s.time)
			chi2 += r * r
		}
		chi2 /= s.n - 2
		out[LinearTrend], out[LinearTrendSigma], out[LinearTrendNoise] = slope, math.Sqrt(chi2/tt), math.Sqrt(chi2)
	}
	if s.flat {
		return
	}
	out[Cusum] = (most - least) / (s.n * s.sigma)
	out[Eta] = steps / ((s.n - 1) * variance)
	span := c.T[n-1]
	out[EtaE] = span * span / ((s.n - 1) * (s.n - 1) * (s.n - 1)) * slopes / variance
	if n >= 3 {
		out[Skew] = s.n / ((s.n - 1) * (s.n - 2)) * m3 / (variance * s.sigma)
	}
	if n >= 4 {
		out[Kurtosis] = s.n*(s.n+1)/((s.n-1)*(s.n-2)*(s.n-3))*m4/(variance*variance) - 3*(s.n-1)*(s.n-1)/((s.n-2)*(s.n-3))
	}
}

// andersonDarling computes the statistic of the sorted values.
func andersonDarling(sorted []float64, s *sum) float64 {
	table, inverse := lnPhi(), 1/s.sigma
	total, up, down := 0.0, 1.0, 2*s.n-1
	for _, v := range sorted {
		below, above := table.both((v - s.mean) * inverse)
		total += up*below + down*above
		up, down = up+2, down-2
	}
	return (1 + 4/s.n - 25/(s.n*s.n)) * (-s.n - total/s.n)
}

// weighted computes what is weighted by errors.
func weighted(out *[NumFeatures]float64, c Curve, inverse []float64, s *sum) {
	n := len(c.M)
	roms := 0.0
	if n >= 2 {
		for i, v := range c.M {
			if c.E[i] > 0 {
				roms += math.Abs(v-s.median) * inverse[i]
			}
		}
		out[Roms] = roms / (s.n - 1)
	}
	if s.zero {
		return
	}
	out[WeightedMean] = s.wm
	if n < 2 {
		return
	}
	var chi2, absolute, tt, tm float64
	for i, v := range c.M {
		d, t, k := v-s.wm, c.T[i]-s.wt, inverse[i]
		w := k * k
		chi2, absolute = chi2+w*d*d, absolute+math.Abs(d)*k
		tt, tm = tt+w*t*t, tm+w*t*d
	}
	out[Chi2] = chi2 / (s.n - 1)
	if !s.flat {
		out[StetsonK] = absolute / math.Sqrt(s.n*chi2)
	}
	if n < 3 {
		return
	}
	slope, left := tm/tt, 0.0
	for i, v := range c.M {
		r := (v - s.wm - slope*(c.T[i]-s.wt)) * inverse[i]
		left += r * r
	}
	out[LinearFitSlope], out[LinearFitSlopeSigma], out[LinearFitReducedChi2] = slope, 1/math.Sqrt(tt), left/(s.n-2)
}

// times computes what depends on the times alone.
func times(out *[NumFeatures]float64, c Curve) {
	n := len(c.T)
	mean := 0.0
	for _, t := range c.T {
		mean += t
	}
	mean /= float64(n)
	out[Duration], out[TimeMean] = c.T[n-1], mean
	if n < 2 {
		return
	}
	least, most := math.Inf(1), 0.0
	for i := 1; i < n; i++ {
		d := c.T[i] - c.T[i-1]
		if d < least {
			least = d
		}
		if d > most {
			most = d
		}
	}
	out[TimeStandardDeviation] = deviation(c.T, mean)
	out[MinimumTimeInterval], out[MaximumTimeInterval] = least, most
}
