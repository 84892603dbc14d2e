package alert

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exactMicros is Micros in rational arithmetic, without its limits.
func exactMicros(s TimeScale, v float64) int64 {
	x := new(big.Rat).SetFloat64(v)
	x.Sub(x, new(big.Rat).SetFloat64(map[TimeScale]float64{JDUTC: 2440587.5, MJDUTC: 40587, MJDTAI: 40587}[s]))
	x.Mul(x, big.NewRat(86_400_000_000, 1))
	us := roundEven(x)
	if s == MJDTAI {
		ahead := int64(leapSeconds[0].ahead)
		for _, l := range leapSeconds {
			utc := time.Unix((l.mjd-40587)*86400, 0)
			if us >= utc.Add(time.Duration(l.ahead)*time.Second).UnixMicro() {
				ahead = l.ahead
			}
		}
		us -= ahead * 1_000_000
	}
	return us
}

func roundEven(x *big.Rat) int64 {
	q, r := new(big.Int).DivMod(x.Num(), x.Denom(), new(big.Int))
	c := r.Lsh(r, 1).Cmp(x.Denom())
	if c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64()
}

// checkMicros compares one value with the exact result, limits included.
func checkMicros(t *testing.T, s TimeScale, v float64) {
	t.Helper()
	got, err := s.Micros(v)
	sane := math.Abs(v) < 1e9
	var want int64
	if sane {
		want = exactMicros(s, v)
		year := time.UnixMicro(want).UTC().Year()
		sane = 1990 <= year && year < 2100
	}
	if !sane {
		var e *TimeError
		require.ErrorAs(t, err, &e, "%v of %v", s, v)
		require.Zero(t, got)
		return
	}
	require.NoError(t, err, "%v of %v", s, v)
	require.Equal(t, want, got, "%v of %v", s, v)
}

func TestMicrosExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 20_000
	for s := JDUTC; s <= MJDTAI; s++ {
		for range n {
			v := s.epoch() + day1990 - 1 + rng.Float64()*(day2100-day1990+2)
			checkMicros(t, s, v)
		}
		for range n / 10 { // about whole hours, and on them
			v := s.epoch() + float64(day1990*24+rng.IntN((day2100-day1990)*24))/24
			if s == MJDTAI {
				v += 37.0 / 86400
			}
			checkMicros(t, s, v)
			checkMicros(t, s, math.Nextafter(v, 0))
			checkMicros(t, s, math.Nextafter(v, math.Inf(1)))
		}
	}
}

// Doubles halfway between two microseconds are rare, so they are constructed.
func TestMicrosHalves(t *testing.T) {
	halves := 0
	for _, s := range []TimeScale{JDUTC, MJDUTC, MJDTAI} {
		for k := range 4096 {
			// 2⁻¹⁴ of a day is 5273437.5 µs, and the only power of two that ends so.
			v := s.epoch() + 17000 + float64(k)/(1<<14)
			x := new(big.Rat).SetFloat64(v - s.epoch())
			x.Mul(x, big.NewRat(86_400_000_000, 1))
			if x.Denom().Int64() == 2 {
				halves++
			}
			checkMicros(t, s, v)
		}
	}
	assert.Equal(t, 3*2048, halves)
}

func TestMicrosHourEdges(t *testing.T) {
	const lsst = 60924.25 // 2025-09-06 06:00 on the scale's clock
	for _, c := range []struct {
		name  string
		scale TimeScale
		v     float64
		want  string
	}{
		{"ztf at", JDUTC, 2458451.75, "2018-11-29 06:00:00.000000"},
		{"ztf before", JDUTC, 2458451.7499999995, "2018-11-29 05:59:59.999960"},
		{"decam at", MJDUTC, lsst, "2025-09-06 06:00:00.000000"},
		{"lsst, TAI read as UTC", MJDTAI, lsst, "2025-09-06 05:59:23.000000"},
		{"lsst before", MJDTAI, lsst + 36.5/86400, "2025-09-06 05:59:59.500000"},
		{"lsst at", MJDTAI, lsst + 37.0/86400, "2025-09-06 06:00:00.000000"},
		{"lsst after", MJDTAI, lsst + 37.5/86400, "2025-09-06 06:00:00.500000"},
		{"36 s in 2016", MJDTAI, 57753.5, "2016-12-31 11:59:24.000000"},
		{"first", MJDUTC, 47892, "1990-01-01 00:00:00.000000"},
		{"first, TAI", MJDTAI, 47892 + 25.0/86400, "1990-01-01 00:00:00.000000"},
		{"last", MJDUTC, math.Nextafter(88069, 0), "2099-12-31 23:59:59.999999"},
		{"last, TAI", MJDTAI, 88069 + 36.5/86400, "2099-12-31 23:59:59.499999"}, // as near as doubles come
	} {
		us, err := c.scale.Micros(c.v)
		require.NoError(t, err, c.name)
		got := time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05.000000")
		assert.Equal(t, c.want, got, c.name)
	}
}

