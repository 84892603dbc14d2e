// Package skyfinch is the front page of a library to build alert brokers with:
// services that read the alerts of survey telescopes, archive them all, and
// pass the interesting ones on. It has no code of its own.
//
// Where to begin:
//
//   - examples/archive is a program that files alerts in Parquet by the hour;
//     without a flag it shows itself on a simulated night. examples/bright is a
//     service of one's own in 90 lines.
//   - [github.com/skyfinch/skyfinch/archive] is the archive as a type.
//   - [github.com/skyfinch/skyfinch/stream] is the engine: micro-batches with
//     exactly-once delivery from a Source through Transforms to a Sink, and
//     the ledger that makes it so. Sources stand below it (stream/kafka,
//     stream/files), and so does what keeps the bytes (stream/store).
//   - [github.com/skyfinch/skyfinch/alert] knows what an alert is: surveys,
//     framings, schemas, and the decoder from Avro to Arrow. Below it, alert/sim
//     makes alerts, and replays real ones.
//   - [github.com/skyfinch/skyfinch/sink] writes: Parquet by the hour, the
//     console, several sinks as one.
//   - [github.com/skyfinch/skyfinch/crossmatch] finds what catalogues have at
//     positions, as calls on slices and as a Transform. Below it are the readers
//     of catalogues (crossmatch/table), directories larger than memory
//     (crossmatch/hats) and the service of the CDS (crossmatch/cds).
//     examples/crossmatch is a tool of its own.
//
// Data go through in columns, as Arrow records, from the messages of a source
// to the files of a sink.
package skyfinch
