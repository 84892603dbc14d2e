// Package ledger keeps the record of what a job has done, so that each message
// is delivered exactly once. The engine that does the work is in package stream.
//
// A [Ledger] is a directory in a [store.Store]. For each batch it holds a
// [Plan], which claims ranges of offsets, and a [Commit], which says what was
// read and which files hold its rows. Each is written once, by put-if-absent:
// the first writer wins, and all others follow the record. So a crash, a lost
// reply, and two processes that both consider a batch theirs are harmless,
// without a lease or a lock. A plan without a commit is staged again; a commit
// that may not have been published is published again.
//
// An [Account] in a commit says what became of each offset; [Account.Check]
// verifies the sums. A [Receipt] says which staged files to publish, and where.
//
// From time to time a [Snapshot] sums up what all batches so far have settled,
// and their records move into history segments. So reading a ledger's state
// takes one snapshot and a few records, whatever its age, and its directory
// stays small. [Ledger.Batches] still yields every batch, and [Ledger.Follow] those
// that no longer change.
//
// A batch without ranges may replace files of earlier batches, for example many
// small files by a large one; see [Ledger.Rewrite].
//
// A ledger also keeps a chain of schemas for each table, each wider than the
// one before; see [Ledger.Widen].
//
// FORMAT.md specifies the records, and the rules for programs that read or write
// them without this package.
package ledger
