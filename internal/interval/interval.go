// Package interval keeps sets of integers, such as the offsets of a partition,
// as half-open intervals.
package interval

import (
	"iter"
	"slices"
)

// Interval is the half-open interval [From, To). It is empty if To <= From.
type Interval struct{ From, To int64 }

// Empty reports whether i holds no integer.
func (i Interval) Empty() bool { return i.To <= i.From }

// Len returns the number of integers in i.
func (i Interval) Len() int64 { return max(0, i.To-i.From) }

// Intersect returns what i and j have in common, or the zero Interval if that
// is empty.
func (i Interval) Intersect(j Interval) Interval {
	both := Interval{max(i.From, j.From), min(i.To, j.To)}
	if both.Empty() {
		return Interval{}
	}
	return both
}

// Set is a set of integers: disjoint intervals in ascending order that do not
// touch. The zero value is the empty set. Use Add to change a Set.
//
// A Set may hold one empty interval, which marks a position. The first interval
// that touches it replaces it.
type Set []Interval

// Add adds an interval, in place. It returns the first part of the interval that
// was in the set before, or the zero Interval. An empty interval becomes a mark
// if the set has no intervals, and is ignored otherwise.
func (s *Set) Add(added Interval) (overlap Interval) {
	if added.Empty() && len(*s) > 0 {
		return Interval{}
	}
	first := s.search(added.From)
	joined, end := added, first
	for ; end < len(*s) && (*s)[end].From <= joined.To; end++ {
		old := (*s)[end]
		if overlap.Empty() {
			overlap = old.Intersect(added)
		}
		joined = Interval{min(joined.From, old.From), max(joined.To, old.To)}
	}
	*s = slices.Replace(*s, first, end, joined)
	return overlap
}

// search returns the index of the first interval that ends at n or later.
func (s Set) search(n int64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(v Interval, n int64) int {
		if v.To < n {
			return -1
		}
		return 1
	})
	return i
}

// Contains reports whether n is in the set.
func (s Set) Contains(n int64) bool {
	i := s.search(n + 1)
	return i < len(s) && s[i].From <= n
}

// Overlaps yields the parts of i that are in the set, in ascending order.
func (s Set) Overlaps(i Interval) iter.Seq[Interval] {
	return func(yield func(Interval) bool) {
		for _, v := range s[s.search(i.From):] {
			if v.From >= i.To {
				return
			}
			if both := v.Intersect(i); !both.Empty() && !yield(both) {
				return
			}
		}
	}
}

// Gaps yields the parts of i that are not in the set, in ascending order.
func (s Set) Gaps(i Interval) iter.Seq[Interval] {
	return func(yield func(Interval) bool) {
		next := i.From
		for both := range s.Overlaps(i) {
			if gap := (Interval{next, both.From}); !gap.Empty() && !yield(gap) {
				return
			}
			next = both.To
		}
		if gap := (Interval{next, i.To}); !gap.Empty() {
			yield(gap)
		}
	}
}

// After returns the lowest integer >= n that is not in the set.
func (s Set) After(n int64) int64 {
	if i := s.search(n + 1); i < len(s) && s[i].From <= n {
		return s[i].To
	}
	return n
}

// End returns the end of the last interval, or 0 for a set without intervals.
func (s Set) End() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].To
}
