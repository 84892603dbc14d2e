// Package hats matches positions with catalogues that are larger than memory and
// partitioned by sky position, in the HATS format of LSDB. Gaia, ZTF, Pan-STARRS,
// Rubin and others are published in it.
//
//	gaia, err := hats.Open("gaia_collection", hats.Options{Columns: []string{"source_id", "parallax"}})
//	if err != nil { … }
//	defer gaia.Close()
//	answer, err := gaia.Nearest(ctx, positions, 1.5*crossmatch.Arcsecond)
//
// The directory holds a collection (with a file collection.properties) or one
// catalogue (with a file hats.properties or properties). A [Catalog] is a
// crossmatch.Matcher. Its answers are exactly those of one crossmatch.Catalog
// of all rows. If several rows are equally near, the answer is the first by
// partition, in HEALPix nested order, and then by row. Match.Row is always -1,
// since catalogues have more rows than it can count: request a column that
// identifies the row.
//
// # Loading
//
// A partition is loaded when a position needs it and stays loaded while
// [Options.CacheBytes] allows; the least recently used is dropped first. A call
// searches each partition once, the loaded ones first, and loads up to four at
// the same time. So positions that are close together, such as a field or a
// telescope visit, are cheap, and positions all over the sky are expensive.
// Only the position and the columns in Options.Columns are read: name few. If
// it is nil, they are the catalogue's default columns (hats_cols_default), or
// all.
//
// CacheBytes counts the positions, index and columns of partitions. While a
// partition is being loaded it needs about as much again; loads that exceed
// CacheBytes for that reason run one at a time. A partition that exceeds
// CacheBytes by itself fails.
//
// # Borders
//
// The nearest row may be in a neighbouring partition, so all partitions that a
// cone of the radius touches are searched. The default margin of a collection
// avoids most of that: for each partition, it holds the rows of the
// neighbouring partitions up to a threshold distance. A radius up to the
// threshold then needs only the position's own partition. A larger radius, or a
// position in no partition, needs the neighbours. The margin changes what is
// loaded, never the answer.
//
// Rows must lie within 0.2 arcseconds of their partition, which allows for
// 32-bit coordinates. A partition with a row farther outside fails, since some
// searches would miss that row. For the same reason rows cannot have their own
// radii.
//
// # Motion
//
// With PMRA, PMDec and Epoch, rows move to the epoch of each position, also
// across borders: the search covers the partitions that a star may have come
// from at up to 11 arcseconds a year, faster than any known star. A row with a
// larger proper motion may be missed if it left its partition. A position's
// epoch counts as unknown if it is not between 1000 and 3000.
//
// # Errors
//
// Open returns an error if the list of partitions is incomplete: if the number
// of rows differs from hats_nrows, or if the file of a partition exists but is
// not in the list. It also returns an error for a margin that was made for
// other partitions. Otherwise missing rows would look like empty sky.
//
// If a partition is missing or damaged, has other columns than the rest, or has
// a number of rows other than in partition_info.csv, then the positions that
// need it have the status StatusFailed, even those with a row near them in
// another partition: that row may not be the nearest. The answer has the cause.
// All other positions are answered. The next call tries the partition again.
package hats
