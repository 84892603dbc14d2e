package alert

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func yyyymmdd(t time.Time) int32 {
	y, m, d := t.UTC().Date()
	return int32(y*10000 + int(m)*100 + d)
}

func TestCivil(t *testing.T) {
	for days := int64(-200_000); days < 200_000; days++ {
		want := time.Unix(days*86400, 0).UTC()
		if want.Year() < 1 {
			continue // a negative year has no YYYYMMDD
		}
		if got := civil(days); got != yyyymmdd(want) {
			t.Fatalf("%v: got %d", want, got)
		}
	}
}

func TestNight(t *testing.T) {
	visit := NightRule{Noon: true, Visit: "diaSource.visit"}
	for _, c := range []struct {
		name  string
		rule  NightRule
		time  string
		visit int64
		want  int32
	}{
		{"UTC date", NightRule{}, "2025-09-06T00:00:00Z", 0, 20250906},
		{"UTC date, last", NightRule{}, "2025-09-06T23:59:59.999999Z", 0, 20250906},
		{"evening in Chile", NightRule{Noon: true}, "2025-09-05T23:30:00Z", 0, 20250905},
		{"morning in Chile", NightRule{Noon: true}, "2025-09-06T09:30:00Z", 0, 20250905},
		{"before noon", NightRule{Noon: true}, "2025-09-06T11:59:59.999999Z", 0, 20250905},
		{"noon", NightRule{Noon: true}, "2025-09-06T12:00:00Z", 0, 20250906},
		{"new year", NightRule{Noon: true}, "2025-01-01T03:00:00Z", 0, 20241231},
		{"leap day", NightRule{Noon: true}, "2024-03-01T03:00:00Z", 0, 20240229},
		{"visit", visit, "2025-09-06T12:00:00Z", 2025090500227, 20250905},
		{"visit, first", visit, "2025-09-06T12:00:00Z", 1990010100000, 19900101},
		{"visit, last", visit, "2025-09-06T12:00:00Z", 2099123199999, 20991231},
		{"visit, leap day", visit, "2025-09-06T12:00:00Z", 2024022900001, 20240229},
		{"visit of 13 digits without a date", visit, "2025-09-06T03:00:00Z", 9999999999999, 20250905},
		{"visit, month 13", visit, "2025-09-06T03:00:00Z", 2026133200001, 20250905},
		{"visit, no leap day", visit, "2025-09-06T03:00:00Z", 2025022900001, 20250905},
		{"visit, before all event times", visit, "2025-09-06T03:00:00Z", 1989123199999, 20250905},
		{"visit, day 0", visit, "2025-09-06T03:00:00Z", 2025090000001, 20250905},
		{"visit too short", visit, "2025-09-06T03:00:00Z", 1e12 - 1, 20250905},
		{"visit too long", visit, "2025-09-06T03:00:00Z", 1e13, 20250905},
		{"visit huge", visit, "2025-09-06T03:00:00Z", math.MaxInt64, 20250905},
		{"visit negative", visit, "2025-09-06T03:00:00Z", -2025090500227, 20250905},
		{"no visit", visit, "2025-09-06T03:00:00Z", 0, 20250905},
		{"visit of a rule without Visit", NightRule{}, "2025-09-06T03:00:00Z", 2025090500227, 20250906},
	} {
		at, err := time.Parse(time.RFC3339Nano, c.time)
		require.NoError(t, err)
		assert.Equal(t, c.want, c.rule.Date(at.UnixMicro(), c.visit), c.name)
	}
}

// TestNightOfVisitIsDate compares all possible nights with the calendar: the sink
// refuses others.
func TestNightOfVisitIsDate(t *testing.T) {
	for n := int64(0); n < 1e8; n++ {
		if n%10000 > 1300 {
			n += 10000 - n%10000
		}
		at := time.Date(int(n/10000), time.Month(n/100%100), int(n%100), 0, 0, 0, 0, time.UTC)
		want := n/10000 >= 1990 && n/10000 < 2100 && int64(yyyymmdd(at)) == n
		if isNight(n) != want {
			t.Fatal(n)
		}
	}
}

func BenchmarkNight(b *testing.B) {
	v := benchTimes(MJDTAI)
	us := make([]int64, len(v))
	for i := range v {
		us[i], _ = MJDTAI.Micros(v[i])
	}
	r := NightRule{Noon: true}
	b.ReportAllocs()
	var sum int32
	for i := 0; b.Loop(); i++ {
		sum += r.Date(us[i%len(us)], 0)
	}
	_ = sum
}
