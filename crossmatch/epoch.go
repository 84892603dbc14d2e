package crossmatch

import (
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

const (
	secondsPerYear = 365.25 * 86400 // Julian
	j2000          = 946_728_000    // Unix time of 2000-01-01 12:00
	j2000JD        = 2_451_545
	mjdZero        = 2_400_000.5 // JD
)

// JulianYear returns a time in the unit of Positions.Epoch: 2000 + (JD - 2451545) /
// 365.25 (Lieske, Astronomy and Astrophysics 73, 282, 1979). It treats UTC as TT,
// an error of about a minute, or 2e-6 years.
func JulianYear(t time.Time) float64 {
	return julianYear(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

func julianYear(unix float64) float64 { return 2000 + (unix-j2000)/secondsPerYear }

// julianYearOf returns the Julian year of a number that is a Julian year, an MJD or a
// JD, depending on its size; NaN for other numbers.
func julianYearOf(x float64) float64 {
	switch {
	case x >= 1000 && x <= 3000:
		return x
	case x >= 10_000 && x <= 100_000:
		return 2000 + (x+(mjdZero-j2000JD))/365.25
	case x >= 2_400_000 && x <= 2_500_000:
		return 2000 + (x-j2000JD)/365.25
	}
	return math.NaN()
}

// epochs returns the Julian years of a column of times, with NaN for nulls.
func epochs(column arrow.Array) []float64 {
	out := make([]float64, column.Len())
	switch a := column.(type) {
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		perSecond := float64(time.Second / unit.Multiplier())
		for i, v := range a.TimestampValues() {
			out[i] = julianYear(float64(v) / perSecond)
		}
	case *array.Float64:
		for i, v := range a.Float64Values() {
			out[i] = julianYearOf(v)
		}
	case *array.Int64:
		for i, v := range a.Int64Values() {
			out[i] = julianYearOf(float64(v))
		}
	}
	setNaN(out, column)
	return out
}

// setNaN sets the values that are null in a column to NaN.
func setNaN(values []float64, column arrow.Array) {
	if len(column.NullBitmapBytes()) == 0 {
		return
	}
	for i := range values {
		if column.IsNull(i) {
			values[i] = math.NaN()
		}
	}
}
