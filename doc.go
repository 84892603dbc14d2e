// Package skyfinch is the front page of a library for astronomical alert
// brokers: programs that read the alerts of survey telescopes, archive each of
// them exactly once, match them with catalogues, and pass on what is
// interesting. It has no code of its own.
//
// # Where to begin
//
// To run something, start with the commands: examples/archive archives a
// simulated night if run without flags, and examples/bright is a complete
// service to copy. To write something, open package
// [github.com/skyfinch/skyfinch/stream] first. A job is a stream.Source, some
// stream.Transforms and a stream.Sink, which a stream.MicroBatch ties together;
// see the example below.
//
// # Packages
//
//   - [github.com/skyfinch/skyfinch/stream] has the contracts and the engine,
//     which delivers micro-batches exactly once, and explains all terms.
//   - [github.com/skyfinch/skyfinch/stream/ledger] keeps the record of what is
//     done.
//   - [github.com/skyfinch/skyfinch/stream/kafka] and
//     [github.com/skyfinch/skyfinch/stream/files] are sources.
//   - [github.com/skyfinch/skyfinch/stream/store] stores ledgers and files;
//     [github.com/skyfinch/skyfinch/stream/streamtest] checks your own stores
//     and sources.
//   - [github.com/skyfinch/skyfinch/stream/monitor] shows what jobs do: on pages,
//     as metrics, as health.
//   - [github.com/skyfinch/skyfinch/alert] describes surveys and decodes their
//     packets from Avro to Arrow; [github.com/skyfinch/skyfinch/alert/sim]
//     simulates and replays alerts.
//   - [github.com/skyfinch/skyfinch/alert/filter] finds the alerts that are wanted,
//     by conditions in a subset of SQL; [github.com/skyfinch/skyfinch/alert/filter/fink]
//     has the live filters of Fink.
//   - [github.com/skyfinch/skyfinch/alert/lightcurve] computes features of light
//     curves, and [github.com/skyfinch/skyfinch/alert/science] the science columns of
//     ZTF.
//   - [github.com/skyfinch/skyfinch/sink] writes rows to hourly Parquet files or
//     to the console, and sends all rows, or each row by choice, to several sinks.
//   - [github.com/skyfinch/skyfinch/archive] is the archive service as one
//     type, and [github.com/skyfinch/skyfinch/archive/audit] verifies one.
//     [github.com/skyfinch/skyfinch/archive/broker] makes tables of what alerts may be
//     and which filters they pass.
//   - [github.com/skyfinch/skyfinch/crossmatch] finds the nearest rows of
//     catalogues, in calls on slices or as a transform.
//     [github.com/skyfinch/skyfinch/crossmatch/catalog] opens a catalogue from
//     a one-line specification. Below it are readers of files
//     ([github.com/skyfinch/skyfinch/crossmatch/table]), catalogues larger than
//     memory ([github.com/skyfinch/skyfinch/crossmatch/hats]), and SIMBAD and
//     VizieR ([github.com/skyfinch/skyfinch/crossmatch/cds]).
//
// Rows are Arrow records from the source to the sink. Imports run one way, from
// the archive through alert, sink and crossmatch to stream: stream knows no
// astronomy, and only stream/kafka imports the Kafka client.
package skyfinch
