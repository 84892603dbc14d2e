// Package inspect looks into Parquet files that may be damaged: whether they
// are whole, and what they hold. However damaged, they give an error, never a
// panic.
//
// [Check] reads the footer and the header of each page, and sees that they fit
// together without a gap. With Deep it decodes every value as well, and
// compares pages with their checksums where they have one. [Columns] reads a
// file of flat columns.
package inspect
