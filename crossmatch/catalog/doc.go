// Package catalog opens catalogues for package crossmatch from one-line
// specifications:
//
//	join, err := catalog.Open(ctx, "gcvs=gcvs.fits?radius=1.5&columns=Type", catalog.Options{})
//	if err != nil { … }
//	defer join.Close()
//	job.Transforms = append(job.Transforms, &crossmatch.Transform{Joins: []crossmatch.Join{join}})
//
// A specification is NAME=WHERE?OPTION=VALUE&…, where NAME and the options are
// optional. WHERE is
//
//   - a file with a table (CSV, Parquet, FITS or VOTable; see package table),
//     which is read into memory, or into an index in Options.IndexDir;
//   - an index file that crossmatch.Catalog.WriteIndex has written;
//   - a directory with a catalogue in HATS; see package hats;
//   - cds:simbad or cds:vizier:TABLE, which queries the X-Match service of the
//     CDS; see package cds.
//
// NAME is the prefix of the columns that the join adds. It defaults to the base
// name of the file or, for the CDS, of the table. The options are
//
//	radius=1.5          the search radius, by default 1.5 arcseconds; see
//	                    crossmatch.ParseAngle
//	columns=A,B         the columns to add; for the CDS NAME or NAME:TYPE, where
//	                    TYPE is text, int, long, float, double or bool
//	ra=NAME&dec=NAME    the columns of the position
//	pmra=NAME&pmdec=NAME&epoch=2016
//	                    proper motions in mas per year (pmra includes the cosine
//	                    of the declination), and the Julian year of the positions
//	size=NAME*0.5arcmin a radius for each row: a column and its unit, an angle
//	                    (by default 1 arcsecond)
//
// Values are percent-decoded. For an index file only radius and columns can be
// set, because the other options were fixed when it was written; for the CDS,
// too, only these can be set.
//
// A [Spec] has the same settings as fields. Its Load reads a table that is already
// open, for example one in memory.
//
// # Indices
//
// An index file opens in milliseconds, and processes share its memory. With
// Options.IndexDir, the index of a table is written there when the table is
// first opened, along with the table's path, size and modification time and the
// options. It is written again when the table or the options have changed. An
// index file that a specification names directly is refused if its table exists
// and has changed.
package catalog
