package sink

import (
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Clock says by which time a row is filed.
type Clock int

const (
	// EventTime files by the UTC hour of column event_time: YYYY/MM/dd/hh.
	EventTime Clock = iota
	// IngestTime files by the UTC hour in which the batch was staged.
	IngestTime
	// Night files by the observing night in column night: YYYY/MM/dd.
	Night
)

var clockNames = [...]string{EventTime: "event", IngestTime: "ingest", Night: "night"}

// ParseClock returns the clock called event, ingest or night.
func ParseClock(name string) (Clock, error) {
	for c, n := range clockNames {
		if n == name {
			return Clock(c), nil
		}
	}
	return 0, fmt.Errorf("sink: no clock %q: use event, ingest or night", name)
}

// String returns the clock's name.
func (c Clock) String() string {
	if !c.valid() {
		return fmt.Sprintf("Clock(%d)", int(c))
	}
	return clockNames[c]
}

func (c Clock) valid() bool { return c >= 0 && int(c) < len(clockNames) }

// Layout describes the directories that the clock makes.
func (c Clock) Layout() string {
	if c == Night {
		return "YYYY/MM/dd"
	}
	return "YYYY/MM/dd/hh"
}

const (
	eventColumn = "event_time"
	nightColumn = "night"
)

// keys returns for each row the number of its directory: hours since 1970, or
// the night as YYYYMMDD. times are the rows' event times.
func (c Clock) keys(r arrow.Record, times []int64, now time.Time) ([]int64, error) {
	switch c {
	case IngestTime:
		keys := make([]int64, r.NumRows())
		for i := range keys {
			keys[i] = floorDiv(now.Unix(), 3600)
		}
		return keys, nil
	case Night:
		return nightKeys(r)
	}
	return eventKeys(r, times)
}

func eventKeys(r arrow.Record, times []int64) ([]int64, error) {
	if times == nil {
		return nil, permanentf("to file by event time, rows need a column %s of timestamps", eventColumn)
	}
	keys := make([]int64, len(times))
	for i, t := range times {
		if t == noTime {
			return nil, permanentf("column %s: row %d of %d is %s, which no directory stands for: such rows belong to the rejects",
				eventColumn, i, len(times), column(r, eventColumn).ValueStr(i))
		}
		keys[i] = floorDiv(t, int64(time.Hour/time.Microsecond))
	}
	return keys, nil
}

func nightKeys(r arrow.Record) ([]int64, error) {
	nights, ok := column(r, nightColumn).(*array.Int32)
	if !ok {
		return nil, permanentf("to file by night, rows need a column %s of int32", nightColumn)
	}
	keys := make([]int64, nights.Len())
	var good int64 // neighbours are mostly of one night
	for i := range keys {
		key := int64(nights.Value(i))
		if nights.IsNull(i) || key != good && !isDate(key) {
			return nil, permanentf("column %s: row %d of %d is %s, not a date YYYYMMDD: such rows belong to the rejects",
				nightColumn, i, len(keys), nights.ValueStr(i))
		}
		keys[i], good = key, key
	}
	return keys, nil
}

// isDate reports whether a night is a day of the calendar. Whatever else were
// put into a path could even lead out of the table.
func isDate(night int64) bool {
	y, m, d := int(night/10000), time.Month(night/100%100), int(night%100)
	t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return night > 10000 && t.Year() == y && t.Month() == m && t.Day() == d
}

// dir is the directory that a key stands for.
func (c Clock) dir(key int64) string {
	if c == Night {
		return fmt.Sprintf("%04d/%02d/%02d", key/10000, key/100%100, key%100)
	}
	return time.Unix(key*3600, 0).UTC().Format("2006/01/02/15")
}

// noTime stands for a time that is null, or outside the years 1 to 9999:
// beyond them neither a directory nor a receipt can name it.
const noTime = math.MinInt64

const (
	firstTime = -62135596800e6 // 0001-01-01 in µs since 1970
	endTime   = 253402300800e6 // 10000-01-01
)

// eventTimes returns the event times in microseconds since 1970, or nil if
// the record has none.
func eventTimes(r arrow.Record) []int64 {
	col, ok := column(r, eventColumn).(*array.Timestamp)
	if !ok {
		return nil
	}
	unit := col.DataType().(*arrow.TimestampType).Unit
	out := make([]int64, col.Len())
	for i, v := range col.TimestampValues() {
		out[i] = micros(int64(v), unit)
		if col.IsNull(i) {
			out[i] = noTime
		}
	}
	return out
}

func micros(v int64, unit arrow.TimeUnit) int64 {
	scale := int64(1)
	switch unit {
	case arrow.Second:
		scale = 1e6
	case arrow.Millisecond:
		scale = 1e3
	case arrow.Nanosecond:
		v = floorDiv(v, 1e3)
	}
	if v < firstTime/scale || v >= endTime/scale {
		return noTime
	}
	return v * scale
}

func column(r arrow.Record, name string) arrow.Array {
	if i := r.Schema().FieldIndices(name); len(i) > 0 {
		return r.Column(i[0])
	}
	return nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// span is a stretch of event times.
type span struct {
	first, last int64 // in µs since 1970
	some        bool
}

// add takes in the times of some rows.
func (s *span) add(times []int64, index []int32) {
	if times == nil {
		return
	}
	for _, i := range index {
		if t := times[i]; t != noTime {
			s.join(span{t, t, true})
		}
	}
}

func (s *span) join(o span) {
	switch {
	case !o.some:
	case !s.some:
		*s = o
	default:
		s.first, s.last = min(s.first, o.first), max(s.last, o.last)
	}
}
