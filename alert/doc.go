// Package alert turns the alerts of astronomical surveys into Arrow records.
//
// A [Decoder] is a [stream.Transform] from raw messages to rows, with a table for
// each survey. It needs no settings for the built-in surveys (LSST, Roman, DECam,
// WINTER, ZTF):
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
// A row begins with the [StandardColumns]: id, object, position, time and night
// of the alert, the same for all surveys, and the position of its message. The
// fields of the packet follow, each with its own name and type: records as
// structs, arrays as lists, unions with null as nullable columns. Read them with
// [stream.Field]: "candidate.magpsf". A field with the name of a standard column
// gets "_" appended; ra at the top of a packet is the column ra_.
//
// Bytes are binary views into the messages: cutouts, most of a packet, are never
// copied, and a row retains its message in memory.
//
// # Framings
//
// The framing of a message is recognized by its bytes:
//
//   - A whole Avro object container file with one record, as ZTF sends it. The
//     codecs are null, deflate, snappy and zstandard.
//   - A bare datum with its schema as text in the message's key, as Fink sends
//     it.
//   - Confluent's framing, as Rubin sends it: a zero byte, the schema's id in
//     four bytes, the datum. Decoder.Registry returns the schema; [OpenRegistry]
//     opens a registry at a URL or in a directory.
//   - A bare datum alone, if Decoder.Bare is its schema.
//
// Packets are always decoded with their writer's schema. Defaults that violate
// Avro's rules, as ZTF's do, are ignored.
//
// # Surveys
//
// A packet belongs to the first [Survey] whose Match fields are in its schema.
// To support another survey, add a value of that struct; see the example.
//
// # Tables that widen
//
// Decoder.Schemas, usually the job's ledger, stores the schema of a table, so that
// all processes agree on it, even after restarts. It begins with the first
// packet's fields. When a packet has a field that the table lacks, the table gets
// the column, and a column of 32 bits becomes one of 64 if a writer needs it;
// columns never narrow. Rows decoded before that are in a record of the old
// schema, so one call may return several records of one table. A packet that lacks
// a column has a null in it.
//
// A column that changes its type is a burden on readers of the archive. So
// columns begin with types wide enough for all published schemas of the survey:
// those in Survey.Known and those of a registry that is a [Lister]. The columns
// themselves are added when a packet has them.
//
// Only a packet that can be decoded, and has an id and a time, can widen a table.
// One schema adds at most 1,000 columns to an existing table. A table has at most
// 10,000 columns, 10,000 records and lists, 128 KiB of memory a row and 8 KiB for an
// element of each list, both without text, and 256 KiB of column names; all versions
// of LSST's schema together have 653 columns, 2.7 KiB, 0.8 KiB and 16 KiB. A packet
// that would exceed a bound is rejected. A table that does so since an earlier
// release can still be read and appended to, but not widened.
//
// # Rejects and errors
//
// A message is rejected, with a cause that can be counted, if
//
//   - its value is null or empty, has an unknown framing, or is a container that
//     is truncated, damaged, or does not hold exactly one record;
//   - its schema is unknown to the registry, is not a valid Avro record, matches
//     no known survey, or has types that conflict with the table's, such as text
//     for a number;
//   - its datum does not match the schema exactly: bytes are missing or left over,
//     text is not UTF-8, or a number exceeds its type;
//   - the elements of its lists and the symbols of its enums take more than 32 MiB
//     of memory, or 256 KiB and 32 times the datum's size;
//   - the alert has no integer id, or no time between 1990 and 2100.
//
// Invalid positions, null cutouts and missing objects are accepted.
//
// Registries lag behind producers. A message with an id that the registry does not
// know yet waits, and the id is requested at least every second, until
// Decoder.SchemaWait (10 s) has passed since its first message. Then its messages
// are rejected, and the id is requested every 5 seconds without waiting.
// SchemaWait is a budget that all ids and all calls of Apply share; a minute
// without waiting restores it. So a stream full of invalid ids waits for 10
// seconds once, and for a seventh of the time in the long run, not counting one or
// two requests for each id. Any other new id waits for what is left of the budget.
//
// An error from Apply is an outage of the registry or of Schemas, or invalid fields
// of the Decoder, which is permanent. No rows were kept, so Apply may be called
// again with the same messages.
//
// # Limits
//
// The decoder caches at most 256 compiled schemas from 8 MiB of text, and 32 texts
// of up to 1 MiB for comparison. A block may inflate to 64 MiB; a schema may have
// 16 MiB, and 500,000 brackets, colons and commas. For each concurrent call of Apply it keeps the builders of the
// tables, which are as large as a chunk's rows; Close frees them.
//
// Apply may be called concurrently. Its rows do not depend on other calls, except
// that a table may be wider.
package alert
