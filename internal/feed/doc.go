// Package feed sends packets to a Kafka topic, at a rate.
//
//	f := feed.Feed{Brokers: []string{"localhost:9092"}, Topic: "alerts", Rate: 100}
//	sent, err := f.Send(ctx, simulator.Packets(0))
//
// The topic is made if it is not there. Packets go round its partitions in
// turn and keep their order within each. A packet counts as sent when all
// in-sync replicas have it; a broker that is away for a minute is waited for,
// and what it had already is not sent twice. While nothing holds packets up
// each is sent at once, alone; batches form from what waits.
package feed
