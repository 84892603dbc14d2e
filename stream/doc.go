// Package stream moves messages from a source through transforms into a sink,
// batch by batch, each batch exactly once.
//
// # The parts
//
// A [Source] has partitions of numbered messages: a Kafka cluster, a directory
// of files, an archive. It lists what can be read, and reads the ranges it is
// asked for.
//
// A [Transform] turns rows into rows: it decodes, filters, matches, adds
// columns. Rows are Arrow records, from the source to the sink. A bad row
// becomes a [Reject]: its whole message goes to the rejects sink and the batch
// continues. [Filter], [Field], [WithColumn] and [Pass] help to write
// transforms.
//
// A [Sink] takes the rows in two steps: Stage makes them durable where no
// reader looks, Publish makes them visible. [SinkFunc] turns a function with
// nothing to publish into a sink.
//
// A [MicroBatch] ties them together. Fill in its fields, and call Run for a
// service or Drain for what is available now.
//
// # Terms
//
//   - partition: a sequence of numbered messages; offset: the number of a
//     message.
//   - range: consecutive offsets of one partition.
//   - extent: the range of a partition that a source has when asked.
//   - batch: the ranges that are read, transformed and published together.
//   - ledger: the record of all batches; see package ledger.
//   - plan: the record that claims a batch's ranges.
//   - attempt: one try to read, transform and stage a batch.
//   - chunk: messages that a source yields together, the unit of work of an attempt.
//   - stage: to write rows where no reader looks.
//   - receipt: what a sink returns from staging, and needs to publish the rows.
//   - account: what became of each offset of a range: read, lost, rejected and so on.
//   - commit: the record that decides a batch: its accounts and receipts.
//   - publish: to make the rows of a committed batch visible.
//   - done: committed and published in full.
//   - settled (of an offset): accounted for by a done batch.
//   - snapshot: everything that is settled up to a batch.
//   - history: the plans and commits that snapshots have replaced.
//   - backlog: waiting messages beyond one interval's work.
//   - heartbeat: a record, put each second, that an attempt is alive.
//   - takeover: finishing a batch that another process has abandoned.
//   - rewrite: a batch without ranges that replaces files of earlier batches by
//     others with the same rows.
//
// # What is promised
//
// With a ledger in a durable [store.Store] and a sink that keeps its contract,
// the rows of each message are published once or, if a transform drops them,
// accounted for as dropped. Nothing is visible before its commit. Every offset
// is in the account of exactly one commit. Offsets that the source no longer
// has cause a [LostError] or, with RecordLost, are recorded as lost; they are
// never skipped silently. A partition that ends before its last archived offset
// causes a [TruncatedError].
//
// What is not promised:
//
//   - A [SinkFunc] delivers at least once: after a crash or a retry, it
//     receives rows again.
//   - Without Rejects, rejected messages are logged by cause, counted and
//     discarded.
//   - Without a Ledger, each run starts at the beginning.
//   - A transform may see the same rows again, and may then return something
//     else. The first commit counts, as a whole.
//   - Messages that a producer sent twice are two messages.
//
// # Several processes
//
// Any number of engines may work on one ledger at the same time, in one process
// or on many machines that share a store. Each claims what is free, so they
// share the work; an [Extent] that is AssignedElsewhere is left to another
// process, such as the member of the Kafka group that was assigned the
// partition. Correctness does not depend on the assignment: claims cannot
// overlap, and a process that resumes after an hour finds its batch decided.
//
// A process that works on a batch puts a heartbeat each second. A batch without
// a heartbeat for five seconds, or whose heartbeats report no progress for a
// minute, is taken over by an engine to which its first partition is assigned.
// If the first process was only paused, both do the same work, and the first
// commit counts. No flush is needed when a process joins, leaves or dies. If a
// lock ensures that there is only one process, set Alone to avoid heartbeats
// and waiting. For stores on which a record each second is too much, [Takeover]
// changes the times.
//
// # A message that kills
//
// An attempt that began, did not end and has no heartbeat has died with its
// process. After two deaths a batch is halved, and halved again after each
// further death, until it is a single message; once that has killed three
// processes, it is rejected with that as the cause. In a batch of any size, the
// message is found after one death for each halving and four more, if something
// restarts the process.
//
// If something keeps killing a hung process, the messages it was reading are
// blamed: after three deaths in a batch of one message, after twelve in one of
// 300. They are rejected whole and can be replayed. A message that kills the
// source itself is not found.
//
// # Watching a job
//
// [MicroBatch].Observe is called with an [Event] when a stage begins, ends or is
// tried again, when a batch is taken over or published, and for each cause of
// rejects. [MicroBatch.Status] returns at any time what the job is doing and since
// when, the lag of each partition, rates, the last error and the totals. Status is
// always kept; it costs a few microseconds for each chunk.
//
// # Backlog and new data
//
// If more than an interval's work is waiting, new data does not wait for it. A
// partition with that much waiting is read at both ends: a batch takes the new
// messages and fills up with the oldest. [Limits].BacklogShare reserves a share
// for the oldest. Meanwhile the settled offsets form several ranges; when the
// backlog is done, they form one again. Rows of a backlog are then stored after
// newer ones; a job that needs the messages of each partition in order must set
// BacklogShare to 1. Drain always keeps the order.
//
// # Limits and memory
//
// [Limits].Rows and Bytes bound a batch; InFlight bounds what has been read but
// not yet taken by the sink. The bytes of a batch are those of its messages;
// InFlight counts the buffers that hold them. Memory is InFlight, plus what the
// transforms make of it, plus what the sink holds: a backlog of days needs no
// more than one of a minute. While messages are waiting, batches follow each
// other at once; otherwise there is one per Interval, or, if the source is a
// [Waiter], one as soon as there is something new.
//
// # Errors and retries
//
// If a source, a transform, a sink or the ledger returns an error, the
// operation is retried as [Retry] specifies. An error that is marked
// [Permanent], or persists, stops the engine with a [*BatchError] that names
// the batch, its ranges and the stage. Nothing is lost then, nor when the
// context ends: a batch that was staged but not committed is run again at the
// next start. If the context ends while a batch is being committed, the engine
// has ten seconds to publish it.
//
// # Writing a source
//
// Available returns an [Extent] for each partition: a permanent, unique name,
// and the offsets that can be read. Read yields a [Chunk] at a time, with an
// [Account] of the offsets it covers. Three rules make batches repeatable:
//
//   - equal ranges yield equal messages in equal chunks, however they were
//     fetched;
//   - the accounts of a range follow each other without a gap, and add up;
//   - a range whose To is [ledger.UnknownEnd] ends with an account with End set.
//
// The engine checks the last two. A [MessageBuilder] makes records whose keys
// and values point into the buffers they were read into; a source may also
// yield records of any schema that its transforms know, or decoded rows of a
// table. The package example has a source in 20 lines, and streamtest.TestSource
// tests sources.
//
// A partition that has vanished is listed as Gone until the ledger has recorded
// its end. A source that cannot know what vanished while no process ran
// implements [Resumer]. One that can wait for new messages implements [Waiter]. One
// that can be asked whether it can be reached implements [Pinger]. One
// that recognises the names of its partitions implements [Owner], so that jobs with
// different sources can use one ledger in turn. One whose partitions depend on when
// it is asked implements [Adopter], so that processes agree on them.
package stream
