// Package avroarrow appends Avro datums directly to Arrow columns.
//
// [Parse] reads a writer's schema, [Schema.Arrow] returns the columns for it,
// [Merge] widens a table's columns to hold those of another writer, and a
// [Builder] appends datums of any of these writers to one target:
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
// # Types
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
// Every column is nullable, and a union with null has its other type. Numbers of
// two widths may share a union. Other unions, recursive types, records without
// fields, and schemas of more than 10,000 columns or 10,000 records and lists are
// refused.
//
// Values keep their bits: a null is not 0, and a NaN keeps its payload. Invalid
// Avro (text that is not UTF-8, an int beyond 32 bits, a branch out of range, a
// count beyond the bytes) is an error that names the field. So is a date or
// timestamp outside the years 1 to 9999, or a time of day outside 0 to 24 hours:
// readers of Parquet fail on a whole file that has one. A refused datum leaves the
// columns unchanged.
//
// # Memory
//
// Bytes are never copied: views point into the message, which the builder and its
// records retain. The elements of lists and the symbols of enums may take much more
// memory than the bytes of the datum, so [Builder.Append] refuses a datum of which
// they take more than 32 MiB, or 256 KiB and 32 times its size. They are counted
// before the memory is allocated, with the columns of the target. A row of other
// columns takes the [Size] of the target's schema.
//
// The allocator need not return zeroed memory. Data under a null is zeroed.
//
// # Implementation
//
// A schema and a target are compiled into a program once: one op for each value,
// with a record's fields inline, so that a datum is one loop and an array another.
// Columns of the same length reserve room together, so most values need a store
// and no call. Validity bitmaps exist from the first null on. Columns that the
// writer lacks are filled with nulls when a record is made or the writer changes.
package avroarrow
