package sink

import (
	"fmt"
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

// ParseClock returns the clock called event, ingest or night.
func ParseClock(name string) (Clock, error) {
	for c, n := range clockNames {
		if n == name {
			return Clock(c), nil
		}
	}
	return 0, fmt.Errorf("sink: no clock %q: use event, ingest or night", name)
}

var clockNames = [...]string{EventTime: "event", IngestTime: "ingest", Night: "night"}

// String returns the clock's name.
func (c Clock) String() string { return clockNames[c] }

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
// the night as YYYYMMDD.
func (c Clock) keys(r arrow.Record, now time.Time) ([]int64, error) {
	keys := make([]int64, r.NumRows())
	switch c {
	case IngestTime:
		hour := now.Unix() / 3600
		for i := range keys {
			keys[i] = hour
		}
		return keys, nil
	case Night:
		nights, ok := column(r, nightColumn).(*array.Int32)
		if !ok || nights.NullN() > 0 {
			return nil, fmt.Errorf("sink: to file by night, rows need a column %s of int32 without nulls", nightColumn)
		}
		for i := range keys {
			keys[i] = int64(nights.Value(i))
		}
		return keys, nil
	}
	times, err := eventTimes(r)
	if err != nil {
		return nil, err
	}
	if times == nil {
		return nil, fmt.Errorf("sink: to file by event time, rows need a column %s of timestamps", eventColumn)
	}
	for i, t := range times {
		keys[i] = floorDiv(t, int64(time.Hour/time.Microsecond))
	}
	return keys, nil
}

// dir is the directory that a key stands for.
func (c Clock) dir(key int64) string {
	if c == Night {
		return fmt.Sprintf("%04d/%02d/%02d", key/10000, key/100%100, key%100)
	}
	return time.Unix(key*3600, 0).UTC().Format("2006/01/02/15")
}

// eventTimes returns the event times in microseconds since 1970, or nil if
// the record has none.
func eventTimes(r arrow.Record) ([]int64, error) {
	col, ok := column(r, eventColumn).(*array.Timestamp)
	if !ok {
		return nil, nil
	}
	if col.NullN() > 0 {
		return nil, fmt.Errorf("sink: column %s holds %d nulls: such rows belong to the rejects", eventColumn, col.NullN())
	}
	out := make([]int64, col.Len())
	unit := col.DataType().(*arrow.TimestampType).Unit
	for i, v := range col.TimestampValues() {
		switch unit {
		case arrow.Second:
			out[i] = int64(v) * 1e6
		case arrow.Millisecond:
			out[i] = int64(v) * 1e3
		case arrow.Microsecond:
			out[i] = int64(v)
		default:
			out[i] = floorDiv(int64(v), 1e3)
		}
	}
	return out, nil
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
