// Package demo runs a Kafka broker within the process, on 127.0.0.1 only, whose
// topics package alert/sim fills with alerts of two surveys, and a registry of
// their schemas.
//
//	d, err := demo.Start(ctx, demo.Night{ZTF: 3000, LSST: 1000})
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	source := &kafka.Source{Brokers: d.Brokers, Topics: d.Topics}
//
// A night is kept in memory, compressed: 190 MB in this example. Of an endless
// stream the broker keeps the last 128 MiB; a slower reader loses messages, as
// with any broker.
package demo
