// Package demo is a night of alerts that needs nothing: a Kafka broker within
// the process, on 127.0.0.1 alone, with the alerts that package alert/sim makes
// of two surveys in its topics, and a registry of their schemas.
//
//	d, err := demo.Start(ctx, demo.Night{ZTF: 3000, LSST: 1000})
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
//
// A night is kept in memory, compressed: 190 MB for these. An endless stream
// keeps its last 128 MiB; who reads slower than that loses messages, as with
// any broker.
package demo
