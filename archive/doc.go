// Package archive is the archive service: it takes alerts from a source and
// files every one of them, whole, in Parquet by the hour, exactly once.
//
//	DIR/alerts/SURVEY/YYYY/MM/dd/hh/*.parquet   one table a survey, hours of UTC
//	DIR/rejected/YYYY/MM/dd/hh/*.parquet        messages that could not be decoded, whole, and why
//	DIR/schema/SURVEY.parquet                   no rows: the table's widest schema, with
//	                                            the columns that transforms add
//	DIR/ledger/                                 what was done: plans, commits, snapshots, history, schemas
//	DIR/staging/                                what is being done
//
// A [Service] wires the parts that stand in the other packages: a source
// (stream/kafka, stream/files), the decoder (alert), the Parquet sink (sink) and the engine
// with its ledger (stream). Its fields say which; a job that wants other parts
// is written with those packages in about as many lines.
//
// # What is promised
//
// Each message of the source is in a table once or among the rejected once,
// however often the service is killed, a replay included, and nothing but whole,
// final Parquet files ever stands under alerts and rejected: readers may read at
// any time. What is not promised: that alerts which a producer sent twice are
// there once. The archive is what was sent.
//
// Processes whose Services are Shared may work on one archive at the same time:
// the members of a Kafka group, above all. Without that a second one is turned
// away by stores that have locks, as directories do.
//
// DIR is a local directory, or whatever [store.Store] the Service is given.
//
// # Audit and repair
//
// [Audit] compares an archive with its ledger, also beside services at work:
// every offset in one commit, every committed file there and whole, no other
// file. With Repair it does what any process on the ledger may do at any time.
//
// # Replay
//
// After a fix [Service.Replay] tries rejected messages again. It is a batch of
// the same ledger, like those of the engine, with another kind of input:
//
//   - The rows of some rejected files are decoded and staged, under names of
//     the replay's own: what is good now for the tables, what is not for
//     rejected.
//   - Then the ledger is read to its end, undecided batches of other replays
//     are decided as batches of nothing, and it is seen that the files have not
//     been replaced meanwhile.
//   - The next number is claimed by a plan without ranges, and decided at once
//     by a commit that names the staged files, and in the data of the rejects'
//     receipt the files that they replace. Whoever wins that number has seen
//     all batches below it, so no two replays replace one file.
//   - Publication moves the alerts, then the new rejected files, then deletes
//     the replaced ones: whoever publishes the batch does that, the replay, the
//     service's next start or an audit that repairs. In between readers may see
//     a message twice, and never nowhere.
//   - A plan whose process died claims no offset; an engine decides it as a
//     batch of nothing.
//
// # Reading
//
// Files of one table may differ in their columns, because a table widens when
// a survey adds fields, and so does a column's width (int to long, float to
// double). Readers that ask for one schema find it in DIR/schema:
//
//	DuckDB   SELECT … FROM read_parquet('DIR/alerts/ztf/**/*.parquet', union_by_name = true)
//	Polars   pl.scan_parquet('DIR/alerts/ztf/**/*.parquet', schema=pl.read_parquet_schema('DIR/schema/ztf.parquet'), missing_columns='insert', …)
//	pyarrow  ds.dataset('DIR/alerts/ztf', schema=pq.read_schema('DIR/schema/ztf.parquet'))
package archive
