// Package alert turns the alerts of astronomical surveys into Arrow records.
//
// A [Decoder] is a [stream.Transform]: raw messages go in, rows come out, a
// table for each survey. It needs no settings for what the package knows
// (LSST, Roman, DECam, WINTER, ZTF):
//
//	job := stream.MicroBatch{
//		Source:     source,
//		Transforms: []stream.Transform{&alert.Decoder{Registry: registry, Schemas: ledger}},
//		Sink:       sink,
//		Ledger:     ledger,
//	}
//
// # Rows
//
// A row begins with the [StandardColumns]: id, object, position, time and
// night of the alert, the same for all surveys, and where its message was.
// Behind them stands the packet as it is: each field under its own name and
// with its own type, records as structs, arrays as lists, unions with null as
// nulls. Read them with [stream.Field]: "candidate.magpsf". A field whose name
// is taken gets "_" appended; a ra at the top of a packet is the column ra_.
//
// The columns of bytes are binary views into the messages: cutouts, most of a
// packet, are never copied, and a row keeps its message in memory.
//
// # Framings
//
// How a message holds its packet is told from its bytes:
//
//   - A whole Avro object container file with one record, as ZTF sends it. The
//     codecs are null, deflate, snappy and zstandard.
//   - A bare datum with its schema as text in the message's key, as Fink sends
//     it.
//   - Confluent's framing, as Rubin sends it: a zero byte, the schema's id in
//     four bytes, the datum. The id is looked up in Decoder.Registry;
//     [OpenRegistry] opens one at a URL or in a directory.
//   - A bare datum alone, if Decoder.Bare says by which schema.
//
// The writer's schema is always the packet's own. ZTF's break rules of Avro
// that matter for defaults only, and are taken as they are.
//
// # Surveys
//
// Which survey a packet is of is told from its schema: the first [Survey]
// whose Match fields it has. Another survey is another value of that struct,
// see the example.
//
// # Tables that widen
//
// The schema of a table is kept by Decoder.Schemas, mostly the ledger of the
// job, so that all processes and restarts agree on it. It begins with the
// first packet's fields. When a packet has a field that the table lacks, the
// table gets the column, and a column of 32 bits becomes one of 64 where a
// writer needs it; nothing ever narrows. Rows decoded before that are a record
// of their own, so one call may return several records of one table. A packet
// that lacks a column has a null in it.
//
// A column that changes its type is a burden on those who read the archive.
// So a table begins with the types that all schemas of its survey need that
// can be known beforehand: those in Survey.Known and those of a registry that
// is a [Lister]. Their columns come when a packet brings them.
//
// Only a packet that decodes, with id and time, can widen a table, and none to
// more than 10,000 columns.
//
// # Rejects and errors
//
// A message is rejected, with a cause to count by, when
//
//   - its value is null or empty, or of no known framing, or a container with
//     no record or with several, or cut short, or damaged;
//   - its schema is unknown to the registry, or no sound Avro record, or of no
//     known survey, or has types that conflict with the table's, a text
//     where the table has a number, say;
//   - its datum is not exactly what the schema says: bytes are missing or left
//     over, a text is no UTF-8, a number is beyond its type;
//   - the alert has no integer id, or no time between 1990 and 2100.
//
// An odd position, null cutouts and a missing object are no reason to reject.
//
// Registries lag behind producers. So a message with an id that the registry
// does not know yet waits, and the id is asked for every second, until
// Decoder.Patience (10 s) has passed since the decoder first met the id. Then
// its messages are rejected, and the id is asked for again every 5 seconds
// without waiting. Waiting spends the patience, for all ids and all calls of
// Apply together, and a minute without waiting gives it back. So a stream full
// of garbage ids waits for 10 s at once, and a seventh of the time in the long
// run, beside the question or two that each new id costs; an id that is new at
// the same time waits for as long as is left.
//
// An error of Apply is an outage, of the registry or of Schemas, or a mistake
// in the fields of the Decoder, which is permanent. It says nothing about the
// messages, and no row of them was kept: apply again.
//
// # Limits
//
// Whatever comes, the decoder remembers at most 256 compiled schemas made of 8
// MiB of text, and 32 texts of up to 1 MiB for comparison. A block may inflate
// to 64 MiB, a schema of a registry may have 16 MiB. For each call of Apply
// under way at the same time it keeps the builders of the tables, which are as
// large as a chunk's rows; Close frees them.
//
// Apply may be called concurrently, and returns the same rows whatever other
// calls do, but that a table may be wider.
package alert
