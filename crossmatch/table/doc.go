// Package table reads tables of places on the sky: CSV and its kin, Parquet,
// FITS binary tables and VOTables, as Arrow records.
//
//	t, err := table.Open("gaia.fits.gz", table.Options{Columns: []string{"source_id", "parallax"}})
//	if err != nil { … }
//	defer t.Close()
//	for rec, err := range t.Records(ctx) { … }
//
// What fits in memory can be had as one record, of whose numbers a
// crossmatch.Catalog is made:
//
//	rec, err := t.ReadAll(ctx)
//	ra, err := table.Floats(rec, "ra")
//
// # Positions
//
// A table has two columns of a position, which become float64 degrees whatever
// they were: numbers in degrees, hours, radians or parts of degrees, where the
// file has units, and sexagesimal text, of which a right ascension is in hours
// unless its letters (12d34m56s) or its unit say degrees. A position that is
// missing is null; no row is left out. Text that is no angle is an error.
// [Options] names the columns; otherwise the usual names and, where a format
// has them, the UCDs of the main position find them. B1950 is not converted:
// such columns are not found by name.
//
// # Columns
//
// All other columns keep their types and have their unit, ucd and description
// in the metadata of the field. Text is UTF-8, or else taken for Latin-1. Text
// that is empty is null, except in Parquet. A name that comes twice gets a
// number, as in mag and mag_2. Columns that a flat table cannot hold (nested
// and complex ones, arrays of variable length, bits) are left out, and asking
// for one by name says why. Numeric arrays of a fixed length are
// fixed_size_lists, of however many dimensions they were.
//
// # Formats
//
// CSV: delimited by a comma, semicolon, tab or bar; which one is found out. It
// needs a header, which may be the last of the comments, and may have lines of
// units and dashes below it, as VizieR writes them. Types are found over the
// whole file, which is read twice for it: int64 if all are whole numbers,
// float64 if all are numbers, else string. Integers beyond int64 are text, so
// that no identifier loses a digit. Where a column is of numbers, NULL, N/A, --
// and the like are null. Quoted fields may hold delimiters, quotes ("") and
// newlines, and blanks around them do not count.
//
// FITS: the first binary table of the file. Integers with the TZERO of unsigned
// ones are unsigned; other scaled columns are float64. Blanks behind text do
// not count.
//
// VOTable: the first table with data, in TABLEDATA, BINARY or BINARY2. A service
// that answers with an error instead of a table is a [StatusError], and so is,
// behind the last row, a service that sent fewer rows than it had.
//
// Parquet: flat columns, of the types that Parquet itself knows; it has no units.
// What the library does not decode (LZ4, BYTE_STREAM_SPLIT, encryption) is an
// error that says so.
//
// CSV, FITS and VOTable may be gzipped.
//
// # Hostile files
//
// A file that is cut short, damaged or made to harm gives an error with its
// name and the line or row, never a panic. Files are streamed: memory is that
// of a record, which has fewer rows than asked for where they are long. What a
// header claims is believed only as far as bytes are there to prove it, and a
// line, row or value beyond 64 MiB is an error. Parquet is the exception: its
// pages are unpacked whole, so that a record may take 128 MiB and four times the
// size of the file, and its headers are walked before the library believes them.
package table
