// Package catalog opens catalogues from a line of text, for package crossmatch:
//
//	join, err := catalog.Open(ctx, "gcvs=gcvs.fits?radius=1.5&columns=Type", catalog.Options{})
//	if err != nil { … }
//	defer join.Close()
//	job.Transforms = append(job.Transforms, &crossmatch.Transform{Joins: []crossmatch.Join{join}})
//
// The text is NAME=WHERE?OPTION=VALUE&…, of which NAME and the options may be
// left out. WHERE is
//
//   - a file with a table (CSV, Parquet, FITS or VOTable; see package table),
//     which is read into memory, or into an index in Options.IndexDir;
//   - an index file that crossmatch.Catalog.WriteIndex has written;
//   - a directory with a catalogue in HATS; see package hats;
//   - cds:simbad or cds:vizier:TABLE, which asks the X-Match service of the CDS;
//     see package cds.
//
// NAME begins the names of the columns that the join adds. It defaults to the
// base name of the file, or of the table at the CDS. The options are
//
//	radius=1.5          the search radius, by default 1.5 arcseconds; see
//	                    crossmatch.ParseAngle
//	columns=A,B         the columns to add; for the CDS NAME or NAME:TYPE, where
//	                    TYPE is text, int, long, float, double or bool
//	ra=NAME&dec=NAME    the columns of the position
//	pmra=NAME&pmdec=NAME&epoch=2016
//	                    proper motions in mas/yr, pmra with the factor cos(dec), and
//	                    the Julian year of the positions
//	size=NAME*0.5arcmin a radius for each row: a column and its unit, which defaults
//	                    to 1 arcsecond
//
// Values are percent-decoded. For an index, whose other options were fixed when
// it was written, and for the CDS, only radius and columns can be set.
//
// A Spec has the same settings as fields. Its Load method reads a table that is
// already open, such as one in memory.
//
// # Indices
//
// An index file opens in milliseconds, and processes share its memory. With
// Options.IndexDir, the index of a table is written there on first use, with a note
// of the table's path, size and modification time and of the options. It is
// written again when the table or the options have changed. An index that is
// opened by its own name is refused if its table exists and has changed.
package catalog
