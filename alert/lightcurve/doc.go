// Package lightcurve computes features of light curves: numbers that tell the shape
// of a curve, by which alerts are classified and outliers are found.
//
//	var e lightcurve.Extractor
//	features := e.Features(nil, lightcurve.Curve{T: jd, M: magpsf, E: sigmapsf})
//	amplitude := features[lightcurve.Amplitude]
//
// The features are the 41 of the package light-curve (Malanchev et al. 2021, MNRAS
// 502, 5147) that Fink and others use, by its names, definitions and edge cases; the
// first 26 are those of Fink's science tables. A feature that is not defined for a
// curve, such as the slope of one point, is NaN.
//
// # Curves
//
// A curve is read by the same rules everywhere: points whose magnitude or error is NaN
// are left out, the others are sorted by time; of those with equal times the first
// stays; and times count from the first point. An error counts by its absolute value.
package lightcurve
