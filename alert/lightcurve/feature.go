package lightcurve

import "strings"

// Feature is the number of a feature in the result of Extractor.Features.
type Feature int

// The features of a curve of N points: times t, values m and errors e, with weights
// w = 1/e². ⟨m⟩ is the mean, σ the standard deviation with N−1, Q(p) the quantile of
// Hazen (see Extractor). Those marked with n need that many points at least, else
// they are NaN; those marked "not flat" are NaN too if all m are equal. m is in
// magnitudes or as a flux, t in days: the unit of a feature follows from its formula.
const (
	// Mean is ⟨m⟩. n = 1.
	Mean Feature = iota
	// WeightedMean is Σwm/Σw. n = 1; NaN with an error of zero.
	WeightedMean
	// StandardDeviation is σ. n = 2.
	StandardDeviation
	// Median is the median of m. n = 1.
	Median
	// Amplitude is half of the range of m. n = 1.
	Amplitude
	// Beyond1Std is the share of points with |m − ⟨m⟩| > σ. n = 2.
	Beyond1Std
	// Cusum is the range of the cumulative sums Σ(m − ⟨m⟩), divided by Nσ. n = 2, not flat.
	Cusum
	// InterPercentileRange10 is Q(0.9) − Q(0.1). n = 1.
	InterPercentileRange10
	// Kurtosis is the excess kurtosis, without bias:
	// N(N+1)/((N−1)(N−2)(N−3)) Σ(m−⟨m⟩)⁴/σ⁴ − 3(N−1)²/((N−2)(N−3)). n = 4, not flat.
	Kurtosis
	// LinearTrend is the slope of a line by least squares without weights, in m per
	// day. n = 3.
	LinearTrend
	// LinearTrendSigma is the error of LinearTrend, √(χ²/(N−2)/Σ(t−⟨t⟩)²). n = 3.
	LinearTrendSigma
	// LinearTrendNoise is the scatter about that line, √(χ²/(N−2)). n = 3.
	LinearTrendNoise
	// LinearFitSlope is the slope of a line by least squares with weights, in m per
	// day. n = 3; NaN with an error of zero, as are the next two.
	LinearFitSlope
	// LinearFitSlopeSigma is the error of LinearFitSlope, 1/√Σw(t−t̄)². n = 3.
	LinearFitSlopeSigma
	// LinearFitReducedChi2 is Σw(m−line)²/(N−2) of that line. n = 3.
	LinearFitReducedChi2
	// MagnitudePercentageRatio40x5 is (Q(0.6)−Q(0.4))/(Q(0.95)−Q(0.05)). n = 2, not flat.
	MagnitudePercentageRatio40x5
	// MagnitudePercentageRatio20x10 is (Q(0.8)−Q(0.2))/(Q(0.9)−Q(0.1)). n = 2, not flat.
	MagnitudePercentageRatio20x10
	// MaximumSlope is the largest |Δm/Δt| of neighbours, in m per day. n = 2.
	MaximumSlope
	// MedianAbsoluteDeviation is the median of |m − median|. n = 1.
	MedianAbsoluteDeviation
	// MedianBufferRangePercentage10 is the share of points nearer to the median than a
	// tenth of the amplitude. n = 1.
	MedianBufferRangePercentage10
	// PercentAmplitude is the largest |m − median|. n = 1.
	PercentAmplitude
	// MeanVariance is σ/⟨m⟩. n = 2.
	MeanVariance
	// AndersonDarlingNormal is the statistic of a test for a normal distribution:
	// (1 + 4/N − 25/N²)(−N − 1/N Σ[(2i+1) ln Φ(zᵢ) + (2(N−i)−1) ln(1 − Φ(zᵢ))]) of the
	// sorted z = (m−⟨m⟩)/σ, i from 0. n = 4, not flat.
	AndersonDarlingNormal
	// Chi2 is Σw(m−m̄)²/(N−1) with the weighted mean m̄. n = 2; NaN with an error of zero.
	Chi2
	// Skew is the skewness, without bias: N/((N−1)(N−2)) Σ(m−⟨m⟩)³/σ³. n = 3, not flat.
	Skew
	// StetsonK is Σ|m−m̄|/e / √(N Σw(m−m̄)²). n = 2, not flat; NaN with an error of zero.
	StetsonK

	// Eta is Σ(Δm)²/((N−1)σ²) of neighbours. n = 2, not flat.
	Eta
	// EtaE is Eta for uneven times: (t_N−t_1)²/(N−1)³ Σ(Δm/Δt)²/σ². n = 2, not flat.
	EtaE
	// ExcessVariance is (σ² − ⟨e²⟩)/⟨m⟩². n = 2.
	ExcessVariance
	// Roms is the robust median statistic Σ|m − median|/e/(N−1), without points whose
	// error is zero. n = 2.
	Roms
	// PercentDifferenceMagnitudePercentile5 is (Q(0.95)−Q(0.05))/median. n = 1.
	PercentDifferenceMagnitudePercentile5
	// Duration is t_N − t_1, in days. n = 1.
	Duration
	// TimeMean is the mean time, in days from the first point. n = 1.
	TimeMean
	// TimeStandardDeviation is that of t, with N−1. n = 2.
	TimeStandardDeviation
	// MinimumTimeInterval is the shortest time between neighbours. n = 2.
	MinimumTimeInterval
	// MaximumTimeInterval is the longest. n = 2.
	MaximumTimeInterval
	// ObservationCount is N.
	ObservationCount
	// OtsuMeanDiff is the difference of the means of the two groups that m is split
	// into by Otsu's method: the split with the largest variance between them, the
	// first of equal ones. n = 2, not flat, as are the next three.
	OtsuMeanDiff
	// OtsuStdLower is the standard deviation of the lower group; 0 of one point.
	OtsuStdLower
	// OtsuStdUpper is that of the upper group.
	OtsuStdUpper
	// OtsuLowerToAllRatio is the share of points in the lower group.
	OtsuLowerToAllRatio

	// NumFeatures is the number of features. The first FinkFeatures are Fink's.
	NumFeatures
	FinkFeatures = StetsonK + 1
)

// names are those of the package light-curve.
var names = strings.Fields(`mean weighted_mean standard_deviation median amplitude beyond_1_std cusum inter_percentile_range_10
	kurtosis linear_trend linear_trend_sigma linear_trend_noise linear_fit_slope linear_fit_slope_sigma linear_fit_reduced_chi2
	magnitude_percentage_ratio_40_5 magnitude_percentage_ratio_20_10 maximum_slope median_absolute_deviation
	median_buffer_range_percentage_10 percent_amplitude mean_variance anderson_darling_normal chi2 skew stetson_K
	eta eta_e excess_variance roms percent_difference_magnitude_percentile_5 duration time_mean time_standard_deviation
	minimum_time_interval maximum_time_interval observation_count otsu_mean_diff otsu_std_lower otsu_std_upper
	otsu_lower_to_all_ratio`)

// String returns the name of the feature, as in the package light-curve:
// linear_fit_slope.
func (f Feature) String() string { return names[f] }
