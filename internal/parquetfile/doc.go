// Package parquetfile writes Arrow records to Parquet files, and reads them. It
// encodes the columns of a row group in parallel, copies little, and takes rows of
// records by number, so that the rows of one hour need no records of their own.
//
//	w, err := parquetfile.NewWriter(out, schema, parquetfile.Options{})
//	err = w.WriteRowGroup([]parquetfile.Rows{{Record: a}, {Record: b, Index: rows}})
//	err = w.Close()
//
//	r, err := parquetfile.OpenReader(in, size)
//	rec, err := r.ReadRowGroup(0, []string{"object_id", "candidate.jd"})
//
// A record may have fewer columns than the file. Columns and fields are matched
// by name, and absent ones are null. int32 and float32 are widened to int64 and
// float64. Strings and bytes may be views. Any other difference is an error that
// names the column.
//
// # Types
//
// Boolean, int32, int64, float32, float64, string, binary (and their views),
// fixed-size binary, decimal128, date32, time32[ms], time64[us], timestamps in
// ms, us and ns (in UTC or without a zone), null, struct, list and map. Lists
// have three levels, list.element; maps have key_value.key and value. The Arrow
// schema is not stored: readers derive the types from Parquet's annotations, and
// read views as plain strings and bytes.
//
// # Reading
//
// A Reader reads the files of all versions of the Writer, and no others: for those it
// returns ErrForm, and Arrow's reader, as in package inspect, reads them. It returns
// the types above, but bytes as views. It verifies the checksums of the pages that it
// reads, and damage is an error that names the row group, the column and the page.
//
// Only the chosen columns are read, in requests of up to 8 MiB. Reader.Bounds tells
// which row groups need not be read. Single pages cannot be skipped: their headers
// have no statistics, and there is no page index. In a row group of an archive's file,
// most columns have one page, so an index would save little.
//
// # Format
//
// Data pages have version 1 and hold about 1 MiB of whole rows. Values are PLAIN;
// strings with many repetitions have a dictionary. Binary columns that do not
// compress, such as gzipped cutouts, are stored uncompressed. All columns but
// binary ones have statistics, which ignore NaN, unless a bound is a string of
// more than 64 bytes. The bytes of a file do not depend on the number of workers.
//
// # Limits
//
// A page holds less than 2 GiB and at least one row: a row with more in one column
// is an error. A Reader reads at most 2 GiB of text of one column at once, the most
// that Arrow's strings hold. A Writer buffers at most one encoded row group, without
// uncompressed binary values, which it writes directly from the records.
package parquetfile
