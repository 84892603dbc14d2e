// Package table reads tables of positions on the sky as Arrow records: CSV and its
// variants, Parquet, FITS binary tables and VOTables.
//
//	t, err := table.Open("gaia.fits.gz", table.Options{Columns: []string{"source_id", "parallax"}})
//	if err != nil { … }
//	defer t.Close()
//	for rec, err := range t.Records(ctx) { … }
//
// A table that fits in memory may be read as one record, by [Table.ReadAll]. Package
// crossmatch/catalog opens a table as a crossmatch.Catalog in one call.
//
// # Positions
//
// The two columns of a table's position become float64 degrees. In the file
// they may be sexagesimal text or numbers, in degrees or, if the file states
// units, in hours, radians or fractions of degrees. A right ascension in
// sexagesimal text is in hours unless its letters (12d34m56s) or its unit say
// degrees. A missing position is null; no row is left out. Text that is not an
// angle is an error, or NaN with [Options].AddDegrees. Options names the
// columns; otherwise they are found by their usual names and, in formats that
// have them, by the UCDs of the main position. B1950 is not converted: such
// columns are not found by name.
//
// # Columns
//
// All other columns keep their types. The metadata of a field has its unit, ucd and
// description. Text that is not valid UTF-8 is taken for Latin-1. Empty text is
// null, except in Parquet. Repeated names get a number, as in mag and mag_2. Columns
// that a flat table cannot hold (lists of variable length, complex numbers, bits)
// are left out, and requesting one by name is an error that says why. Fields of
// structs in Parquet are read if requested by dotted names, as in candidate.magpsf.
// Numeric arrays of fixed length are fixed_size_lists, without their dimensions.
//
// # Formats
//
// CSV: delimited by a comma, semicolon, tab or bar, which is detected. It needs a
// header, which may be the last comment, and may have lines of units and dashes
// below it, as VizieR writes them. The file is read twice, first to find the types:
// int64 if all values are whole numbers, float64 if all are numbers, else string.
// A column with integers beyond int64 is text, so that identifiers keep all digits.
// In columns of numbers NULL, N/A, -- and the like are null. Quoted fields may
// contain delimiters, quotes ("") and newlines; blanks around them are ignored.
//
// FITS: the first binary table of the file. Integers with the TZERO of unsigned
// integers are unsigned; other scaled columns are float64. Trailing blanks of text
// are removed.
//
// VOTable: the first table with data, in TABLEDATA, BINARY or BINARY2. If a
// service reports an error instead of a table, or reports after the last row
// that the table is incomplete, the error is a [StatusError].
//
// Parquet: columns have Parquet's own types, and no units. What the library
// does not decode (LZ4, BYTE_STREAM_SPLIT, encryption) is an error that says
// so.
//
// CSV, FITS and VOTable may be gzipped.
//
// # Hostile files
//
// A truncated, damaged or malicious file causes an error with its name and the
// line or row, never a panic. Files are streamed: memory holds one record,
// which has fewer rows than requested if they are long. Memory is allocated for
// data that exists, not for what headers declare. A line, row or value of more
// than 64 MiB is an error, as is a tag of more than 4 MiB in a VOTable, and a
// Parquet schema of more than 40,000 elements. Parquet pages are unpacked whole,
// so a record may take 128 MiB plus four times the size of the file; their
// headers are checked first.
package table
