package monitor

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

// slot is what a job did in a period of the history. All of it can be added up, so
// that periods, and processes, become one.
type slot struct {
	up                                     time.Duration // how long it was watched
	in                                     int64         // messages that the source yielded
	read, written, rejected, dropped, lost int64
	bytes, bytesIn, batches, retries       int64
	lag                                    int64         // the greatest, in messages; −1 if unknown
	lagAge                                 time.Duration // the greatest; −1 if unknown
	busy                                   [nStages]time.Duration
	latency                                [nLatencies]int64 // alerts by latency
}

const (
	nStages    = 7  // as in stages
	nLatencies = 48 // from 10 ms to 46 h
)

func newSlot() *slot { return &slot{lag: -1, lagAge: -1} }

// latencyBounds are the bounds of slot.latency: two for each doubling.
var latencyBounds = func() (b [nLatencies]time.Duration) {
	for i := range b {
		b[i] = time.Duration(float64(10*time.Millisecond) * math.Pow(2, float64(i)/2))
	}
	return b
}()

// add adds another period of the same process, or a later one.
func (s *slot) add(o *slot) {
	s.up += o.up
	s.lag, s.lagAge = max(s.lag, o.lag), max(s.lagAge, o.lagAge)
	s.addCounts(o)
}

func (s *slot) addCounts(o *slot) {
	s.in += o.in
	s.read += o.read
	s.written += o.written
	s.rejected += o.rejected
	s.dropped += o.dropped
	s.lost += o.lost
	s.bytes += o.bytes
	s.bytesIn += o.bytesIn
	s.batches += o.batches
	s.retries += o.retries
	for i, d := range o.busy {
		s.busy[i] += d
	}
	for i, n := range o.latency {
		s.latency[i] += n
	}
}

// join adds the same period of another process: lags of messages add up.
func (s *slot) join(o *slot) {
	s.up = max(s.up, o.up)
	switch {
	case s.lag < 0:
		s.lag = o.lag
	case o.lag >= 0:
		s.lag += o.lag
	}
	s.lagAge = max(s.lagAge, o.lagAge)
	s.addCounts(o)
}

// addLatency adds the alerts of a distribution.
func (s *slot) addLatency(l stream.Latency) {
	below := int64(0)
	for i, b := range latencyBounds {
		n := l.Within(b)
		s.latency[i] += n - below
		below = n
	}
	s.latency[nLatencies-1] += l.Count() - below
}

// quantile returns the latency that a fraction of the alerts did not exceed, within
// 20%, and whether there are alerts.
func (s *slot) quantile(q float64) (time.Duration, bool) {
	total := int64(0)
	for _, n := range s.latency {
		total += n
	}
	if total == 0 {
		return 0, false
	}
	rest := q * float64(total)
	for i, n := range s.latency {
		if rest -= float64(n); n > 0 && rest <= 0 {
			return time.Duration(float64(latencyBounds[i]) * math.Pow(2, -0.25)), true // the middle
		}
	}
	return latencyBounds[nLatencies-1], true
}

// numbers returns the fields that are encoded as numbers, in their order on disk,
// which must not change: new ones are appended.
func (s *slot) numbers() []*int64 {
	n := []*int64{
		(*int64)(&s.up), &s.in, &s.read, &s.written, &s.rejected, &s.dropped, &s.lost, &s.bytes, &s.bytesIn, &s.batches, &s.retries,
		&s.lag, (*int64)(&s.lagAge),
	}
	for i := range s.busy {
		n = append(n, (*int64)(&s.busy[i]))
	}
	return n
}

// appendSlot encodes a slot: the numbers as varints, those that are durations in
// milliseconds, then pairs of a latency's number and its alerts.
func appendSlot(b []byte, s *slot) []byte {
	c := *s
	c.scale(func(d time.Duration) time.Duration {
		if d < 0 {
			return -1
		}
		return time.Duration(d.Milliseconds())
	})
	numbers := c.numbers()
	b = binary.AppendUvarint(b, uint64(len(numbers)))
	for _, n := range numbers {
		b = binary.AppendVarint(b, *n)
	}
	for i, n := range c.latency {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(i))
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}

// scale converts the durations.
func (s *slot) scale(f func(time.Duration) time.Duration) {
	s.up, s.lagAge = f(s.up), f(s.lagAge)
	for i, d := range s.busy {
		s.busy[i] = f(d)
	}
}

// maxAlerts bounds the alerts of a latency, so that sums do not overflow.
const maxAlerts = 1 << 50

var errDamaged = errors.New("monitor: a damaged block of the history")

// parseSlot decodes a slot.
func parseSlot(b []byte) (*slot, error) {
	s := newSlot()
	count, k := binary.Uvarint(b)
	if k <= 0 || count > 1000 {
		return nil, errDamaged
	}
	b = b[k:]
	numbers := s.numbers()
	for i := range int(count) {
		v, k := binary.Varint(b)
		if k <= 0 || v < -1 {
			return nil, errDamaged
		}
		if i < len(numbers) { // a newer version may have more
			*numbers[i] = v
		}
		b = b[k:]
	}
	for next := uint64(0); len(b) > 0; {
		i, k := binary.Uvarint(b)
		if k <= 0 || i < next {
			return nil, errDamaged
		}
		n, l := binary.Uvarint(b[k:])
		if l <= 0 || n == 0 || n > maxAlerts {
			return nil, errDamaged
		}
		s.latency[min(i, nLatencies-1)] += int64(n)
		b, next = b[k+l:], i+1
	}
	s.scale(func(d time.Duration) time.Duration {
		if d < 0 {
			return -1
		}
		return min(d, math.MaxInt64/time.Millisecond) * time.Millisecond
	})
	return s, nil
}
