package alert

import (
	"fmt"
	"math"
)

// Times in microseconds, and days since 1970-01-01.
const (
	second = 1_000_000
	hour   = 3600 * second
	day    = 24 * hour

	jd1970  = 2440587.5
	mjd1970 = 40587

	day1990 = 7305
	day2100 = 47482
)

// TimeScale is the time scale and epoch of the number in a packet's time field.
type TimeScale uint8

// The time scales of alerts.
const (
	JDUTC  TimeScale = iota // Julian date of UTC
	MJDUTC                  // modified Julian date, JD − 2400000.5, of UTC
	MJDTAI                  // modified Julian date of TAI, ahead of UTC by the leap seconds
)

// String returns the scale's name.
func (s TimeScale) String() string {
	switch s {
	case JDUTC:
		return "JD UTC"
	case MJDUTC:
		return "MJD UTC"
	case MJDTAI:
		return "MJD TAI"
	}
	return fmt.Sprintf("TimeScale(%d)", uint8(s))
}

func (s TimeScale) valid() bool { return s <= MJDTAI }

// epoch returns the number of 1970-01-01 00:00 in the scale.
func (s TimeScale) epoch() float64 {
	if s == JDUTC {
		return jd1970
	}
	return mjd1970
}

// TimeError reports that an event time is NaN, infinite or out of range. Its text
// omits the number, so that causes of rejection can be counted by text.
type TimeError struct {
	Value float64
	Scale TimeScale
}

// Error returns one of four texts: NaN, infinite, too early, too late.
func (e *TimeError) Error() string {
	switch {
	case math.IsNaN(e.Value):
		return "event time NaN"
	case math.IsInf(e.Value, 0):
		return "event time infinite"
	case e.Value < e.Scale.epoch()+(day1990+day2100)/2:
		return "event time before 1990"
	}
	return "event time after 2099"
}

// Micros returns the time v as microseconds of UTC since 1970-01-01, not counting
// leap seconds. The result is exact: the value of v rounded once to the nearest
// microsecond, halves to even. (A double JD resolves 40 µs, an MJD 0.6 µs.)
//
// The error is a [*TimeError] if v is NaN, infinite or outside 1990 ≤ t < 2100.
func (s TimeScale) Micros(v float64) (us int64, err error) {
	// The difference is exact: the epoch is a multiple of v's last bit, and the
	// difference is smaller than v. NaN fails the comparison.
	d := v - s.epoch()
	if !(d > day1990-1 && d < day2100+1) {
		return 0, &TimeError{v, s}
	}
	us = daysToMicros(d)
	if s == MJDTAI {
		us -= taiAhead(us)
	}
	if us < day1990*day || us >= day2100*day {
		return 0, &TimeError{v, s}
	}
	return us, nil
}

// daysToMicros multiplies by 86,400,000,000 and rounds once, halves to even.
// It is exact for 0 ≤ d < 65536 with no bit below 2⁻³⁷, which holds for the
// difference of any MJD from 32768 on, or any JD, to its 1970: the product with
// 2³⁷ is a whole number below 2⁵³, its fraction of a day has 37 bits, and
// 86.4·10⁹ = 2¹³ · 10,546,875 needs 24 more, which leaves room in 64.
func daysToMicros(d float64) int64 {
	const bits, odd, shift = 37, day >> 13, 37 - 13
	n := int64(d * (1 << bits))
	x := (n & (1<<bits - 1)) * odd
	x += (1<<(shift-1) - 1) + (x>>shift)&1
	return (n>>bits)*day + x>>shift
}
