package sink

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/floor"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

func timesRecord(unit arrow.TimeUnit, times ...int64) arrow.Record {
	typ := &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{nullable(eventColumn, typ)}, nil))
	defer b.Release()
	for _, v := range times {
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(v))
	}
	return b.NewRecord()
}

func TestEventTime(t *testing.T) {
	noon := time.Date(2026, 9, 18, 12, 59, 59, 999999999, time.UTC)
	for _, c := range []struct {
		name string
		unit arrow.TimeUnit
		time int64
		dir  string // "" for an error
	}{
		{"s", arrow.Second, noon.Unix(), "2026/09/18/12"},
		{"ms", arrow.Millisecond, noon.UnixMilli(), "2026/09/18/12"},
		{"us", arrow.Microsecond, noon.UnixMicro(), "2026/09/18/12"},
		{"ns", arrow.Nanosecond, noon.UnixNano(), "2026/09/18/12"},
		{"next hour", arrow.Nanosecond, noon.UnixNano() + 1, "2026/09/18/13"},
		{"1970", arrow.Microsecond, 0, "1970/01/01/00"},
		{"before 1970", arrow.Nanosecond, -1, "1969/12/31/23"},
		{"an hour before", arrow.Millisecond, -3600_000, "1969/12/31/23"},
		{"more than an hour before", arrow.Microsecond, -3600_000_001, "1969/12/31/22"},
		{"first", arrow.Second, -62135596800, "0001/01/01/00"},
		{"before the first", arrow.Second, -62135596801, ""},
		{"last", arrow.Microsecond, 253402300800e6 - 1, "9999/12/31/23"},
		{"after the last", arrow.Microsecond, 253402300800e6, ""},
		{"overflow of s", arrow.Second, math.MaxInt64, ""},
		{"overflow of ms", arrow.Millisecond, math.MinInt64, ""},
		{"far us", arrow.Microsecond, math.MinInt64, ""},
		{"far ns", arrow.Nanosecond, math.MaxInt64, "2262/04/11/23"},
	} {
		r := timesRecord(c.unit, c.time)
		keys, err := EventTime.keys(r, eventTimes(r), time.Time{})
		if c.dir == "" {
			assert.ErrorContains(t, err, "column event_time: row 0 of 1 is", c.name)
			continue
		}
		if assert.NoError(t, err, c.name) {
			assert.Equal(t, c.dir, EventTime.dir(keys[0]), c.name)
		}
	}
}

func TestNight(t *testing.T) {
	for _, c := range []struct {
		json string
		dir  string
	}{
		{"20260918", "2026/09/18"}, {"20240229", "2024/02/29"}, {"20260229", ""}, {"10101", "0001/01/01"},
		{"0", ""}, {"-20260918", ""}, {"101", ""}, {"20261301", ""}, {"20260900", ""}, {"2147483647", ""}, {"-2147483648", ""}, {"null", ""},
	} {
		r := fromJSON(t, memory.DefaultAllocator, `[{"night": 20260918}, {"night": `+c.json+`}]`, nullable(nightColumn, arrow.PrimitiveTypes.Int32))
		keys, err := Night.keys(r, nil, time.Time{})
		if c.dir == "" {
			assert.ErrorContains(t, err, "column night: row 1 of 2 is", c.json)
			continue
		}
		if assert.NoError(t, err, c.json) {
			assert.Equal(t, c.dir, Night.dir(keys[1]), c.json)
		}
	}
}

func TestClockRefusals(t *testing.T) {
	plain := fromJSON(t, memory.DefaultAllocator, `[{"x": 1}]`, nullable("x", arrow.PrimitiveTypes.Int64))
	null := fromJSON(t, memory.DefaultAllocator, `[{"event_time": null}]`, nullable(eventColumn, utc))
	text := fromJSON(t, memory.DefaultAllocator, `[{"event_time": "noon", "night": "x"}]`, nullable(eventColumn, arrow.BinaryTypes.String), nullable(nightColumn, arrow.BinaryTypes.String))
	for _, c := range []struct {
		clock Clock
		rec   arrow.Record
		want  string
	}{
		{EventTime, plain, "sink: to file by event time, rows need a column event_time of timestamps"},
		{EventTime, text, "sink: to file by event time, rows need a column event_time of timestamps"},
		{EventTime, null, "sink: column event_time: row 0 of 1 is (null), not a time in the years 1 to 9999: reject such rows in a transform"},
		{Night, plain, "sink: to file by night, rows need a column night of int32"},
		{Night, text, "sink: to file by night, rows need a column night of int32"},
		{Clock(9), null, "sink: invalid Clock(9)"},
		{Clock(-1), null, "sink: invalid Clock(-1)"},
	} {
		c.rec.Retain()
		_, err := (&Parquet{Store: store.NewMemory(), Clock: c.clock}).Stage(t.Context(), batchOf([]stream.Rows{{Record: c.rec}}))
		assert.EqualError(t, err, c.want)
	}
}

// Only the event clock needs event times.
func TestIngestTime(t *testing.T) {
	// Not zstd, whose decoders are shared with goroutines outside of the bubble.
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(90 * time.Minute) // in the bubble, whose time begins in 2000
		p := &Parquet{Store: store.NewMemory(), Clock: IngestTime, Workers: 1, Compression: Snappy}
		rec := fromJSON(t, memory.DefaultAllocator, `[{"event_time": null}, {"event_time": "2020-01-01 00:00:00"}]`, nullable(eventColumn, utc))
		r, files := stage(t, p, batchOf([]stream.Rows{{Table: "rejected", Record: rec}}))
		require.Len(t, r.Files, 1)
		assert.Equal(t, "rejected/2000/01/01/01/abcd1234-000000000007-0.parquet", r.Files[0].Path)
		assert.Len(t, files[r.Files[0].Path], 2)
		assert.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), r.Files[0].First)
	})
}

func TestParse(t *testing.T) {
	for _, c := range []Clock{EventTime, IngestTime, Night} {
		got, err := ParseClock(c.String())
		assert.NoError(t, err)
		assert.Equal(t, c, got)
	}
	for _, c := range []Compression{Zstd, Snappy, None} {
		got, err := ParseCompression(c.String())
		assert.NoError(t, err)
		assert.Equal(t, c, got)
	}
	_, err := ParseClock("noon")
	assert.EqualError(t, err, `sink: unknown clock "noon": use event, ingest or night`)
	_, err = ParseCompression("gzip")
	assert.EqualError(t, err, `sink: unknown compression "gzip": use zstd, snappy or none`)
	assert.Equal(t, "Clock(3)", Clock(3).String())
	assert.Equal(t, "Compression(-1)", Compression(-1).String())
	assert.Equal(t, "YYYY/MM/dd", Night.Layout())
	assert.Equal(t, "YYYY/MM/dd/hh", EventTime.Layout())
}

func FuzzClock(f *testing.F) {
	f.Add(int64(0), int32(20260918), 2)
	f.Add(int64(math.MaxInt64), int32(-1), 0)
	f.Fuzz(func(t *testing.T, v int64, night int32, unit int) {
		if us := micros(v, arrow.TimeUnit(uint(unit)%4)); us != noTime {
			_, err := time.Parse("2006/01/02/15", EventTime.dir(floor.Div(us, 3600e6)))
			assert.NoError(t, err)
		}
		if isDate(int64(night)) {
			_, err := time.Parse("2006/01/02", Night.dir(int64(night)))
			assert.NoError(t, err)
		}
	})
}
