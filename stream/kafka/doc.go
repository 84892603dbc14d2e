// Package kafka reads alerts from Kafka topics. Its [Source] is a stream.Source
// that fetches exactly the offsets planned for each batch.
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
// The entries of Topics are names, or regexps that must match a whole name. Topics
// and partitions that appear later are read from their beginning. [ReadConfig]
// reads TLS and SASL settings from a properties file of Kafka's own tools; set
// anything else in a *sarama.Config.
//
// # Guarantees
//
// The ledger decides what is read: no offset is taken from a consumer group, and
// equal ranges yield equal messages in equal chunks, however they are fetched.
// Each offset of a range is accounted for in one of these ways:
//
//   - read: it is a message.
//   - control: it is the marker at the end of a transaction.
//   - aborted: it is a message in an aborted transaction.
//   - compacted: it was removed by log compaction.
//   - lost: it was deleted before it was read.
//
// A partition ends at its last stable offset: the messages of an open transaction,
// and all messages after them, are listed when the transaction has ended.
//
// The name of a partition is cluster/topic@id/number, with Kafka's ids of the
// cluster and the topic. A topic that is deleted and created again is a new one and
// is read from its beginning. Topic ids need Kafka 2.8 or later.
//
// # Lost messages
//
// Retention, an administrator, or the election of a leader that lacks messages can
// remove messages before they are read. That is reported:
//
//   - Offsets below the oldest remaining one, and those of a partition that no
//     longer exists, become accounts of lost offsets. The engine stops with a
//     stream.LostError that names them or, with RecordLost, records them.
//   - If a partition ends below an offset that has been read, the engine stops
//     with a stream.TruncatedError.
//   - A broker that has just started may not know a topic yet. A topic counts as
//     deleted only if it is still missing a second later, and a partition as
//     truncated only if its end is still too low after half a minute.
//
// Two cases cannot be detected: a truncated partition that has since grown past
// the last offset read, and unread messages in a topic that was deleted, and not
// created again, while no process was running.
//
// # Outages
//
// Until a broker has been reached, errors are returned at once. Afterwards, leaders
// may move and brokers may be unavailable for up to [Source].Outage: Available and
// Read wait, and Read continues after the last message that it yielded. The
// beginning and the end of an outage are logged. If a leader is unavailable,
// Available lists its partitions as it last saw them, so that the other partitions
// are still read.
//
// # Memory
//
// Keys and values are not copied: they stay in the response, or in the decompressed
// batch, for as long as a record of them exists. For each leading broker one
// response is in memory while the next is being fetched, each of size
// [Source].FetchBytes. The source learns each topic's message size and compression
// ratio, and sizes fetches to match. A batch of messages that exceeds the limits is
// fetched by itself. A response is decompressed as a whole: if batches suddenly
// have a much higher compression ratio, one response may take much more than
// FetchBytes. A single batch may inflate to 65 MiB: the first Source sets
// sarama.MaxDecompressedBatchSize to that, unless the program has set it.
//
// A compressed batch with more messages than bytes, such as thousands of empty
// messages, can be read only when about as many bytes of the partition follow it.
// Until then, Read reports it with a [stream.UnreadableError] and reads the other
// ranges; the engine tries again later. So it does with a batch that is damaged, or
// that inflates to more than the bound.
//
// # Offsets for other tools
//
// If [Source].Group is set, settled offsets are committed to that consumer group,
// so that tools such as kafka-consumer-groups can show the lag. For each partition,
// the committed offset is the lowest one that is not settled, even if newer ones
// are. The source never reads committed offsets.
//
// # Several processes
//
// With Join, processes with the same Group, Topics and ledger share the partitions.
// Kafka's group protocol reassigns them when a process starts, stops or sends no
// heartbeat, and when topics or partitions appear. Available lists all partitions
// and marks those of other processes as AssignedElsewhere.
//
// The group only divides the work. The plans in the ledger prevent offsets from
// being archived twice, whatever a process believes it owns. Therefore nothing
// stops during a rebalance: planned ranges are read to their end, a process keeps
// its partitions until others have them, and a process that cannot reach the group
// continues with its last assignment. A process that was suspended finds that it
// was removed, and joins again.
//
// The assignor is cooperative-sticky, unless Config.Consumer.Group sets another. If
// each process has its own group.instance.id (Consumer.Group.InstanceId), it can
// restart within the session timeout without a rebalance, unless topics or
// partitions have appeared meanwhile. Otherwise a killed process keeps its
// partitions for the session timeout, 6 seconds, and the first Available of the
// next process waits for that.
//
// Use a group for one ledger only: two archives in one group would each get half of
// the partitions. Other programs in the group would be assigned partitions, which
// are then not archived; with a different assignor, Kafka refuses them.
package kafka
