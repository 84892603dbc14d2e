// Package feed sends packets to a Kafka topic at a given rate.
//
//	f := feed.Feed{Brokers: []string{"localhost:9092"}, Topic: "alerts", Rate: 100}
//	sent, err := f.Send(ctx, simulator.Packets(0))
//
// The topic is created if it does not exist. Packets go to its partitions in
// turn and keep their order within each. A packet counts as sent when all
// in-sync replicas have it. Send waits up to a minute for an unavailable
// broker, and sends no packet twice. A packet is sent at once and alone, unless
// several are waiting: those form a batch.
package feed
