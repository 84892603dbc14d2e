package stream

import (
	"math/bits"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Latency is a distribution of durations, accurate to a millisecond or 3%,
// whichever is more. The zero value is empty.
type Latency struct {
	counts []int64 // by bucketOf
	total  int64
	max    time.Duration
}

// Count returns the number of durations.
func (l Latency) Count() int64 { return l.total }

// Max returns the longest duration.
func (l Latency) Max() time.Duration { return l.max }

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
	l.max = max(l.max, d)
}

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

// appendTimes appends the times of messages with MessageSchema.
func appendTimes(times []arrow.Timestamp, r arrow.Record) []arrow.Timestamp {
	if !r.Schema().Equal(MessageSchema) {
		return times
	}
	col := r.Column(ColTime).(*array.Timestamp)
	for i, t := range col.TimestampValues() {
		if col.IsValid(i) {
			times = append(times, t)
		}
	}
	return times
}
