package interval_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/internal/interval"
)

func Example() {
	var s interval.Set
	s.Add(interval.Interval{From: 0, To: 10})
	s.Add(interval.Interval{From: 15, To: 20})
	for gap := range s.Gaps(interval.Interval{From: 5, To: 25}) {
		fmt.Println("gap", gap)
	}
	fmt.Println("overlap", s.Add(interval.Interval{From: 8, To: 15}), "set", s)
	// Output:
	// gap {10 15}
	// gap {20 25}
	// overlap {8 10} set [{0 20}]
}

// TestAgainstMap compares sets with maps of single integers.
func TestAgainstMap(t *testing.T) {
	const most = 40
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() interval.Interval {
		from := rng.Int64N(most)
		return interval.Interval{From: from, To: from + rng.Int64N(most-from)/3}
	}
	for range 2000 {
		var s interval.Set
		in := map[int64]bool{}
		for range rng.IntN(8) {
			added := random()
			held := integers(slices.Values([]interval.Interval{added}), func(n int64) bool { return in[n] })
			overlap := s.Add(added)
			if len(held) == 0 {
				assert.True(t, overlap.Empty())
			} else {
				assert.Equal(t, held[0], overlap.From)
				assert.Subset(t, held, integers(slices.Values([]interval.Interval{overlap}), nil))
			}
			for n := added.From; n < added.To; n++ {
				in[n] = true
			}
		}
		for i := 1; i < len(s); i++ {
			assert.Less(t, s[i-1].To, s[i].From, "they do not touch")
		}
		assert.LessOrEqual(t, len(slices.DeleteFunc(slices.Clone(s), func(i interval.Interval) bool { return !i.Empty() })), 1, "at most one mark")
		within := random()
		whole := slices.Values([]interval.Interval{within})
		assert.Equal(t, integers(whole, func(n int64) bool { return in[n] }), integers(s.Overlaps(within), nil))
		assert.Equal(t, integers(whole, func(n int64) bool { return !in[n] }), integers(s.Gaps(within), nil))
		for n := range int64(most) {
			assert.Equal(t, in[n], s.Contains(n), "%d in %v", n, s)
			after := n
			for in[after] {
				after++
			}
			assert.Equal(t, after, s.After(n), "%d in %v", n, s)
		}
	}
}

// integers lists the integers of intervals that keep accepts.
func integers(all func(func(interval.Interval) bool), keep func(int64) bool) (out []int64) {
	for i := range all {
		for n := i.From; n < i.To; n++ {
			if keep == nil || keep(n) {
				out = append(out, n)
			}
		}
	}
	return out
}

func TestMark(t *testing.T) {
	var s interval.Set
	s.Add(interval.Interval{From: 5, To: 5})
	assert.Equal(t, interval.Set{{From: 5, To: 5}}, s)
	assert.EqualValues(t, 5, s.End())
	assert.False(t, s.Contains(5))
	assert.Equal(t, []interval.Interval{{From: 0, To: 10}}, slices.Collect(s.Gaps(interval.Interval{From: 0, To: 10})))
	s.Add(interval.Interval{From: 8, To: 9})
	assert.Equal(t, interval.Set{{From: 5, To: 5}, {From: 8, To: 9}}, s)
	s.Add(interval.Interval{From: 5, To: 7})
	assert.Equal(t, interval.Set{{From: 5, To: 7}, {From: 8, To: 9}}, s)
	s.Add(interval.Interval{From: 6, To: 6})
	assert.Equal(t, interval.Set{{From: 5, To: 7}, {From: 8, To: 9}}, s)
}

func TestEnds(t *testing.T) {
	var s interval.Set
	assert.Zero(t, s.End())
	assert.Equal(t, []interval.Interval{{From: 3, To: math.MaxInt64}}, slices.Collect(s.Gaps(interval.Interval{From: 3, To: math.MaxInt64})))
	s.Add(interval.Interval{From: 3, To: math.MaxInt64})
	assert.True(t, s.Contains(math.MaxInt64-1))
	assert.EqualValues(t, math.MaxInt64, s.After(4))
	for range s.Overlaps(interval.Interval{From: 0, To: 9}) {
		break
	}
	assert.EqualValues(t, 6, interval.Interval{From: 3, To: 9}.Len())
	assert.Zero(t, interval.Interval{From: 3, To: 2}.Len())
}
