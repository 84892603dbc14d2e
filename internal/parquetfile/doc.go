// Package parquetfile writes Parquet files from Arrow records: few bytes are
// copied twice, the columns of a row group are encoded on several processors,
// and rows are picked out of records by number, so that the rows of one hour
// need no records of their own.
//
// A Writer is given the schema of the file and takes row groups:
//
//	w, err := parquetfile.NewWriter(out, schema, parquetfile.Options{})
//	err = w.WriteRowGroup([]parquetfile.Rows{{Record: a}, {Record: b, Index: rows}})
//	err = w.Close()
//
// A record may be narrower than the file. Columns and fields go by name; what
// a record lacks is null, int32 and float32 are widened to int64 and float64,
// and strings and bytes may be views or not. Everything else that differs is
// an error that names the column.
//
// # Types
//
// Boolean, int32, int64, float32, float64, string, binary (and their views),
// fixed-size binary, decimal128, date32, time32[ms], time64[us], timestamps in
// ms, us and ns (in UTC or without a zone), null, struct, list and map. A list
// has three levels, list.element; a map key_value.key and value. The Arrow
// schema is not stored beside Parquet's own: Parquet's annotations bring the
// types back, and a view comes back as what it is a view of.
//
// # Form
//
// Data pages are of version 1, values PLAIN; strings that repeat themselves
// get a dictionary. A page is about 1 MiB and begins with a row. Binary
// columns that do not compress, such as gzipped cutouts, are stored as they
// are, whatever the codec. Every column but binary ones has statistics, as
// far as its strings are short; NaN has no part in them.
//
// The same row groups give the same bytes, however many workers there are.
//
// # Limits
//
// A page holds less than 2 GiB, and at least one row: a longer row of one
// column is an error. A Writer holds one encoded row group at most, without
// its uncompressed binary values, which go straight from the record to the
// io.Writer through a buffer of 256 KiB.
package parquetfile
