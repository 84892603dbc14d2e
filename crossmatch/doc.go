// Package crossmatch finds what catalogues know at positions on the sky.
//
//	c, err := crossmatch.NewCatalog(crossmatch.Rows{RA: ra, Dec: dec, Columns: record})
//	matches, err := c.AppendNearest(nil, crossmatch.Positions{RA: qra, Dec: qdec}, 1.5*crossmatch.Arcsecond)
//
// A [Catalog] is in memory or in an index file that processes share. A
// [Matcher] is anything that can be asked for the nearest rows: a Catalog, a
// directory of HATS partitions (crossmatch/hats), the X-Match service of the CDS
// (crossmatch/cds). A [Transform] puts their answers beside alerts, as columns.
// Files of catalogues are read by crossmatch/table.
//
// # What is exact
//
// Positions are taken for what their float64 says, in degrees. The nearest row
// is the nearest one, a radius includes its edge, and of rows that are equally
// near it is the first: where float64 cannot tell, arithmetic of 320 bits does
// (to which angles are equal that differ by less than 1e-72 of their value).
// Separations are right to a few units in the last place. Right ascension is
// taken modulo 360, and has no meaning at the poles.
//
// A position that is none, NaN for example, is answered with Invalid, and a row
// that is none is never found. A catalogue that cannot be asked answers Failed,
// with its cause: never None.
//
// # Radii and motions
//
// Rows may have radii of their own, of extended objects or error circles, that
// are taken instead of the one asked for. Where rows have proper motions, each is
// looked for where it is at the position's epoch, if that is given: a straight
// line through space, without parallax. Rows that reach far are kept apart from
// the others, which are found as quickly as without them.
//
// # Speed
//
// Rows lie in the order of small cells of the sky, about one row a cell, however
// crowded it is there. A lookup waits for memory three times, so positions go in
// groups: what one needs is asked of memory while others are in hand. Ask for many
// at once, a few hundred or more. With the build tag purego, or on processors other
// than amd64 and arm64, that is done without assembly and takes up to 1.4 times as
// long; the answers are the same. A row costs 28 bytes, beside the columns; rows with radii 8 more,
// with motions 16 more.
package crossmatch
