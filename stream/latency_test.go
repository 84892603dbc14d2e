package stream

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

func TestLatency(t *testing.T) {
	assert.Zero(t, Latency{}.Quantile(0.99))
	rng := rand.New(rand.NewPCG(1, 2))
	var l Latency
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rng.ExpFloat64()*float64(time.Minute)).Truncate(time.Millisecond) - time.Second
		l.add(d)
		all = append(all, max(d, 0))
	}
	slices.Sort(all)
	require.EqualValues(t, 10_000, l.Count())
	assert.Equal(t, all[len(all)-1], l.Max())
	assert.Equal(t, l.Max(), l.Quantile(1))
	for _, part := range []float64{0.01, 0.1, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(part*float64(len(all)))-1]
		assert.InEpsilon(t, want+time.Millisecond, l.Quantile(part)+time.Millisecond, 0.032, part)
		assert.GreaterOrEqual(t, l.Quantile(part), want)
	}
}

func TestLatencyBuckets(t *testing.T) {
	last := -1
	for i := range 40 * perDoubling {
		end := bucketEnd(i)
		require.Equal(t, i, bucketOf(end))
		require.Equal(t, i, bucketOf(int64(last)+1))
		last = int(end)
	}
}

// Latency is measured from a message's own time to the publication of its batch,
// for messages that have a time.
func TestProgressLatency(t *testing.T) {
	b := NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	readable := time.UnixMilli(1_700_000_000_000)
	for _, ago := range []time.Duration{time.Second, 3 * time.Second, -time.Second} {
		b.Append(Message{Time: readable.Add(-ago)})
	}
	b.Append(Message{})
	r := b.NewRecord()
	defer r.Release()
	fates := []fate{fateWritten, fateWritten, fateWritten, fateWritten}
	times := appendTimes(nil, r, fates)
	require.Len(t, times, 3)

	var m meter
	m.begin()
	fates[0] = fateRejected
	require.Len(t, appendTimes(nil, r, fates), 2, "of the messages that were written")
	m.staged(stagedBatch{token: "mine", times: times})
	m.published(&ledger.Commit{Token: "mine"}, readable)
	l := m.now().Latency
	assert.EqualValues(t, 3, l.Count())
	assert.Equal(t, 3*time.Second, l.Max())
	assert.InEpsilon(t, time.Second, l.Quantile(0.5), 0.032)
	l.add(time.Hour)
	assert.EqualValues(t, 3, m.now().Latency.Count(), "a copy")
}

// Times may be in any of the years 1 to 9999, and durations end at 292 years.
func TestLatencyOfFarTimes(t *testing.T) {
	for year, want := range map[int]time.Duration{1: 1<<63 - 1, 1735: 1 << 62, 2026: 0, 2400: 0, 9999: 0} {
		m := &meter{stagedBatch: stagedBatch{times: []arrow.Timestamp{arrow.Timestamp(time.Date(year, 12, 1, 0, 0, 0, 0, time.UTC).UnixMilli())}}}
		m.decided(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		assert.GreaterOrEqual(t, m.p.Latency.Max(), want, year)
		if want == 0 {
			assert.Zero(t, m.p.Latency.Max(), year)
		}
	}
}

// A histogram is made of Within, and recent quantiles of Since.
func TestLatencyParts(t *testing.T) {
	var l Latency
	for i := range 1000 {
		l.add(time.Duration(i) * 10 * time.Millisecond)
	}
	assert.InDelta(t, 501, l.Within(5*time.Second), 16)
	assert.EqualValues(t, 1000, l.Within(time.Hour))
	assert.EqualValues(t, 1, l.Within(0))
	assert.Equal(t, 4995*time.Second, l.Sum())
	before := l.Plus(Latency{})
	for range 10 {
		l.add(time.Minute)
	}
	recent := l.Since(before)
	assert.EqualValues(t, 10, recent.Count())
	assert.Equal(t, 10*time.Minute, recent.Sum())
	assert.InEpsilon(t, time.Minute, recent.Quantile(0.01), 0.032)
	assert.EqualValues(t, 1000, before.Count(), "a copy")
	assert.Equal(t, l, before.Plus(recent).Plus(Latency{max: l.max}))
	assert.Zero(t, l.Since(l).Max())
	l.add(1<<63 - 1)
	l.add(1<<63 - 1)
	assert.EqualValues(t, 1<<63-1, l.Sum(), "no overflow")
}

func TestEventTimes(t *testing.T) {
	for _, unit := range []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond} {
		b := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: unit})
		b.Append(arrow.Timestamp(7 * time.Second / unit.Multiplier()))
		b.AppendNull()
		col := b.NewArray()
		r := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "event_time", Type: col.DataType()}}, nil), []arrow.Array{col}, 2)
		assert.Equal(t, []arrow.Timestamp{7000}, appendEventTimes(nil, r), unit)
		assert.Empty(t, appendTimes(nil, r, make([]fate, 2)))
	}
}
