package stream

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

var decodedSchema = arrow.NewSchema([]arrow.Field{
	{Name: "alert_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "partition", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, // wider than a message's
	{Name: "kafka_time", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "value", Type: arrow.PrimitiveTypes.Int64},
	{Name: "cutout", Type: arrow.BinaryTypes.Binary},
}, nil)

// decoded is a source of decoded rows, in chunks of two tables.
type decoded struct {
	mem   memory.Allocator
	begun time.Time
}

func (s decoded) Available(context.Context) ([]Extent, error) {
	return []Extent{{Range: Range{Partition: "id/alerts/a", To: 20}}, {Range: Range{Partition: "id/alerts/b", To: 20}}}, nil
}

func (s decoded) Read(_ context.Context, ranges []Range) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for _, r := range ranges {
			for from := r.From; from < r.To; from += 10 {
				rec := s.rows(from, min(from+10, r.To))
				more := yield(Chunk{
					Table: r.Partition[len("id/"):], Messages: rec,
					Accounts: []Account{{Range: Range{Partition: r.Partition, From: from, To: from + rec.NumRows()}, Read: rec.NumRows()}},
				}, nil)
				rec.Release()
				if !more {
					return
				}
			}
		}
	}
}

func (s decoded) rows(from, to int64) arrow.Record {
	b := array.NewRecordBuilder(s.mem, decodedSchema)
	defer b.Release()
	for o := from; o < to; o++ {
		b.Field(0).(*array.Int64Builder).Append(1000 + o)
		if o%2 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.Int64Builder).Append(o << (o * 3)) // some too large for an int32
		}
		b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(s.begun.Add(-time.Hour).UnixMicro()))
		b.Field(3).(*array.Int64Builder).Append(o)
		b.Field(4).(*array.BinaryBuilder).Append(make([]byte, 100))
	}
	return b.NewRecord()
}

// A source may yield decoded rows of a table. Transforms see the table, the
// accounts, sizes and times are those of the rows, and of a rejected row the
// position is kept.
func TestDecodedChunks(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	tables, rejects := map[string]int64{}, map[string][]string{}
	m := &MicroBatch{
		Source: decoded{mem, time.Now()}, Workers: 1, Log: quiet(),
		Transforms: []Transform{TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
			out, err := kind(ctx, in)
			for _, r := range out.Rows {
				assert.Equal(t, in.Table, r.Table)
			}
			return out, err
		})},
		Sink: SinkFunc(func(_ context.Context, r Rows) error { tables[r.Table] += r.Record.NumRows(); return nil }),
		Rejects: SinkFunc(func(_ context.Context, r Rows) error {
			assert.True(t, r.Record.Schema().Equal(RejectedRowSchema))
			for i := range int(r.Record.NumRows()) {
				text := ""
				for _, c := range r.Record.Columns() {
					text += c.ValueStr(i) + " "
				}
				rejects[r.Table] = append(rejects[r.Table], text)
			}
			return nil
		}),
	}
	require.NoError(t, m.Drain(t.Context()))
	assert.Equal(t, map[string]int64{"alerts/a": 16, "alerts/b": 16}, tables)
	assert.Equal(t, map[string][]string{"rejected_rows": {
		"three alerts/a 3 (null) 1536 (null) 1003 ", "three alerts/a 13 (null) (null) (null) 1013 ",
		"three alerts/b 3 (null) 1536 (null) 1003 ", "three alerts/b 13 (null) (null) (null) 1013 ",
	}}, rejects)
	p := m.Progress()
	assert.Equal(t, []int64{40, 32, 4, 4}, []int64{p.Read, p.Written, p.Rejected, p.Dropped})
	assert.EqualValues(t, 40*(4*8+100), p.BytesIn)
	assert.EqualValues(t, 32, p.Latency.Count(), "of the rows that were written")
	assert.InDelta(t, time.Hour, p.Latency.Max(), float64(time.Minute))
	assert.Equal(t, map[string]int64{"three": 4}, p.Causes)
}

// A row has a number if all offsets of its account are rows.
func TestOffsetsOf(t *testing.T) {
	account := func(from, to, read int64) Account {
		return Account{Range: Range{Partition: "p", From: from, To: to}, Read: read}
	}
	numbers := offsetsOf([]Account{account(10, 12, 2), account(12, 12, 0), account(12, 15, 1), account(40, 42, 2)})
	for row, want := range map[int]int64{0: 10, 1: 11, 2: -1, 3: 40, 4: 41, 5: -1} {
		n, ok := offsetsOf([]Account{account(10, 12, 2), account(12, 12, 0), account(12, 15, 1), account(40, 42, 2)})(row)
		assert.Equal(t, want >= 0, ok, row)
		if ok {
			assert.Equal(t, want, n, row)
		}
	}
	numbers(1)
	n, _ := numbers(4)
	assert.EqualValues(t, 41, n, "rows in ascending order")
}

// Decoded rows that kill their process are rejected like messages.
func TestRejectAllOfDecodedChunk(t *testing.T) {
	for c, err := range (decoded{memory.DefaultAllocator, time.Now()}).Read(t.Context(), []Range{{Partition: "id/alerts/a", From: 4, To: 7}}) {
		require.NoError(t, err)
		out := rejected(c, rejectAll(c, "killed").Rejects)
		require.Len(t, out, 1)
		assert.Equal(t, []int64{4, 5, 6}, out[0].Record.Column(2).(*array.Int64).Int64Values())
		out[0].Record.Release()
	}
}

// Messages keep the table and the schema that readers know.
func TestRejectedMessagesStayTheSame(t *testing.T) {
	s := store.NewMemory()
	m := newJob(t, &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 10}, chunk: 5}, s)
	m.Rejects = SinkFunc(func(_ context.Context, r Rows) error {
		assert.Equal(t, "rejected", r.Table)
		assert.True(t, r.Record.Schema().Equal(RejectSchema(numberSchema)))
		return nil
	})
	require.NoError(t, m.Drain(t.Context()))
}
