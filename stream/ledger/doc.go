// Package ledger keeps the record of what a job has done, so that each message
// is delivered exactly once. The engine that does the work is in package stream.
//
// A [Ledger] is a directory in a [store.Store]. For each batch it holds a
// [Plan], which claims ranges of offsets, and a [Commit], which records what was
// read and which files hold the rows. Each is written once, by put-if-absent:
// the first writer wins, and all others follow its record. So a crash, a lost
// reply, and two processes that work on the same batch are harmless, without a
// lease or a lock. A batch without a commit is staged again; a batch that is not
// recorded as done is published again.
//
// The [Account]s of a commit record what became of each offset. Its [Receipt]s
// list the staged files and where to publish them.
//
// From time to time a [Snapshot] sums up what all batches so far have settled,
// and their records move into history segments. So reading a ledger's state
// takes one snapshot and a few records, whatever its age, and its directory
// stays small. [Ledger.Batches] still yields every batch.
//
// A ledger also keeps a chain of schemas for each table, each wider than the
// one before; see [Ledger.Widen].
package ledger
