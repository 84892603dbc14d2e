// Package inspect checks and reads Parquet files that may be damaged. A damaged
// file causes an error, never a panic.
//
// [Check] reads the footer and all page headers, and checks that the pages fill
// the columns without gaps. With Deep it also decodes every value, and compares
// the pages with their checksums and the values with the statistics in the
// footer, by which readers skip row groups. [Columns] reads flat columns.
package inspect
