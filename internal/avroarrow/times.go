package avroarrow

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
)

// The dates, times and timestamps that every reader of Parquet can represent. A
// reader that cannot represent one value fails on the whole file.
const (
	firstDay = -719162 // 0001-01-01, in days since 1970
	endDay   = 2932897 // 10000-01-01
	daySecs  = 86400
)

var (
	errDate = errors.New("time outside the years 1 to 9999")
	errTime = errors.New("time of day outside 0 to 24 hours")
)

// timeRange is the values [from, to) of a date, time or timestamp, and the error
// of others.
type timeRange struct {
	from, to int64
	err      error
}

// timeRangeOf returns the values of a type that readers can represent. ok is false
// if they are all its values.
func timeRangeOf(typ arrow.DataType) (r timeRange, ok bool) {
	switch t := typ.(type) {
	case *arrow.Date32Type:
		return timeRange{firstDay, endDay, errDate}, true
	case *arrow.TimestampType:
		perDay := daySecs * int64(1e9/t.Unit.Multiplier())
		return timeRange{firstDay * perDay, endDay * perDay, errDate}, t.Unit != arrow.Nanosecond // which end in 2262
	case *arrow.Time32Type:
		return timeRange{0, daySecs * 1e3, errTime}, true
	case *arrow.Time64Type:
		return timeRange{0, daySecs * 1e6, errTime}, true
	}
	return timeRange{}, false
}
