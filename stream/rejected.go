package stream

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// RejectSchema returns the schema of table "rejected", the rejected messages: the
// cause, then all columns of the message, with "value" renamed "raw".
func RejectSchema(messages *arrow.Schema) *arrow.Schema {
	fields := []arrow.Field{{Name: "cause", Type: arrow.BinaryTypes.String}}
	for _, f := range messages.Fields() {
		if f.Name == "value" {
			f.Name = "raw"
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil)
}

// RejectedRowSchema is the schema of table "rejected_rows", the rejected rows of
// chunks with a Table:
//
//	cause      string  why the row was rejected
//	table      string  the chunk's table
//	row        int64   the row's offset in its partition, null if its account does not determine it
//	topic      string  the row's values in the columns with these names,
//	partition  int32   null if there is no such column or it has another type
//	offset     int64
//	alert_id   int64
//
// The values of such rows are not kept, because they still are where the source
// has read them.
var RejectedRowSchema = arrow.NewSchema([]arrow.Field{
	{Name: "cause", Type: arrow.BinaryTypes.String},
	{Name: "table", Type: arrow.BinaryTypes.String},
	{Name: "row", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "topic", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "partition", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "offset", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

// rejected makes rows of rejects, which are in ascending order. Of two causes for
// one message the first counts.
func rejected(c Chunk, rejects []Reject) []Rows {
	rejects = firstCauses(rejects)
	if c.Table != "" {
		return []Rows{{Table: rejectedTable(c), Record: rejectedRows(c, rejects)}}
	}
	return rejectedMessages(c.Messages, rejects)
}

// rejectedTable returns the table that the rejects of a chunk go to.
func rejectedTable(c Chunk) string {
	if c.Table != "" {
		return "rejected_rows"
	}
	return "rejected"
}

// rejectedMessages returns the unchanged messages with their causes.
func rejectedMessages(messages arrow.Record, rejects []Reject) []Rows {
	schema := RejectSchema(messages.Schema())
	index := make([]int32, len(rejects))
	for i, x := range rejects {
		index[i] = int32(x.Row)
	}
	out := pick(Rows{Table: "rejected", Record: messages}, index)
	for i, rows := range out {
		n := len(rows.From)
		out[i] = Rows{Table: rows.Table, Record: withCauses(schema, rows.Record, rejects[:n])}
		rows.Record.Release()
		rejects = rejects[n:]
	}
	return out
}

// firstCauses returns one reject for each message.
func firstCauses(rejects []Reject) []Reject {
	return slices.CompactFunc(slices.Clone(rejects), func(a, b Reject) bool { return a.Row == b.Row })
}

// withCauses prepends a column of causes to rejected messages.
func withCauses(schema *arrow.Schema, messages arrow.Record, rejects []Reject) arrow.Record {
	causes := array.NewStringBuilder(memory.DefaultAllocator)
	defer causes.Release()
	for _, x := range rejects {
		causes.Append(x.Cause)
	}
	column := causes.NewArray()
	defer column.Release()
	cols := append([]arrow.Array{column}, messages.Columns()...)
	return array.NewRecord(schema, cols, int64(len(rejects)))
}

// rejectedRows returns rows with RejectedRowSchema.
func rejectedRows(c Chunk, rejects []Reject) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, RejectedRowSchema)
	defer b.Release()
	b.Reserve(len(rejects))
	numbers := offsetsOf(c.Accounts)
	for _, x := range rejects {
		b.Field(0).(*array.StringBuilder).Append(x.Cause)
		b.Field(1).(*array.StringBuilder).Append(c.Table)
		if n, ok := numbers(x.Row); ok {
			b.Field(2).(*array.Int64Builder).Append(n)
		} else {
			b.Field(2).AppendNull()
		}
	}
	for i, f := range RejectedRowSchema.Fields()[3:] {
		out, col := b.Field(3+i), Field(c.Messages, f.Name)
		for _, x := range rejects {
			if col == nil || col.IsNull(x.Row) {
				out.AppendNull()
				continue
			}
			_ = out.AppendValueFromString(col.ValueStr(x.Row)) // appends null if it fails
		}
	}
	return b.NewRecord()
}

// offsetsOf returns a function that returns the offset of a row of a chunk. It must
// be called with rows in ascending order. ok is false if the accounts do not
// determine the offset.
func offsetsOf(accounts []Account) func(row int) (offset int64, ok bool) {
	before := int64(0) // rows of the accounts that are left out
	return func(row int) (int64, bool) {
		for len(accounts) > 0 && int64(row) >= before+accounts[0].Read {
			before += accounts[0].Read
			accounts = accounts[1:]
		}
		if len(accounts) == 0 || accounts[0].Read != accounts[0].Len() {
			return 0, false
		}
		return accounts[0].From + int64(row) - before, true
	}
}
