// Package stream moves messages from a source through transforms into a sink,
// batch by batch, each batch exactly once.
//
// # The parts
//
// A [Source] is anything with partitions of numbered messages: a Kafka
// cluster, a directory of files, an archive. It says what it has, and reads
// the ranges that it is asked for.
//
// A [Transform] takes rows and gives rows: it decodes, filters, matches, adds
// columns. Rows are Arrow records, from the source to the sink. A row that is
// no good becomes a [Reject], and its message goes whole to another sink while
// the batch goes on. [Filter] makes a filter of one line, [Field] finds a column,
// [WithColumn] adds one, [Pass] lets rows through as they are.
//
// A [Sink] takes the rows in two moves. Stage makes them durable where no
// reader looks, Publish makes them visible. [SinkFunc] makes a sink of a
// function, for what has nothing to publish.
//
// A [MicroBatch] ties them together. Fill in its fields, and call Run for a
// service or Drain for what is there now.
//
// # Two records decide a batch
//
// A [Ledger] holds for each batch a [Plan], which claims ranges of offsets,
// and a [Commit], which says what was read and which files hold its rows. Each
// is written once, by put-if-absent: the first writer wins, and everyone else
// does what the record says. So a crash, an answer lost on the way, and two
// processes that both think they own the batch are all harmless, without a
// lease or a lock. A plan without a commit is staged again; a commit that may
// not have been published is published again.
//
// Every 64 batches or so a snapshot sums up what was settled, and the records
// under it move into history: a start reads one snapshot and a short tail,
// whatever the ledger's age, and its directory stays small. [Ledger.Batches]
// still yields them all.
//
// # What is promised
//
// With a ledger in a durable [store.Store] and a sink that keeps its contract:
// the rows of each message are published once or, when a transform drops it,
// accounted for as dropped. Nothing is visible before its commit. Every offset
// is in the account of exactly one commit ([Account] says how the numbers
// add up), and offsets that the source no longer has are a [LostError] or, with
// RecordLost, lost in an account: never a silent jump. A partition that ends
// before what was archived of it is a [TruncatedError].
//
// What is not promised:
//
//   - A [SinkFunc] is at-least-once: after a crash or a retry, rows that it
//     has seen come again.
//   - Without Rejects, rejected messages are logged by cause, counted, and
//     gone.
//   - Without a Ledger there is no memory: each start is a beginning.
//   - A transform may be asked about the same rows again, and may answer
//     otherwise. The first commit counts, whole.
//   - Messages that a producer sent twice are two messages.
//
// # Several processes
//
// Any number of engines may work on one ledger at the same time, in one process
// or on many machines with one store. Each claims what is free, so they share
// the work; an [Extent] that is AssignedElsewhere is left to another of them, as the
// members of a Kafka group have it. Who works on what is never a question of
// what is right: claims cannot overlap, and a process that wakes up after an
// hour finds that its batch was decided. While a process is at a batch it leaves
// a sign of life each second; a batch that shows none for five seconds, or says
// for a minute that it gets no further, is taken over by an engine that has its
// first partition. If its process was only stopped for a while both do the same
// work, and the first commit counts. Joining, leaving and dying need no flush.
// Where a lock says that there is one process only, Alone spares the signs and
// the waiting.
//
// # A message that kills
//
// An attempt that began, and neither came to an end nor shows signs of life, has
// died with its process. After two of these a batch is halved, and halved again with each
// death, until a message stands alone; when it has killed three processes it is
// rejected, with that as its cause. One death for each halving and four more
// find one message in a batch of any size, if something restarts the process.
// Whoever kills a process over and over, because what it waits for hangs, makes
// the messages in hand look deadly too: three such deaths of one message, twelve
// of 300. They are among the rejected then, whole, and can be replayed. A message
// that kills the source itself is not found.
//
// # Late data and new data
//
// While there is more to do than an interval's work, new data does not wait for
// it. A partition that is that far behind is then read at two ends: a batch takes
// what is new, and fills up with what is oldest. [Limits].BacklogShare says what is
// kept for the oldest when new data alone would fill the batch. What a ledger has
// settled of a partition is in a few pieces meanwhile, and in one again when the
// backlog is done. Rows of a backlog come after newer ones, then; a job that
// wants each partition in its order sets BacklogShare to 1. Drain knows no new data,
// and keeps the order.
//
// # Limits and memory
//
// [Limits] bounds a batch by Rows and Bytes, which a batch may pass by less
// than a chunk, and by InFlight what is read and not yet taken by the sink. The
// bytes of a batch are those of its messages, wherever these lie; InFlight
// counts the buffers that they keep in memory.
// Memory is InFlight, plus what the transforms make of it, plus what the sink
// holds; a backlog of days uses what a minute does. While more is waiting,
// batches follow each other at once, otherwise each Interval.
//
// # Errors and retries
//
// An error of a source, a transform, a sink or the ledger is tried again as
// [Retry] says. One that is marked [Permanent], or lasts, stops the engine
// with a [*BatchError] that names the batch, its ranges and the stage. Nothing
// is lost by that, nor by the end of the context: what was staged without a
// commit is done again at the next start. A batch whose commit was being
// written when the context ended is given ten seconds to be published.
//
// # A source of one's own
//
// Available gives an [Extent] for each partition: a name that will never mean
// anything else, and the offsets that can be read. Read yields a [Chunk] at a
// time, with an [Account] of the offsets it covers. Three rules make batches
// repeatable:
//
//   - equal ranges give equal messages in equal chunks, whatever one fetch
//     happened to bring;
//   - the accounts of a range follow each other without a gap, and add up; there
//     may be two ranges of a partition;
//   - a range whose To is [Open] ends with an account whose End is set.
//
// The engine checks the last two. A [MessageBuilder] makes records whose keys
// and values point into the buffers they were read into; a source may as well
// hand over records of any schema that its transforms know. The package
// example has a source in 20 lines, and streamtest.TestSource puts one to the test.
//
// A partition that has vanished is listed as Gone until the engine has made an
// end of it; a source that cannot know by itself what vanished while no process
// ran is a [Resumer].
package stream
