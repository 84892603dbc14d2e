// Package kafka reads alerts from Kafka topics. Its [Source] is a stream.Source that
// fetches exactly the offsets for which a batch was planned.
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
// reads TLS and SASL settings from a properties file of Kafka's own tools; any
// other setting can be made in a *sarama.Config.
//
// # Guarantees
//
// The ledger decides what is read: no offset is taken from a consumer group, and
// equal ranges yield equal messages in equal chunks, however they are fetched.
// Each offset of a range is accounted for in one of these ways:
//
//   - read: it is a message.
//   - control: it is the marker at the end of a transaction.
//   - aborted: it is a message of an aborted transaction.
//   - compacted: it was removed by log compaction.
//   - lost: it was deleted before it was read.
//
// A partition ends at its last stable offset: the messages of an open transaction,
// and those after them, are listed once it has ended.
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
//   - If a partition ends below what was read of it, the engine stops with a
//     stream.TruncatedError.
//   - A broker that has just started may not know a topic yet. A topic counts as
//     deleted if it is missing twice, a second apart, and the end of a partition
//     counts as lowered after half a minute.
//
// Two cases cannot be detected: a truncated partition that has since grown beyond
// what was read of it, and unread messages of a topic that was deleted, and not
// created again, while no process ran.
//
// # Outages
//
// Until a broker has been reached, errors are returned at once. Afterwards leaders
// may move and brokers be unavailable for [Source].Outage: Available and Read wait,
// and Read continues after the last message that it yielded. The beginning and
// the end of an outage are logged. If a leader is unavailable, Available lists its
// partitions as they were before, so that the others are read.
//
// # Memory
//
// Keys and values are not copied: they stay in the response, or in the decompressed
// batch, for as long as a record of them exists. For each leading broker there is
// one response in memory while the next is fetched, each of [Source].FetchBytes.
// The source learns each topic's message size and compression ratio, and sizes
// fetches to match. A batch of messages larger than all limits is fetched alone.
// A response is decompressed as a whole: if batches suddenly have a much higher
// compression ratio, one response may take much more than FetchBytes. Set
// sarama.MaxDecompressedBatchSize to bound a single batch; by default it has no
// bound.
//
// # Offsets for other tools
//
// If [Source].Group is set, settled offsets are committed to that consumer group,
// so that tools such as kafka-consumer-groups show a lag: of each partition the
// lowest offset that is not settled, even if newer ones are. The source never reads
// committed offsets.
//
// # Several processes
//
// With Join, processes with the same Group, Topics and ledger share the partitions.
// Kafka's group protocol assigns them again when a process starts, stops or sends
// no heartbeat, and when topics or partitions appear. Available lists all
// partitions and marks those of other processes as AssignedElsewhere.
//
// The group only divides the work. The plans in the ledger prevent offsets from
// being archived twice, whatever a process believes it owns. Therefore nothing
// stops during a rebalance: planned ranges are read to their end, a process keeps
// its partitions until others have them, and a process that cannot reach the group
// continues with its last assignment. A process that was suspended finds that it
// was removed, and joins again.
//
// The assignor is cooperative-sticky, unless set otherwise in Config.Consumer.Group.
// If each process has a group.instance.id of its own (Consumer.Group.InstanceId), it
// can restart within the session timeout without a rebalance. Otherwise a killed
// process keeps its partitions for the session timeout, 6 seconds, and the first
// Available of the next process waits for that.
//
// Use a group for one ledger only: two archives in one group would each get half of
// the partitions. Members of other programs would receive partitions that are then
// not archived; with another assignor they are refused.
package kafka
