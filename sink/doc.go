// Package sink holds the places that a stream's rows go to: [Parquet] files by
// the hour, the [Console], or a [Tee] of several.
//
//	st, err := store.OpenDir("/data/archive")
//	…
//	job := stream.MicroBatch{
//		Source:     source,
//		Transforms: []stream.Transform{decoder},
//		Sink:       &sink.Parquet{Store: st, Schemas: ledger},
//		Rejects:    &sink.Parquet{Store: st, Clock: sink.IngestTime},
//		Ledger:     ledger,
//	}
//
// A sink of your own that has nothing to publish is a [stream.SinkFunc] of a
// few lines; see [stream.Sink] for the rest.
//
// # What readers see, and when
//
// Parquet writes one file for each table and hour of a batch:
//
//	alerts/ztf/2026/09/18/03/5f2c81aa-000000000042-0.parquet
//	└ table    └ hour, UTC   └ ledger └ batch      └ number of the file in the batch
//
// The name follows from the ledger's commit, so a batch that is published
// twice, by two processes even, leaves the same files. Until the commit stands
// the files are in staging, under names that belong to one attempt of one
// batch of one ledger, so that all sinks of a store may share it; then they are
// moved, never copied. So nothing but whole, final files is ever under a
// table's root, and any reader that takes *.parquet sees each row once. For
// the moment of publication it may see some files of a batch and not yet
// others.
//
// The [Clock] says what the hour is: of the event, of ingestion, or instead of
// it the observing night. A row whose time is null, or absurd, is an error: a
// transform should have rejected it, and no directory stands for it.
//
// # Rows and schemas
//
// A file holds its rows in the order they came in. Its columns are those of
// all rows of its table that the batch had seen when the file was begun; where
// a row has no such column it has null, and where it has an int32 in a column
// of int64 it is widened. A batch whose schema widens after the file was begun
// puts the wider rows into a second file. Types that do not go together are an
// error that no retry mends: within a batch, and if Schemas is given, a
// [ledger.Ledger] say, within a table for ever. What a transform adds is held
// to that too.
//
// Strings and numbers are compressed with Zstandard, or what [Compression]
// says. Of binary columns a sample is compressed first: the gzipped cutouts of
// ZTF would not shrink and are stored as they are, the plain ones of Rubin are
// compressed. View columns become plain ones.
//
// # Memory, disk and open files
//
// Parquet holds rows until they keep Memory bytes alive. Then each hour that
// has a sixteenth of Memory gets a row group of its own, and what the other
// hours have is spilled to one local file, to be written hour by hour at the
// end of the batch. A back-fill that touches thousands of hours takes the
// memory of one that touches a few: that of the rows, half of it again when
// spilled ones come back, and the buffers of the encoders. It keeps at most 64
// files open. The local disk must have room for the batch. What is spilled has
// no name there, so that a crash leaves nothing.
//
// Small files are made by small batches: give a job that follows a stream an
// Interval of minutes if nobody waits for the rows.
//
// # Delivery
//
// Parquet is exactly-once: the ledger decides which attempt's files become
// visible, and what others staged is swept. Console and SinkFunc have nothing
// that could be held back, so they are at-least-once: after a crash or a retry
// they see the rows of one batch again. A Tee is as good as each of its sinks:
// its Parquet is exactly-once also beside a Console.
//
// A batch must be published by the kind of sink that staged it. Change sinks
// between runs that ended well, or a restart stops with an error that says so.
package sink
