package sink

import (
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/internal/floor"
	"github.com/skyfinch/skyfinch/stream"
)

// noTime represents a time that is null, or outside of the years 1 to 9999, for
// which there is neither a directory nor a JSON form.
const noTime = math.MinInt64

const (
	firstTime = -62135596800e6 // 0001-01-01 in µs since 1970
	endTime   = 253402300800e6 // 10000-01-01
)

// eventTimes returns the event times in microseconds since 1970, or nil if the
// record has none.
func eventTimes(r arrow.Record) []int64 {
	col, ok := stream.Field(r, eventColumn).(*array.Timestamp)
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
		v = floor.Div(v, 1e3)
	}
	if v < firstTime/scale || v >= endTime/scale {
		return noTime
	}
	return v * scale
}

// timeSpan is the earliest and the latest of some event times, in microseconds
// since 1970. The zero value is empty.
type timeSpan struct {
	first, last int64
	valid       bool
}

// add extends the span by the times of the rows in index.
func (s *timeSpan) add(times []int64, index []int32) {
	if times == nil {
		return
	}
	for _, i := range index {
		if t := times[i]; t != noTime {
			s.join(timeSpan{t, t, true})
		}
	}
}

func (s *timeSpan) join(o timeSpan) {
	switch {
	case !o.valid:
	case !s.valid:
		*s = o
	default:
		s.first, s.last = min(s.first, o.first), max(s.last, o.last)
	}
}

// bounds returns the first and the last time, which are zero if s is empty.
func (s timeSpan) bounds() (first, last time.Time) {
	if !s.valid {
		return time.Time{}, time.Time{}
	}
	return time.UnixMicro(s.first).UTC(), time.UnixMicro(s.last).UTC()
}
