package stream

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Latency is a distribution of durations, accurate to a millisecond or 3%,
// whichever is more. The zero value is empty.
type Latency struct {
	counts []int64 // by bucketOf
	total  int64
	sum    time.Duration
	max    time.Duration
}

// Count returns the number of durations.
func (l Latency) Count() int64 { return l.total }

// Max returns the longest duration.
func (l Latency) Max() time.Duration { return l.max }

// Sum returns the sum of the durations, at most 292 years.
func (l Latency) Sum() time.Duration { return l.sum }

// Within returns the number of durations that did not exceed d, with the accuracy
// of the distribution.
func (l Latency) Within(d time.Duration) (n int64) {
	for i, k := range l.counts {
		if bucketEnd(i) > d.Milliseconds() {
			break
		}
		n += k
	}
	return n
}

// Plus returns the distribution of the durations of both.
func (l Latency) Plus(o Latency) Latency {
	if len(l.counts) < len(o.counts) {
		l, o = o, l
	}
	out := Latency{slices.Clone(l.counts), l.total + o.total, add(l.sum, o.sum), max(l.max, o.max)}
	for i, n := range o.counts {
		out.counts[i] += n
	}
	return out
}

// Since returns the durations that were added after the earlier state o of the
// distribution. Their Max is that of the bucket of the longest.
func (l Latency) Since(o Latency) Latency {
	out := Latency{slices.Clone(l.counts), l.total - o.total, l.sum - o.sum, 0}
	for i, n := range o.counts {
		out.counts[i] -= n
	}
	for i := len(out.counts) - 1; i >= 0 && out.max == 0; i-- {
		if out.counts[i] > 0 {
			out.max = min(time.Duration(bucketEnd(i))*time.Millisecond, l.max)
		}
	}
	return out
}

// Quantile returns the duration that a fraction q of all, from 0 to 1, did not
// exceed: Quantile(0.5) is the median. It returns 0 if there are none.
func (l Latency) Quantile(q float64) time.Duration {
	rest := q * float64(l.total)
	for i, n := range l.counts {
		if rest -= float64(n); rest <= 0 && n > 0 {
			return min(time.Duration(bucketEnd(i))*time.Millisecond, l.max)
		}
	}
	return l.max
}

// add counts a duration. Clocks differ between machines: a negative one counts
// as zero.
func (l *Latency) add(d time.Duration) {
	d = max(d, 0)
	i := bucketOf(d.Milliseconds())
	if i >= len(l.counts) {
		l.counts = append(l.counts, make([]int64, i+1-len(l.counts))...)
	}
	l.counts[i]++
	l.total++
	l.sum = add(l.sum, d)
	l.max = max(l.max, d)
}

// add returns a + b, of durations that are not negative, or the longest Duration.
func add(a, b time.Duration) time.Duration { return min(a, math.MaxInt64-b) + b }

// perDoubling is the number of buckets from one power of two to the next.
const perDoubling = 32

// bucketOf returns the bucket of a duration: one for each millisecond below 64,
// then 32 for each doubling.
func bucketOf(ms int64) int {
	shift := max(bits.Len64(uint64(ms))-6, 0)
	return shift*perDoubling + int(ms>>shift)
}

// bucketEnd returns the longest duration in a bucket, in milliseconds.
func bucketEnd(i int) int64 {
	shift := max(i/perDoubling-1, 0)
	return int64(i-shift*perDoubling+1)<<shift - 1
}

// timeColumn holds the times of messages.
type timeColumn struct {
	*array.Timestamp
	unit arrow.TimeUnit
}

// messageTimes returns the times of a record's messages: its column time, as in
// MessageSchema, or kafka_time, as in decoded rows. It returns nil if there is no
// such column of timestamps.
func messageTimes(r arrow.Record) *timeColumn {
	if r == nil {
		return nil
	}
	for _, name := range []string{"time", "kafka_time"} {
		if col, ok := Field(r, name).(*array.Timestamp); ok {
			return &timeColumn{col, col.DataType().(*arrow.TimestampType).Unit}
		}
	}
	return nil
}

// at returns the time of a message, and whether it has one.
func (c *timeColumn) at(row int) (time.Time, bool) {
	if c.IsNull(row) {
		return time.Time{}, false
	}
	return c.Value(row).ToTime(c.unit), true
}

// appendTimes appends the times of the messages that were written, in milliseconds.
func appendTimes(times []arrow.Timestamp, r arrow.Record, fates []fate) []arrow.Timestamp {
	col := messageTimes(r)
	if col == nil {
		return times
	}
	for i, t := range col.TimestampValues() {
		if col.IsNull(i) || fates[i] != fateWritten {
			continue
		}
		if col.unit != arrow.Millisecond {
			t = arrow.Timestamp(t.ToTime(col.unit).UnixMilli())
		}
		times = append(times, t)
	}
	return times
}

// appendEventTimes appends the column event_time of rows, in milliseconds, if they
// have one.
func appendEventTimes(times []arrow.Timestamp, r arrow.Record) []arrow.Timestamp {
	col, ok := Field(r, "event_time").(*array.Timestamp)
	if !ok {
		return times
	}
	perMilli := arrow.Timestamp(time.Millisecond / max(col.DataType().(*arrow.TimestampType).Unit.Multiplier(), 1))
	for i, t := range col.TimestampValues() {
		switch {
		case col.IsNull(i):
		case perMilli > 0:
			times = append(times, t/perMilli)
		default:
			times = append(times, t*1000) // seconds
		}
	}
	return times
}
