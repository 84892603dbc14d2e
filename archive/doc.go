// Package archive is the archive service: it reads alerts from a source and
// writes each of them, whole and exactly once, to hourly Parquet files. Other
// services read them with a [Source].
//
//	DIR/alerts/SURVEY/YYYY/MM/dd/hh/*.parquet   one table for each survey, UTC hours
//	DIR/rejected/YYYY/MM/dd/hh/*.parquet        messages that could not be decoded, whole, and why
//	DIR/schema/SURVEY.parquet                   the table's widest schema, without rows,
//	                                            including columns that transforms add
//	DIR/ledger/                                 the ledger: see package stream/ledger
//	DIR/staging/                                work in progress
//	DIR/monitor/                                status and history, if a program keeps them:
//	                                            see package stream/monitor
//
// A [Service] connects parts of the other packages: a source (stream/kafka,
// stream/files), the decoder (alert), the Parquet sink (sink), and the engine
// (stream) with its ledger (stream/ledger). A job with other parts takes about
// as many lines with those packages: see the example.
//
// DIR is a local directory, or the [store.Store] of the Service. FORMAT.md specifies
// the files and their columns.
//
// # What is promised
//
// Each message of the source is stored once, in a table or among the rejected,
// however often the service is killed or messages are replayed. Only complete,
// final Parquet files are ever under alerts and rejected, so they may be read
// at any time. Alerts that a producer sent twice are stored twice: the archive
// holds what was sent.
//
// Several processes may work on one archive if their Services are Shared, such
// as the members of a Kafka group. Otherwise a store that has locks, such as a
// directory, refuses a second process.
//
// # Audit and repair
//
// Package archive/audit compares an archive with its ledger, even while
// services are running: every offset is in one commit, every committed file is
// intact, and there are no other files.
//
// # Replay
//
// [Service.Replay] tries rejected messages again after a fix. A replay is a
// batch in the same ledger as the engine's batches, but with a different input:
//
//  1. It decodes the rows of some rejected files and stages the result under
//     its own names: alerts for the tables, the rest for rejected.
//  2. It reads the ledger to its end, waits for other replays to decide their
//     batches, and verifies that none has replaced the files meanwhile.
//  3. It claims the next batch number with a plan without ranges, and decides
//     it at once with a commit that names the staged files and those that they
//     replace. The winner of that number has seen all earlier batches, so no
//     two replays replace the same file.
//  4. Publication moves the alerts, then the new rejected files, then deletes the
//     replaced ones. Meanwhile readers may see a message twice, but never miss
//     one. The next start of a service, another replay or an audit that repairs
//     completes a publication that was interrupted.
//
// The plan of a replay that died claims no offsets; after five seconds an engine or
// another replay decides it as empty. Services and other replays may work on the
// archive during a replay.
//
// # Few files
//
// A service adds files with every batch, thousands in a night. A [Compaction] merges
// those of each hour that has gone quiet, and Service.Compact does so in the
// background. A [Prune] removes the oldest hours. Both are rewrites, like a replay: a
// batch in the ledger replaces files by others. The process that commits has read all
// earlier batches, so no file is replaced twice; the new files are read back before the
// commit, and the old ones are deleted after the new ones are published. A Source and
// the audit see each row once at any time. Programs that list directories may see rows
// twice between the two steps, and never miss one.
//
// [List] tells what an archive has. It reads an index of the files, which compactions
// keep in the ledger's directory, so that it is fast however old the archive is.
//
// # The archive as a source
//
// A service that works on alerts reads them from an archive, not from Kafka, with a
// [Source]: as a stream, each alert soon after it was archived; or as a batch, all
// alerts of a time range. It gets decoded rows, of the columns that it names:
//
//	job := stream.MicroBatch{
//		Source: &archive.Source{Dir: "/data", Tables: []string{"ztf"}, Columns: []string{"object_id", "candidate.magpsf"}},
//		Transforms: …, Sink: …, Ledger: …, // of the service
//	}
//	err := job.Run(ctx)
//
// With Times the job is a batch: it reads the rows of a range of event times, of
// times of ingestion, or of nights. Run it with Drain. Only the files that may have
// such rows are opened, and of these only the row groups and columns that matter.
//
//	Times: archive.TimeRange{Clock: sink.Night, From: first, To: last}
//
// A service has a ledger of its own, not the archive's, and sees each row once. Its
// offsets are the numbers of the rows of a table, in the order in which batches were
// committed. A row keeps its number when files are compacted or sorted; a replayed
// message is a new row. A file that a rewrite has replaced is looked up again in the
// archive's ledger, and read from its replacement. Chunks end at multiples of 256
// rows, so equal ranges give equal chunks before and after a rewrite.
//
// A row is yielded when its batch is stable: when it and all batches before it are
// published. A Source looks for such batches four times a second. So an archiver that
// is stopped in the middle of a batch delays the readers until another one takes the
// batch over.
//
// A batch job reads the rows that the archive had when the job first started,
// whatever is archived meanwhile. Processes that start together agree on them, and
// a restart keeps to them, by the names of the partitions in the job's ledger. To
// read rows that came later, start a job with a new ledger.
//
// All rows of a Read have the schema that the table has then: columns that a file
// lacks are null, narrower types are widened. Columns of bytes are views into the
// pages that they were read from, as binary_view.
//
// Rows that were pruned, and rows outside the time range, are accounted for as
// compacted. If a file is missing although no rewrite has replaced it, Read returns
// a [*MissingError]; with RecordLost, its rows are accounted for as lost instead, but
// never while the archive itself cannot be read. A damaged file is an error that
// names it; the job goes on once the file has been restored.
//
// Any number of processes may share a job: each claims the next rows of a table, in
// plans of bounded size. A Source needs memory for its decoded row groups, besides
// the Limits of the job. A sorted file is put back in commit order, in memory or, if
// it is large, in a temporary file.
//
// # Reading with other programs
//
// Files of one table may differ in their columns, because a table widens when
// a survey adds fields or a field's type widens (int to long, float to double).
// Readers that need one schema find it in DIR/schema:
//
//	DuckDB   SELECT … FROM read_parquet('DIR/alerts/ztf/**/*.parquet', union_by_name = true)
//	Polars   pl.scan_parquet('DIR/alerts/ztf/**/*.parquet', schema=pl.read_parquet_schema('DIR/schema/ztf.parquet'), missing_columns='insert', …)
//	pyarrow  ds.dataset('DIR/alerts/ztf', schema=pq.read_schema('DIR/schema/ztf.parquet'))
package archive
