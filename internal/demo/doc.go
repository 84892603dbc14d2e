// Package demo provides a simulated night of alerts without any server: a Kafka
// broker in the process, on 127.0.0.1, with topics of two surveys that package
// alert/sim fills, and a registry of their schemas.
//
//	d, err := demo.Start(ctx, demo.Night{ZTF: 3000, LSST: 1000})
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
//
// A night is kept in memory, compressed: 190 MB for this one. Of an endless stream
// the last 128 MiB are kept; a slower reader loses messages, as with any broker.
package demo