func TestMicrosRejects(t *testing.T) {
	for _, c := range []struct {
		scale TimeScale
		v     float64
		text  string
	}{
		{JDUTC, math.NaN(), "event time NaN"},
		{MJDTAI, math.Float64frombits(0xfff0_0000_0000_0001), "event time NaN"},
		{JDUTC, math.Inf(1), "event time infinite"},
		{MJDTAI, math.Inf(-1), "event time infinite"},
		{JDUTC, 0, "event time before 1990"},
		{MJDTAI, math.Copysign(0, -1), "event time before 1990"},
		{MJDUTC, -1, "event time before 1990"},
		{JDUTC, -999, "event time before 1990"},
		{JDUTC, 5e-324, "event time before 1990"},
		{JDUTC, 58451.25, "event time before 1990"},
		{JDUTC, 2440587.5, "event time before 1990"},
		{JDUTC, 1.7e9, "event time after 2099"},
		{JDUTC, 1e300, "event time after 2099"},
		{MJDTAI, 2460961.75, "event time after 2099"},
		{MJDTAI, 124593, "event time after 2099"},
		{MJDUTC, math.MaxFloat64, "event time after 2099"},
		{MJDUTC, -math.MaxFloat64, "event time before 1990"},
		{MJDUTC, math.Nextafter(47892, 0), "event time before 1990"},
		{MJDTAI, 47892 + 23.5/86400, "event time before 1990"},
		{MJDUTC, 88069, "event time after 2099"},
		{MJDTAI, 88069 + 37.0/86400, "event time after 2099"},
	} {
		us, err := c.scale.Micros(c.v)
		assert.EqualError(t, err, c.text, "%v of %v", c.scale, c.v)
		assert.Zero(t, us)
		var e *TimeError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, math.Float64bits(c.v), math.Float64bits(e.Value))
		assert.Equal(t, c.scale, e.Scale)
	}
}

func TestLeapSeconds(t *testing.T) {
	for i, l := range leapSeconds {
		utc := time.Unix((l.mjd-40587)*86400, 0).UTC()
		assert.Equal(t, 1, utc.Day(), utc)
		assert.Contains(t, []time.Month{time.January, time.July}, utc.Month(), utc)
		assert.Equal(t, leapSeconds[0].ahead+int64(i), l.ahead, "each is one second")
		tai := utc.UnixMicro() + l.ahead*second
		assert.Equal(t, l.ahead*second, taiAhead(tai))
		assert.Equal(t, max(10, l.ahead-1)*second, taiAhead(tai-1))
		if i > 0 {
			assert.Greater(t, l.mjd, leapSeconds[i-1].mjd)
		}
	}
	assert.EqualValues(t, 10*second, taiAhead(math.MinInt64))
}

// The last microseconds of 2016 by TAI, through the leap second.
func TestLeapSecondRepeats(t *testing.T) {
	utc := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for tai, want := range map[int64]int64{
		utc + 36*second - 1: utc - 1,          // 23:59:59.999999
		utc + 36*second:     utc,              // 23:59:60
		utc + 37*second - 1: utc + second - 1, // 23:59:60.999999
		utc + 37*second:     utc,              // 00:00:00
	} {
		assert.Equal(t, want, tai-taiAhead(tai))
	}
}

func TestTimeScaleString(t *testing.T) {
	assert.Equal(t, "JD UTC MJD UTC MJD TAI TimeScale(3)",
		JDUTC.String()+" "+MJDUTC.String()+" "+MJDTAI.String()+" "+TimeScale(3).String())
}

func TestMicrosAllocates(t *testing.T) {
	r := LSST().Night
	var sum int32
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		us, _ := MJDTAI.Micros(60924.25)
		sum += r.Date(us, 0)
	}))
	assert.NotZero(t, sum)
}

func FuzzMicros(f *testing.F) {
	f.Add(uint8(0), 2458451.75)
	f.Add(uint8(1), 60924.25)
	f.Add(uint8(2), 60924.25+37.0/86400)
	f.Add(uint8(2), math.NaN())
	f.Fuzz(func(t *testing.T, s uint8, v float64) {
		checkMicros(t, TimeScale(s%3), v)
	})
}

// benchTimes are as many times as two nights of a survey have, unpredictable
// to the branch predictor.
func benchTimes(s TimeScale) []float64 {
	rng := rand.New(rand.NewPCG(3, 4))
	v := make([]float64, 1<<12)
	for i := range v {
		v[i] = s.epoch() + 20337 + 2*rng.Float64()
	}
	return v
}

func BenchmarkMicros(b *testing.B) {
	for s := JDUTC; s <= MJDTAI; s++ {
		b.Run(s.String(), func(b *testing.B) {
			v := benchTimes(s)
			b.ReportAllocs()
			var sum int64
			for i := 0; b.Loop(); i++ {
				us, err := s.Micros(v[i%len(v)])
				if err != nil {
					b.Fatal(err)
				}
				sum += us
			}
			_ = sum
		})
	}
}
