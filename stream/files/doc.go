// Package files reads alerts from Avro files: single ones, directories of
// them, globs, and the tarballs in which surveys publish a night.
//
//	src := &files.Source{Patterns: []string{"/data/ztf/2026*", "extra/*.tar.gz"}}
//
// A [Source] is a stream.Source. A partition is one file, named by its
// absolute path; the offsets of a partition are the numbers of the records in
// it, counted from 0 and, in a tarball, on through all members. So a service
// that stops in the middle of a file goes on there. Paths are names for ever:
// a file that was read and is then replaced under its name is not read again.
//
// # What is a message
//
// An object container file with one record, which is what surveys send, is one
// message: the whole file, with no key. So is everything that is no container
// (a bare datum, Confluent's framing, an empty file, noise) and a container
// whose frame is damaged. Judging them is left to the decoder, which sees the
// same bytes as it would from Kafka.
//
// A container with several records is a message a record: the value is the
// bare datum, the key the text of the writer's schema. The values of a block
// that cannot be inflated or split are rejects, as many as the block says it
// has records; the first of them holds the bytes that are left.
//
// A file is read whole up to [Source].MaxMessage. A larger container is read
// block by block, in the memory of one block; anything else of that size is a
// reject. Damage in the frame of such a container is found only on the way,
// and the rest of the file is then one reject.
//
// The members of a tarball are read in one pass, as files are, except those
// whose names begin with a dot or an underscore. Their topic is the path of the
// tarball with the name of the member behind it. A tarball that is cut short or
// damaged ends in a reject, so that it does not stop a night; an archive
// without its end marker counts as cut short. A mebibyte of zeros behind an
// archive is its end, and what lies behind them is not looked at, not even the
// checksum of gzip. To begin in the middle of a tarball, it is read again from
// the start.
//
// # What is found
//
// In directories, and those below, files are taken that end in .avro, .bin,
// .tar, .tar.gz or .tgz, unless a name on the way begins with a dot or an
// underscore. A file that is named, or matched by a glob, is taken whatever it
// ends in. Links to files count as files. Links to directories are followed
// where a pattern leads through them, but not by a search, which could go round
// in circles.
//
// Symlinks are resolved, so that a file has one name and is read once, however
// many ways lead to it. Only a link that is named like a tarball keeps its name
// where its target is not, and the other way round, because the name says how
// to read the file. Hard links are files of their own.
//
// An entry that a search or a wildcard comes upon and nobody can read, because
// its name is not UTF-8 or a link leads nowhere, is skipped with a warning to
// [Source].Log. What a pattern names itself, and a directory that cannot be
// listed, is an error.
//
// Files that are still being written belong out of sight: under a hidden name,
// another ending, or in another directory, and renamed when they are whole.
// Where nobody does that, [Source].Settle leaves a file alone until it has not
// changed for a while.
//
// A glob may wait for its first file, and a directory be empty. A name without
// wildcards that leads nowhere is taken for a typing error when a Source lists
// for the first time; later, as for all patterns, files that are gone are files
// that somebody has archived and moved. [Source].Check asks whether each
// pattern stands for something now.
//
// # Delivery
//
// Equal ranges give equal messages in equal chunks. Values are not copied: they
// are views into the buffers that files were read to, which live as long as
// a record made of them. A disk that fails is an error, to be tried again; it
// never passes for the end of a file.
//
// A file that was planned and is gone when it comes to be read is answered with
// an account of lost offsets: the engine stops with a stream.LostError or, with
// RecordLost, writes the loss down and goes on. How many records were left in
// the file nobody knows, so one stands for them all. The same goes for a file
// that has fewer records than were read from it before: it is not the one that
// was begun.
//
// Files of one compressed record are handed over as they are, and inflate when
// they are decoded. Chunk.Weight says to what at the most, and a chunk with more
// than Source.ChunkBytes of that has a single row.
package files
