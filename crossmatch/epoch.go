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

// JulianYear returns a time as Positions.Epoch has it: 2000 + (JD - 2451545) /
// 365.25 (Lieske, Astronomy and Astrophysics 73, 282, 1979). UTC stands for TT,
// from which it differs by about a minute, or 2e-6 years.
func JulianYear(t time.Time) float64 {
	return julianYear(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

func julianYear(unix float64) float64 { return 2000 + (unix-j2000)/secondsPerYear }

// epochOf returns the Julian year that a number means by its size; NaN: none.
func epochOf(x float64) float64 {
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

// epochs returns the Julian years of a column of times, and NaN for nulls.
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
			out[i] = epochOf(v)
		}
	case *array.Int64:
		for i, v := range a.Int64Values() {
			out[i] = epochOf(float64(v))
		}
	}
	if len(column.NullBitmapBytes()) > 0 {
		for i := range out {
			if column.IsNull(i) {
				out[i] = math.NaN()
			}
		}
	}
	return out
}
