// Package avroarrow appends Avro datums to Arrow columns, with nothing in
// between.
//
// [Parse] reads a writer's schema as it is found in the wild, [Schema.Arrow]
// says which columns it becomes, [Merge] widens a table's columns so that they
// hold another writer's too, and a [Builder] appends datums of any of these
// writers to one target:
//
//	s, err := avroarrow.Parse(header.Schema)
//	target, err := avroarrow.Merge(table, s.Arrow())
//	b := avroarrow.NewBuilder(mem, target)
//	defer b.Release()
//	for … {
//		err := b.Append(s, message, from, to)
//	}
//	record := b.NewRecord()
//
// # What becomes what
//
//	boolean            bool               array              list
//	int                int32              map                map<string, …>
//	long               int64              record             struct
//	float              float32            enum, string       string
//	double             float64            bytes              binary_view
//	fixed              fixed_size_binary  decimal            decimal128
//	date               date32             time-…             time32, time64
//	timestamp-…        timestamp, UTC     local-timestamp-…  timestamp
//
// Every column is nullable, and a union with null is its other type. Numbers of
// two widths may share a union. Other unions, recursive types, records without
// fields and more than 10,000 columns are refused.
//
// Values keep their bits. A null is not 0, a NaN keeps its payload, and what is
// not as Avro has it (text that is not UTF-8, an int beyond 32 bits, a branch
// that is not there, a count beyond the bytes) is an error that names the
// field. A datum that is refused leaves no trace in the columns.
//
// # Memory
//
// Bytes are never copied: their views point into the message, which the
// builder and its records retain. A few bytes of a hostile datum can claim many
// null or empty columns; what they may take is bounded by the datum's length.
//
// Memory from the allocator may hold anything. What lies under a null is
// zeroed.
//
// # How it works
//
// A schema and a target make a program, linked once: one op for each value,
// with a record's fields in line, so that a datum is one loop and an array
// another. Columns of the same length reserve room together, which leaves a
// store and no call for most values. Bitmaps of validity exist from the first
// null on; columns that the writer lacks are filled with nulls when the rows
// are handed over, or when another writer's turn comes.
package avroarrow
