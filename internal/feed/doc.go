// Package feed sends packets to a Kafka topic, at a rate.
//
//	f := feed.Feed{Brokers: []string{"localhost:9092"}, Topic: "alerts", Rate: 100}
//	sent, err := f.Send(ctx, simulator.Packets(0))
//
// The topic is created if it does not exist. Packets are distributed round-robin over
// its partitions and keep their order within each. A packet counts as sent once
// all in-sync replicas have it. A feed waits for a minute for a broker that is
// unavailable, and sends no packet twice. Each packet is sent at once; packets
// that must wait are sent as a batch.
package feed
