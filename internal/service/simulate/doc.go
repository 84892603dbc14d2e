// Package simulate is the command simulate: it sends simulated or replayed
// alerts to a Kafka topic.
package simulate
