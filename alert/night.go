package alert

import (
	"time"

	"github.com/skyfinch/skyfinch/internal/floor"
)

// NightRule determines an alert's observing night. The zero value is the UTC date
// of the event time.
type NightRule struct {
	// Noon makes nights last from noon to noon UTC: the date of UTC − 12 h. A
	// night in Chile, which spans two UTC dates, has the date on which it begins.
	Noon bool

	// Visit, if not empty, is the path of a number whose first eight digits are
	// the night if it has 13 digits, YYYYMMDDnnnnn, and they are a date in the
	// years 1990 to 2099. Other numbers are ignored.
	Visit string
}

// Date returns the night as the number YYYYMMDD. us is the event time in
// microseconds of UTC since 1970-01-01, and visit the number at Visit or 0.
func (r NightRule) Date(us, visit int64) int32 {
	if r.Visit != "" && isNight(visit/1e5) {
		return int32(visit / 1e5)
	}
	if r.Noon {
		us -= 12 * hour
	}
	return civil(floor.Div(us, day))
}

// isNight reports whether n is a date, YYYYMMDD, in the years of valid event times.
func isNight(n int64) bool {
	y, m, d := int(n/10000), time.Month(n/100%100), int(n%100)
	if y < 1990 || y > 2099 {
		return false
	}
	year, month, day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Date() // another date if there is no such day
	return year == y && month == m && day == d
}

// civil returns the date, YYYYMMDD, of a number of days since 1970-01-01. It uses
// years that begin in March, so the leap day is the last: Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
func civil(days int64) int32 {
	const (
		eraDays = 146097 // in 400 years
		march0  = 719468 // days from 0000-03-01 to 1970-01-01
	)
	days += march0
	era := floor.Div(days, eraDays)
	doe := days - era*eraDays
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153 // months from March
	d := doy - (153*mp+2)/5 + 1
	y, m := yoe+era*400, mp+3
	if m > 12 {
		y, m = y+1, m-12
	}
	return int32(y*10000 + m*100 + d)
}
