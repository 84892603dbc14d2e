// Package lightcurve computes features of light curves: numbers that tell the shape
// of a curve, by which alerts are classified and outliers are found.
//
//	var e lightcurve.Extractor
//	features := e.Features(nil, lightcurve.Curve{T: jd, M: magpsf, E: sigmapsf})
//	amplitude := features[lightcurve.Amplitude]
//
// Feature.Of returns a single one. A Transform adds the features of each alert's curve
// to the rows of a job, as a struct for each band: lc.g.amplitude.
//
//	job := stream.MicroBatch{
//		Source:     source,
//		Transforms: []stream.Transform{decoder, &lightcurve.Transform{}},
//		…
//	}
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
//
// Points returns the points of an alert's history and of the alert itself: detections,
// upper limits, and detections of bad quality. Union makes one light curve of the
// points of all alerts of an object.
package lightcurve
