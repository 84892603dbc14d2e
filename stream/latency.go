package stream

import (
	"math/bits"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Latency is a distribution of times, to the millisecond or 3%. The zero value
// is empty.
type Latency struct {
	counts []int64 // by bucketOf
	total  int64
	most   time.Duration
}

// Count is how many times there are.
func (l Latency) Count() int64 { return l.total }

// Max is the longest time.
func (l Latency) Max() time.Duration { return l.most }

// Quantile returns the time within which a part of all were, from 0 to 1:
// Quantile(0.5) is the median. It is 0 when there are none.
func (l Latency) Quantile(part float64) time.Duration {
	rest := part * float64(l.total)
	for i, n := range l.counts {
		if rest -= float64(n); rest <= 0 && n > 0 {
			return min(time.Duration(bucketEnd(i))*time.Millisecond, l.most)
		}
	}
	return l.most
}

// add counts a time. Clocks differ between machines: one below zero counts as
// zero.
func (l *Latency) add(d time.Duration) {
	d = max(d, 0)
	i := bucketOf(d.Milliseconds())
	if i >= len(l.counts) {
		l.counts = append(l.counts, make([]int64, i+1-len(l.counts))...)
	}
	l.counts[i]++
	l.total++
	l.most = max(l.most, d)
}

// fine is how many buckets there are between a power of two and the next.
const fine = 32

// bucketOf numbers the buckets: one for each millisecond below 64, then
// 32 for each doubling.
func bucketOf(ms int64) int {
	shift := max(bits.Len64(uint64(ms))-6, 0)
	return shift*fine + int(ms>>shift)
}

// bucketEnd is the longest time in a bucket.
func bucketEnd(i int) int64 {
	shift := max(i/fine-1, 0)
	return int64(i-shift*fine+1)<<shift - 1
}

// appendTimes adds the times of messages by MessageSchema.
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
