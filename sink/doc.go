// Package sink provides sinks for the rows of a stream: hourly [Parquet] files, the
// [Console], a [Tee] that sends all rows to several sinks, and a [FanOut] that sends
// each row to the sinks that a function chooses.
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
// A sink that has nothing to publish is a [stream.SinkFunc] of a few lines. For
// any other, see [stream.Sink].
//
// # What readers see
//
// Parquet writes one file for each table and hour of a batch:
//
//	alerts/ztf/2026/09/18/03/5f2c81aa-000000000042-0.parquet
//	└ table    └ hour, UTC   └ ledger └ batch      └ number of the file in the batch
//
// The ledger's commit determines the name, so publishing a batch twice, even by
// two processes, gives the same files. Before the commit, the files are in
// staging, under names that are unique to one attempt at one batch of one
// ledger; then they are moved, never copied. So a table's directory contains
// only complete files, and a reader of *.parquet sees each row once. During
// publication, a reader may see some files of a batch but not yet the others.
//
// The [Clock] selects the hour of the event, the hour of ingestion, or the
// observing night. A time that is null or outside the years 1 to 9999 is an
// error: reject such rows in a transform.
//
// # Rows and schemas
//
// A file holds its rows in their order in the batch. Its columns are those of
// all rows that its table had when the file was opened. A column that a row
// lacks is null, and int32 is widened to int64 where the column has that type.
// If a batch widens the schema after a file was opened, the rows with new
// columns go to a second file. Conflicting types are a permanent error: always
// within a batch, and between batches if Schemas is set, usually to a
// [ledger.Ledger]. This includes columns that transforms add.
//
// Strings and numbers are compressed with Zstandard or as [Compression] says.
// Binary columns are compressed only if a sample of them shrinks: ZTF's gzipped
// cutouts are stored uncompressed, Rubin's plain ones are compressed. Columns
// of view types are stored as plain types.
//
// # Memory, disk and open files
//
// Parquet buffers rows until they hold Memory bytes. Then each hour with at
// least a sixteenth of Memory gets a row group, and the rows of the other hours
// are spilled to one local file, to be written hour by hour at the end of the
// batch. So a back-fill of thousands of hours needs no more memory than one of
// a few: the rows, half as much again to read spilled rows, and the buffers of
// the encoders. At most 64 files are open, or fewer if the store buffers what is
// written to them: if it buffers 5 MiB of each, 12 files, whose buffers take up to
// another Memory. The local disk must have room for the batch. A spill file has no
// name where the system allows that, so a crash leaves no file behind.
//
// Small batches make small files: set the Interval of a job that follows a stream
// to minutes, unless rows are needed sooner.
//
// # Delivery
//
// Parquet is exactly-once: the ledger decides which attempt's files become
// visible, and the others are removed. Console and SinkFunc cannot undo what they
// did, so they are at-least-once: after a crash or a retry they receive rows of a
// batch again. In a Tee or a FanOut, each sink keeps its guarantee.
//
// A batch must be published by the same kind of sink that staged it. After a
// crash, restart with the same sinks before you change them; otherwise
// publication fails with an error that says so. The routes of a FanOut may change,
// but a removed route is needed until its last batch is published.
package sink
