package sink

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/floor"
	"github.com/skyfinch/skyfinch/stream"
)

// Clock is the time that determines the directory of a row.
type Clock int

const (
	// EventTime is the UTC hour of column event_time: YYYY/MM/dd/hh.
	EventTime Clock = iota
	// IngestTime is the UTC hour in which the batch is staged: YYYY/MM/dd/hh.
	IngestTime
	// Night is the observing night in column night: YYYY/MM/dd.
	Night
)

var clockNames = []string{EventTime: "event", IngestTime: "ingest", Night: "night"}

// ParseClock returns the clock named event, ingest or night.
func ParseClock(name string) (Clock, error) { return parseName[Clock]("clock", clockNames, name) }

// String returns the clock's name.
func (c Clock) String() string { return nameOf("Clock", clockNames, c) }

func (c Clock) valid() bool { return c >= EventTime && c <= Night }

// Layout returns the layout of the clock's directories, such as YYYY/MM/dd/hh.
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

// keys returns the key of each row's directory: the hours since 1970, or the
// night as YYYYMMDD. times are the rows' event times.
func (c Clock) keys(r arrow.Record, times []int64, now time.Time) ([]int64, error) {
	switch c {
	case IngestTime:
		keys := make([]int64, r.NumRows())
		for i := range keys {
			keys[i] = floor.Div(now.Unix(), 3600)
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
			return nil, permanentf("column %s: row %d of %d is %s, not a time in the years 1 to 9999: reject such rows in a transform",
				eventColumn, i, len(times), stream.Field(r, eventColumn).ValueStr(i))
		}
		keys[i] = floor.Div(t, int64(time.Hour/time.Microsecond))
	}
	return keys, nil
}

func nightKeys(r arrow.Record) ([]int64, error) {
	nights, ok := stream.Field(r, nightColumn).(*array.Int32)
	if !ok {
		return nil, permanentf("to file by night, rows need a column %s of int32", nightColumn)
	}
	keys := make([]int64, nights.Len())
	var valid int64 // the last one: consecutive rows mostly share the night
	for i := range keys {
		key := int64(nights.Value(i))
		if nights.IsNull(i) || key != valid && !isDate(key) {
			return nil, permanentf("column %s: row %d of %d is %s, not a date YYYYMMDD: reject such rows in a transform",
				nightColumn, i, len(keys), nights.ValueStr(i))
		}
		keys[i], valid = key, key
	}
	return keys, nil
}

// isDate reports whether a night is a date. Another number could make a path that
// leads out of the table.
func isDate(night int64) bool {
	y, m, d := int(night/10000), time.Month(night/100%100), int(night%100)
	t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return night > 10000 && t.Year() == y && t.Month() == m && t.Day() == d
}

// dir returns the path of the directory with a key.
func (c Clock) dir(key int64) string {
	if c == Night {
		return fmt.Sprintf("%04d/%02d/%02d", key/10000, key/100%100, key%100)
	}
	return time.Unix(key*3600, 0).UTC().Format("2006/01/02/15")
}
