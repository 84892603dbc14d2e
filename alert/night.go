package alert

import "github.com/skyfinch/skyfinch/internal/floor"

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

// isNight reports whether a number is a date, YYYYMMDD, in the years of valid event
// times.
func isNight(n int64) bool {
	if n < 1990_01_01 || n > 2099_12_31 {
		return false
	}
	y, m, d := n/10000, n/100%100, n%100
	if m < 1 || m > 12 || d < 1 {
		return false
	}
	days := 30 + (m+m/8)%2
	if m == 2 {
		days = 28
		if y%4 == 0 { // 2000 is a leap year, too
			days = 29
		}
	}
	return d <= days
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
