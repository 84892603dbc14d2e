// Package kafka reads alerts from Kafka topics: a stream.Source that fetches
// exactly the offsets that a batch was planned with.
//
//	src := &kafka.Source{
//		Brokers: []string{"broker.example.org:9092"},
//		Topics:  []string{`ztf_\d{8}_programid1`, "lsst-alerts-v11"},
//	}
//	defer src.Close()
//	if err := src.Check(ctx); err != nil {
//		log.Fatal(err) // one line: what is wrong, and what to do
//	}
//	job := stream.MicroBatch{Source: src, …}
//
// Entries of Topics are names, or regexps that must match a whole name. Topics
// and partitions that turn up later are read from their beginning. [ReadConfig]
// takes TLS and SASL settings from a properties file such as Kafka's own tools
// read; a *sarama.Config says anything else.
//
// # What is promised
//
// The ledger decides what is read, not the brokers: no offset is read back from
// a consumer group, and equal ranges give equal messages in equal chunks,
// whatever single fetches bring. Each offset of a range is accounted for as one
// of these:
//
//   - read: a message;
//   - control: the marker at the end of a transaction;
//   - aborted: a message of a transaction that was aborted;
//   - compacted: nothing is there, because log compaction took it;
//   - lost: it was deleted before it was read.
//
// A partition ends at its last stable offset: messages of a transaction that is
// still open, and those behind them, are not listed before it has ended.
//
// The name of a partition is cluster/topic@id/number, with the ids that Kafka
// gives to clusters and topics. A topic that is deleted and made anew under its
// name is another one, and begins anew. Topic ids need Kafka 2.8 or later.
//
// # What is lost
//
// Retention, an administrator, or an election among brokers that have not seen
// everything may take away what was not read yet. That does not pass silently:
//
//   - Offsets below the oldest one that is left, and those of a partition that
//     is no more, are accounts of lost offsets. The engine stops with a
//     stream.LostError that names them or, with RecordLost, writes them down.
//   - A partition that ends below what was archived of it makes the engine stop
//     with a stream.TruncatedError.
//   - Topics that were deleted are told from topics that a broker which has just
//     started does not know yet: they must be missing twice, a second apart.
//     An end that lies lower than before must last for half a minute.
//
// Two things cannot be told: that a partition was truncated, if it has grown
// beyond what was read of it since; and that a topic had more than was read of
// it, if it was deleted while no process ran and was not made anew.
//
// # Outages
//
// While the brokers have never been reached, errors are returned at once. After
// that, leaders may move and brokers restart or be away for [Source].Outage:
// Available and Read wait, and Read goes on behind the last message that it
// handed over. The first warning and the end of an outage are logged, nothing
// in between. Available lists the partitions of a leader that is away as they
// were last seen, so that the others go on.
//
// # Memory
//
// Keys and values are not copied: they stay in the response that brought them,
// or in what a compressed batch was inflated to, as long as a record of them
// lives. For each broker that leads something one response may wait while the
// next is on its way, of [Source].FetchBytes each. How far batches inflate, and
// how large messages are, is learnt by topic, so that a fetch asks for what fits
// and for little behind the end of a range. A batch of messages that is larger
// than all limits still comes, alone. sarama.MaxDecompressedBatchSize bounds what
// a single compressed batch may become; it is not bounded by default. A response
// is inflated whole: batches that suddenly inflate a hundred times more than those
// of their topic before may take much more than FetchBytes, once.
//
// # Offsets for other tools
//
// With [Source].Group set, what has been archived is committed as the offsets of
// that consumer group, so that tools such as kafka-consumer-groups show a lag: of
// each partition the lowest offset that is not archived yet, though newer ones
// may be. Nothing is ever read back from there.
//
// # Several processes
//
// With [Source].Join too, processes that have the same Group, Topics and ledger
// share the partitions. Each is a member by Kafka's own protocol, which spreads
// them anew when a process comes, goes or is not heard of, and when topics or
// partitions appear. Available lists all partitions, and says of those that other
// processes have that they are Elsewhere.
//
// The group says only who works. What keeps offsets from being archived twice
// are the ledger's claims, whatever processes believe to be theirs. So nobody
// stops for a rebalance: plans under way are read to their end, partitions stay
// with whom they were until others have them, and a process that hears nothing
// from the group goes on with its last assignment. One that was stopped for a
// while finds that it was given up, and joins again.
//
// The assignor is cooperative-sticky, or what Config.Consumer.Group says. With a
// group.instance.id of its own each (Consumer.Group.InstanceId), processes may
// restart within the session's time-out without anybody noticing. Without one, a
// process that was killed keeps its share until that time-out, 6 seconds, and
// the first Available of the next process waits for that.
//
// A group belongs to one ledger. Two archives that shared one would have half
// of the partitions each. Members of other programs would keep what they get
// from being archived; with another assignor they are turned away.
package kafka
