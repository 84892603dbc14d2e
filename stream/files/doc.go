// Package files reads alerts from Avro files: single files, directories, globs,
// and the tarballs in which surveys publish a night.
//
//	src := &files.Source{Patterns: []string{"/data/ztf/2026*", "extra/*.tar.gz"}}
//
// A [Source] is a stream.Source. A partition is one file, named by its absolute
// path. Its offsets are the numbers of its records, counted from 0 (in a
// tarball, across all members), so that a restarted service continues in the
// middle of a file. A path is a permanent name: a file that replaces one
// already read is not read again.
//
// # Messages
//
// An object container file with one record, which is what surveys send, is one
// message: the whole file, without a key. So are a container with damaged
// framing and any other file (a bare datum, Confluent's framing, an empty file,
// noise). The decoder judges them, as it judges the same bytes from Kafka.
//
// Each record of a container with several records is a message: the value is
// the bare datum, the key is the text of the writer's schema. If a block cannot
// be decompressed or split, its records become rejects, as many as the block
// claims; the first one holds the bytes of the block.
//
// A file of up to [Source].MaxMessage bytes is read whole. A larger container
// is read block by block, in the memory of one block; any other file of that
// size is a reject. Damage in the framing of such a container is found while
// reading it; the rest of the file then becomes one reject.
//
// The members of a tarball are read in one pass, as if they were files, except
// those whose names begin with a dot or an underscore. Their topic is the path
// of the tarball followed by the name of the member. A truncated or damaged
// tarball ends with a reject, so that it does not stop a night; an archive
// without an end marker counts as truncated. A mebibyte of zeros after an
// archive ends it; what follows is not read, not even gzip's checksum. To start
// in the middle of a tarball, a Source reads it from the beginning.
//
// # Patterns
//
// Directories are searched recursively for files whose names end in .avro,
// .bin, .tar, .tar.gz or .tgz. Names that begin with a dot or an underscore are
// skipped. Files named by a pattern or matched by a glob are read whatever
// their names. Links to files count as files. Links to directories are followed
// where they match a pattern, but not in a search, where they could form
// cycles.
//
// Symlinks are resolved, so that a file has one name and is read once. A link
// is not resolved if either it or its target, but not both, is named like a
// tarball, because the name determines how the file is read. Hard links are
// separate files.
//
// If a search or a wildcard finds an entry that cannot be read, because its
// name is not UTF-8 or a link is broken, it is skipped with a warning to
// [Source].Log. For an entry that a pattern names, this is an error. Entries that
// the user may not read are skipped in the same way, until they can be read;
// [Source].Check reports them.
//
// A file should be written under a hidden name, with another suffix or in another
// directory, and renamed when it is complete. Otherwise set [Source].Settle, which
// ignores files until they have been unchanged for that time.
//
// A glob may match no file at first, and a directory may be empty. If a name
// without wildcards does not exist when a Source first lists its patterns, it is
// taken for a misspelling. Afterwards, missing files are taken to have been moved
// away after they were archived. [Source].Check reports a pattern that matches
// nothing now.
//
// # Delivery
//
// Equal ranges yield equal messages in equal chunks. Values are not copied: they
// refer to the buffers that files were read into, which live as long as the
// records. A file that cannot be opened, or not be read to its end, because of its
// permissions or a damaged disk for example, is reported with a
// [stream.UnreadableError]: the others are read, and the engine tries it again
// later. A read error is never taken for the end of a file.
//
// Partitions of other sources in a ledger, whose names are not absolute paths, are
// refused with a [stream.ForeignError].
//
// If a planned file is missing when it is to be read, the source accounts for its
// offsets as lost: the engine stops with a stream.LostError or, with RecordLost,
// records the loss and continues. The remaining count is unknown; one lost record
// represents it. The same applies to a file with fewer records than were read
// from it before, for it must have been replaced.
//
// A file with one compressed record is passed on unchanged and decompressed by
// the decoder. Chunk.Weight is an upper bound of its decompressed size; a message
// that weighs more than Source.ChunkBytes is a chunk by itself.
package files
