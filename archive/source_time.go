package archive

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/sink"
)

// TimeRange is the range of times [From, To) of a clock: of the column event_time,
// of the column night, or of ingestion, which is the time of the commit that added
// the row. If From is zero, the range has no beginning; if To is zero, no end. The
// zero TimeRange is all times.
type TimeRange struct {
	Clock sink.Clock
	// From and To are, for sink.Night, midnight UTC of the date that names the night.
	From, To time.Time
}

const nightLayout = "20060102"

// ParseTimeRange parses a clock and two times, such as
//
//	event=2026-09-18T03:00:00Z,2026-09-18T04:30:00Z
//	ingest=2026-09-18,
//	night=20260918,20260920
//
// A time is in RFC 3339 format or a date, which is its midnight UTC. Either time may
// be missing.
func ParseTimeRange(s string) (r TimeRange, err error) {
	name, times, ok := strings.Cut(s, "=")
	if strings.Contains(times, "=") {
		return r, fmt.Errorf("archive: time range %q: it has two clocks: choose one of event, ingest and night", s)
	}
	from, to, comma := strings.Cut(times, ",")
	if !ok || !comma {
		return r, fmt.Errorf("archive: time range %q: it must be a clock and two times, such as event=2026-09-18,2026-09-19", s)
	}
	if r.Clock, err = sink.ParseClock(name); err == nil {
		if r.From, err = parseTime(from); err == nil {
			r.To, err = parseTime(to)
		}
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return TimeRange{}, fmt.Errorf("archive: time range %q: %w", s, err)
	}
	return r, nil
}

// parseTime parses a time; an empty one is zero.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, nightLayout} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q: it must be a date or in RFC 3339 format, such as 2026-09-18 or 2026-09-18T03:00:00Z", s)
}

// String returns the range in the format of ParseTimeRange.
func (r TimeRange) String() string {
	return r.Clock.String() + "=" + r.format(r.From) + "," + r.format(r.To)
}

func (r TimeRange) format(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case r.Clock == sink.Night:
		return t.UTC().Format(nightLayout)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// isZero reports whether the range is the zero TimeRange, or differs only in its clock.
func (r TimeRange) isZero() bool { return r.From.IsZero() && r.To.IsZero() }

func (r TimeRange) check() error {
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return errors.New("it is empty: the second time must be after the first")
	}
	for _, t := range []time.Time{r.From, r.To} {
		if r.Clock == sink.Night && !t.UTC().Equal(t.UTC().Truncate(24*time.Hour)) {
			return fmt.Errorf("%s is not a night: name nights by their dates, such as 20260918", t.UTC().Format(time.RFC3339))
		}
		if y := t.UTC().Year(); y < 1 || y > 9999 {
			return fmt.Errorf("%v: the year must be from 1 to 9999", t)
		}
	}
	return nil
}

// bounds are the least and the greatest value of a column that belong to a range.
type bounds struct{ least, greatest int64 }

const (
	minBound = -1 << 63
	maxBound = 1<<63 - 1
)

// column returns the column that decides whether a row belongs to the range, and its
// bounds; "" if row numbers decide.
func (r TimeRange) column() (name string, b bounds) {
	switch {
	case r.isZero() || r.Clock == sink.IngestTime:
		return "", bounds{}
	case r.Clock == sink.Night:
		return "night", r.boundsAs(nightNumber)
	}
	return "event_time", r.boundsAs(eventNumber)
}

func (r TimeRange) boundsAs(number func(time.Time) int64) bounds {
	b := bounds{minBound, maxBound}
	if !r.From.IsZero() {
		b.least = number(r.From)
	}
	if !r.To.IsZero() {
		b.greatest = number(r.To) - 1
	}
	return b
}

// nightNumber returns the value of column night for a date.
func nightNumber(t time.Time) int64 {
	y, m, d := t.UTC().Date()
	return int64(y)*10000 + int64(m)*100 + int64(d)
}

// eventNumber returns the first value of column event_time, in microseconds, that is
// not before t.
func eventNumber(t time.Time) int64 {
	us := t.UnixMicro()
	if t.After(time.UnixMicro(us)) {
		us++
	}
	return us
}

func (b bounds) has(v int64) bool { return b.least <= v && v <= b.greatest }

// meets reports whether values from least to greatest may belong to the range.
func (b bounds) meets(least, greatest int64) bool { return least <= b.greatest && b.least <= greatest }

// hasDir reports whether a directory may have rows of the range. Its name tells only
// if it follows the range's clock.
func (r TimeRange) hasDir(dir string, clock sink.Clock) bool {
	if r.isZero() || r.Clock != clock || clock == sink.IngestTime {
		return true
	}
	layout, length := "2006/01/02/15", time.Hour
	if clock == sink.Night {
		layout, length = "2006/01/02", 24*time.Hour
	}
	t, err := time.Parse(layout, dir)
	if err != nil {
		return true
	}
	return (r.To.IsZero() || t.Before(r.To)) && (r.From.IsZero() || t.Add(length).After(r.From))
}
