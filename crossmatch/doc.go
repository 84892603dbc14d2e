// Package crossmatch finds the rows of catalogues at positions on the sky.
//
//	c, err := crossmatch.NewCatalog(crossmatch.Rows{RA: ra, Dec: dec, Columns: record})
//	matches, err := c.AppendNearest(nil, crossmatch.Positions{RA: qra, Dec: qdec}, 1.5*crossmatch.Arcsecond)
//
// A [Catalog] is in memory, or in an index file that processes share. A [Matcher] finds
// the nearest rows of any catalogue: a Catalog, a HATS directory (crossmatch/hats), or the
// X-Match service of the CDS (crossmatch/cds). A [Transform] adds the columns of matching
// rows to alerts. Package crossmatch/table reads files of catalogues.
//
// # Precision
//
// Coordinates are taken as the exact values of their float64s, in degrees. The
// result is the nearest row, or the first of equally near rows, and a radius
// includes its edge. Where float64 cannot decide, 320-bit arithmetic does; it
// treats angles that differ by less than 1e-72 of their value as equal. Separations
// are correct to a few units in the last place. Right ascension is taken modulo 360
// and ignored at the poles.
//
// A row with an invalid position, NaN for example, never matches, and for an invalid
// position the status is StatusInvalid. If a catalogue fails, it is StatusFailed with a
// cause, never StatusNone.
//
// # Radii and proper motions
//
// Rows may have radii, for extended objects or error circles, which replace the search
// radius. Rows with proper motions are moved to the epoch of the position, if that is
// given, along a straight line in space, without parallax. Rows with large radii or
// motions are indexed apart, so that they do not slow down lookups of the others.
//
// # Speed
//
// Rows are ordered by small cells of the sky, which have about one row each even in
// crowded fields. A lookup waits for memory three times, so positions are processed
// in groups and their memory is prefetched: look up at least a few hundred at once.
// With the build tag purego, or on processors other than amd64 and arm64, there is
// no assembly for that, and lookups take up to 1.4 times as long, with the same
// results. A row takes 28 bytes plus its columns; radii take 8 more, motions 16
// more.
package crossmatch
