// Package hats matches positions with catalogues larger than memory, that lie in
// a directory in parts of the sky: those of HATS, as LSDB reads them and as
// Gaia, ZTF, Pan-STARRS, Rubin and others are published.
//
//	gaia, err := hats.Open("gaia_collection", hats.Options{Columns: []string{"source_id", "parallax"}})
//	if err != nil { … }
//	defer gaia.Close()
//	answer, err := gaia.Nearest(ctx, positions, 1.5*crossmatch.Arcsecond)
//
// The directory is that of a collection (it has a collection.properties) or of
// one catalogue (hats.properties, or properties). A [Catalog] is a
// crossmatch.Matcher that answers as one crossmatch.Catalog of all its rows
// would, to the last digit, and with the same row where several are equally
// near: the first by partition, in HEALPix nested order, and then by row. The
// row's number is always -1, since catalogues have more rows than that could
// count: ask for the column that identifies it.
//
// # What is loaded
//
// A partition is loaded when a position has to do with it, and stays as long as
// [Options.CacheBytes] has room for it; what was not used for the longest goes
// first. A call looks at each partition once, those first that are there, and
// one partition is loaded at a time, whoever asks. So positions are cheap that
// lie together, a field or the visit of a telescope, and dear all over the sky.
// Little is loaded of a partition if Columns names few: without Columns they
// are the catalogue's own choice (hats_cols_default), or all.
//
// That counts what is loaded: positions, index and columns. While a partition
// is loaded it takes about as much again. One that has no room by itself is an
// error that says so.
//
// # Borders
//
// What is near a position may lie in a neighbouring partition. All partitions
// are searched that a cone of the radius touches. A collection's default margin
// spares most of that: it has, beside each partition, the rows of its
// neighbours out to a threshold, so that up to that radius a position asks its
// own partition only. Beyond, or without a margin, or where a position is in no
// partition, the neighbours are asked. Nothing depends on the margin but how
// much is loaded.
//
// Positions of partitions and rows are trusted to 0.2 arcseconds, which is more
// than coordinates of 32 bits are off. A row that lies farther outside of its
// partition would not be found from everywhere, so that partition fails. For
// the same reason rows have no radii of their own here.
//
// # Motion
//
// With PMRA, PMDec and Epoch, rows move to the epoch of each position, across
// borders too: partitions are searched from where a star may have come, at up
// to 11 arcseconds a year. No star is known to be as fast. A row that says it is
// may be missed if it left its partition.
//
// # What fails
//
// Open returns an error for a list of partitions that lost some: where its rows
// are not as many as hats_nrows says, or a partition's file is there that it does
// not have. So it does for a margin that was made for other partitions. Their
// rows would read as empty sky.
//
// A partition that is missing, damaged, of other columns than the rest or of
// another number of rows than partition_info.csv says, if it does, is the
// status Failed of the positions that have to do with it, with the cause, also
// if another partition has a row near them: that may not be the nearest. The
// others are answered. It is tried again at the next call.
package hats
