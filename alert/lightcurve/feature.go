package lightcurve

import "strings"

// Feature is the number of a feature in the result of Extractor.Features.
type Feature int

// The features of a clean curve of N points (see Extractor.Clean): times t in days,
// values m in magnitudes or as a flux, and errors e, with weights w = 1/e². ⟨m⟩ is the
// mean, m̄ the weighted mean, σ the standard deviation with N−1, Q(p) the quantile of
// Hazen (see Extractor). Features marked with n need that many points at least, else
// they are NaN; those marked "not flat" are NaN too if all m are equal, and a quotient is
// NaN if its denominator is 0. Features without a unit are marked so.
//
// Definitions and edge cases are those of the package light-curve 0.13.3. References:
// [A] Anderson and Darling 1952, Ann. Math. Stat. 23, 193, with the correction of
// Stephens 1974, JASA 69, 730; [D] D'Isanto et al. 2016, MNRAS 457, 3119; [E] Enoch et
// al. 2003, AJ 126, 3006; [K] Kim et al. 2014, A&A 566, A43; [N] von Neumann 1941, Ann.
// Math. Stat. 12, 367; [O] Otsu 1979, IEEE Trans. Syst. Man Cybern. 9, 62; [S] Sánchez
// et al. 2017, ApJ 849, 110; [T] Stetson 1996, PASP 108, 851.
const (
	// Mean is ⟨m⟩, in the unit of m. n = 1.
	Mean Feature = iota
	// WeightedMean is m̄ = Σwm/Σw, in the unit of m. n = 1; NaN if an error is 0.
	WeightedMean
	// StandardDeviation is σ = √(Σ(m−⟨m⟩)²/(N−1)), in the unit of m; 0 for a flat curve.
	// n = 2.
	StandardDeviation
	// Median is the median of m, in its unit: the mean of the middle two if N is even.
	// n = 1.
	Median
	// Amplitude is half of the range, (max m − min m)/2, in the unit of m. n = 1.
	Amplitude
	// Beyond1Std is the share of points with |m − ⟨m⟩| > σ, 0 to 1; 0 for a flat curve.
	// n = 2. [D]
	Beyond1Std
	// Cusum is the range of the cumulative sums Σ(m − ⟨m⟩), divided by Nσ; no unit.
	// n = 2, not flat. [K]
	Cusum
	// InterPercentileRange10 is Q(0.9) − Q(0.1), in the unit of m. n = 1.
	InterPercentileRange10
	// Kurtosis is the unbiased excess kurtosis, N(N+1)/((N−1)(N−2)(N−3)) Σ(m−⟨m⟩)⁴/σ⁴ −
	// 3(N−1)²/((N−2)(N−3)); no unit. n = 4, not flat.
	Kurtosis
	// LinearTrend is the slope of the least-squares line without weights, in the unit of
	// m per day; 0 for a flat curve. n = 3.
	LinearTrend
	// LinearTrendSigma is the error of LinearTrend, √(χ²/(N−2)/Σ(t−⟨t⟩)²) with the sum χ²
	// of squared residuals, in the unit of m per day. n = 3.
	LinearTrendSigma
	// LinearTrendNoise is the scatter about that line, √(χ²/(N−2)), in the unit of m.
	// n = 3.
	LinearTrendNoise
	// LinearFitSlope is the slope of the least-squares line with weights, in the unit of
	// m per day; 0 for a flat curve. n = 3; NaN if an error is 0, as are the next two.
	LinearFitSlope
	// LinearFitSlopeSigma is the error of LinearFitSlope, 1/√Σw(t−t̄)² with the weighted
	// mean t̄, in the unit of m per day. n = 3.
	LinearFitSlopeSigma
	// LinearFitReducedChi2 is Σw(m−line)²/(N−2) of that line; no unit. n = 3.
	LinearFitReducedChi2
	// MagnitudePercentageRatio40x5 is (Q(0.6)−Q(0.4))/(Q(0.95)−Q(0.05)), 0 to 1. n = 2,
	// not flat. [D]
	MagnitudePercentageRatio40x5
	// MagnitudePercentageRatio20x10 is (Q(0.8)−Q(0.2))/(Q(0.9)−Q(0.1)), 0 to 1. n = 2,
	// not flat. [D]
	MagnitudePercentageRatio20x10
	// MaximumSlope is the largest |Δm/Δt| of neighbours, in the unit of m per day. n = 2.
	// [D]
	MaximumSlope
	// MedianAbsoluteDeviation is the median of |m − median|, in the unit of m. n = 1. [D]
	MedianAbsoluteDeviation
	// MedianBufferRangePercentage10 is the share of points with |m − median| <
	// 0.1·Amplitude, 0 to 1; 0 for a flat curve. The 0.1 has 32 bits, 0.10000000149.
	// n = 1. [D]
	MedianBufferRangePercentage10
	// PercentAmplitude is the largest |m − median|, in the unit of m. n = 1. [D], without
	// its division by the median.
	PercentAmplitude
	// MeanVariance is σ/⟨m⟩; no unit. n = 2.
	MeanVariance
	// AndersonDarlingNormal is the statistic of a test of m against a normal distribution
	// of unknown mean and variance:
	// (1 + 4/N − 25/N²)(−N − 1/N Σ[(2i+1) ln Φ(zᵢ) + (2(N−i)−1) ln(1 − Φ(zᵢ))]) of the
	// sorted z = (m−⟨m⟩)/σ, i from 0; no unit. n = 4, not flat. [A]
	AndersonDarlingNormal
	// Chi2 is the reduced χ² of a constant, Σw(m−m̄)²/(N−1); no unit; 0 for a flat curve.
	// n = 2; NaN if an error is 0.
	Chi2
	// Skew is the unbiased skewness, N/((N−1)(N−2)) Σ(m−⟨m⟩)³/σ³; no unit. n = 3, not
	// flat.
	Skew
	// StetsonK is Σ|m−m̄|/e / √(N Σw(m−m̄)²), 0 to 1, 0.798 for normal m. n = 2, not
	// flat; NaN if an error is 0. [T]
	StetsonK

	// Eta is Σ(Δm)²/((N−1)σ²) of neighbours; no unit, 2 for noise. n = 2, not flat. [N]
	Eta
	// EtaE is Eta for uneven times: (t_N−t_1)²/(N−1)³ Σ(Δm/Δt)²/σ²; no unit. n = 2, not
	// flat. [K], with the normalisation of light-curve.
	EtaE
	// ExcessVariance is (σ² − ⟨e²⟩)/⟨m⟩²; no unit. n = 2. [S]
	ExcessVariance
	// Roms is the robust median statistic Σ|m − median|/e/(N−1); no unit. Points with an
	// error of 0 are left out of the sum. n = 2. [E]
	Roms
	// PercentDifferenceMagnitudePercentile5 is (Q(0.95)−Q(0.05))/median; no unit. n = 1.
	// [D]
	PercentDifferenceMagnitudePercentile5
	// Duration is t_N − t_1, in days. n = 1.
	Duration
	// TimeMean is the mean time, in days from the first point. n = 1.
	TimeMean
	// TimeStandardDeviation is √(Σ(t−⟨t⟩)²/(N−1)), in days. n = 2.
	TimeStandardDeviation
	// MinimumTimeInterval is the shortest time between neighbours, in days. n = 2.
	MinimumTimeInterval
	// MaximumTimeInterval is the longest time between neighbours, in days. n = 2.
	MaximumTimeInterval
	// ObservationCount is N; 0 for an empty curve.
	ObservationCount
	// OtsuMeanDiff is ⟨m⟩₁ − ⟨m⟩₀ of the two parts, of N₀ lower and N₁ upper values, into
	// which m is split by Otsu's method, in the unit of m: the split with the largest
	// variance between the parts, N₀N₁(⟨m⟩₁−⟨m⟩₀)²; of equal ones, that with the smallest
	// N₀. n = 2, not flat, as are the next three. [O]
	OtsuMeanDiff
	// OtsuStdLower is the standard deviation of the lower part, in the unit of m; 0 of
	// one point.
	OtsuStdLower
	// OtsuStdUpper is the standard deviation of the upper part, in the unit of m; 0 of
	// one point.
	OtsuStdUpper
	// OtsuLowerToAllRatio is N₀/N, 0 to 1.
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

// Of returns the feature of a curve, which need not be clean. ok is false if it is not
// defined. For several features or many curves, an Extractor is faster.
func (f Feature) Of(c Curve) (v float64, ok bool) {
	var x Extractor
	v = x.Features(nil, c)[f]
	return v, v == v
}
