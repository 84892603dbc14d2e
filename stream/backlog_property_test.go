package stream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// sky simulates a source that messages arrive at, and a process that archives
// them batch by batch.
type sky struct {
	rnd     *rand.Rand
	extents []Extent
	covered protocol.Coverage
	born    map[string][]int // by offset: before which batch a message arrived, -1 for the initial backlog
	lost    int64
}

func newSky(seed uint64) *sky {
	rnd := rand.New(rand.NewPCG(seed, 0))
	s := &sky{rnd: rnd, born: map[string][]int{}}
	for i := range 1 + rnd.IntN(6) {
		s.extents = append(s.extents, Extent{Range: Range{Partition: fmt.Sprint(i)}})
	}
	return s
}

// arrive adds n messages, unevenly distributed over the partitions.
func (s *sky) arrive(batch int, n int64) {
	for ; n > 0; n-- {
		i := min(s.rnd.IntN(len(s.extents)), s.rnd.IntN(len(s.extents)))
		e := &s.extents[i]
		e.To++
		s.born[e.Partition] = append(s.born[e.Partition], batch)
	}
}

// cursors returns the backlog cursor and the live cursor of each partition.
func (s *sky) cursors() (out []int64) {
	for _, e := range s.extents {
		next, _ := s.covered.Lowest(e.Partition)
		out = append(out, next, s.covered.Last(e.Partition))
	}
	return out
}

// backlogRows counts the offsets before the live cursors that are not settled.
func (s *sky) backlogRows() (n int64) {
	for _, e := range s.extents {
		for _, r := range s.covered.Free(e.Range) {
			if last := s.covered.Last(e.Partition); r.From < last {
				n += min(r.To, last) - r.From
			}
		}
	}
	return n
}

// batch plans a batch and archives it, whole or a prefix of each range. It
// returns the plan, and for each archived message the batch that it arrived
// before.
func (s *sky) batch(t *testing.T, l planInput, whole bool) (ranges []Range, born []int) {
	before := s.cursors()
	ranges, starts, _, err := choose(&s.covered, s.extents, l)
	require.NoError(t, err)
	var accounts []Account
	for _, r := range ranges {
		if !whole {
			r.To = r.From + s.rnd.Int64N(r.Len()+1)
		}
		if i := slices.IndexFunc(s.extents, func(e Extent) bool { return e.Partition == r.Partition }); r.From < s.extents[i].From {
			s.lost += max(0, min(r.To, s.extents[i].From)-r.From)
		}
		accounts = append(accounts, Account{Range: r})
		born = append(born, s.born[r.Partition][r.From:r.To]...)
	}
	require.NoError(t, fold(&s.covered, &ledger.Plan{Ranges: ranges, Starts: starts}, accounts...), "nothing is archived twice")
	for i, now := range s.cursors() {
		require.GreaterOrEqual(t, now, before[i], "cursors only move forward")
	}
	for _, e := range s.extents {
		require.LessOrEqual(t, s.covered.Intervals(e.Partition), maxIntervals)
	}
	return ranges, born
}

// done reports whether everything is settled, as one interval per partition.
func (s *sky) done() bool {
	for _, e := range s.extents {
		next, known := s.covered.Lowest(e.Partition)
		if !known || next != e.To || s.covered.Intervals(e.Partition) != 1 {
			return false
		}
	}
	return true
}

// Messages arrive, are read and get lost at random: settled offsets form few
// intervals, the cursors move forward, the backlog gets its share, and in the end
// each offset is settled once.
func TestBacklogProperties(t *testing.T) {
	for range 100 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSky(seed)
			share := []float64{-1, 0.01, 0.1, 0.5, 0.9, 1}[s.rnd.IntN(6)]
			rows, prefixes, retention := 50+s.rnd.Int64N(2000), s.rnd.IntN(2) == 0, s.rnd.IntN(3) == 0
			s.arrive(-1, s.rnd.Int64N(30*rows))
			for i := range 200 {
				s.arrive(i, s.rnd.Int64N(1+rows)*s.rnd.Int64N(3)/2)
				l := rowLimit(rows, share)
				if l.recordLost = retention; retention && s.rnd.IntN(4) == 0 {
					e := &s.extents[s.rnd.IntN(len(s.extents))]
					e.From += s.rnd.Int64N(e.To - e.From + 1)
				}
				if s.rnd.IntN(5) == 0 {
					l.limits.Rows = 50 + s.rnd.Int64N(2000) // limits follow the speed
				}
				backlog := s.backlogRows()
				ranges, _ := s.batch(t, l, !prefixes || s.rnd.IntN(3) > 0)
				var planned, got int64
				for _, r := range ranges {
					planned += r.Len()
					if r.From < s.covered.Last(r.Partition) {
						got += r.Len()
					}
				}
				if reserved := int64(max(share, 0) * float64(l.limits.Rows)); !prefixes && !retention {
					require.GreaterOrEqual(t, got, min(backlog, reserved), "the backlog gets its share")
					require.LessOrEqual(t, planned, l.limits.Rows+int64(2*len(s.extents)))
				}
			}
			for i := 0; !s.done(); i++ {
				require.Less(t, i, 10_000, "the work must end: %v", s.covered)
				l := rowLimit(rows, share)
				l.recordLost = retention
				s.batch(t, l, !prefixes || s.rnd.IntN(3) > 0)
			}
			require.True(t, retention || s.lost == 0)
		})
	}
}

// With a large backlog, and new data below its share, new data does not wait for
// long, and the backlog gets the rest of each batch.
func TestNewDataDoesNotWait(t *testing.T) {
	const rows = 500
	for range 30 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSky(seed)
			share := []float64{-1, 0.1, 0.5, 0.8}[s.rnd.IntN(4)]
			most := (1 - max(share, 0)) * rows / 2
			s.arrive(-1, 100*rows)
			var came, batches int64
			var waits []int
			for i := 0; s.backlogRows() > 0 || i < 5; i++ {
				require.Less(t, i, 1000)
				n := s.rnd.Int64N(int64(most))
				s.arrive(i, n)
				came, batches = came+n, batches+1
				_, born := s.batch(t, rowLimit(rows, share), true)
				for _, b := range born {
					if b >= 0 {
						waits = append(waits, i-b)
					}
				}
			}
			// Until its cursor jumps, jumpAfterBatches batches may wait in a partition, at
			// half of the room for new data. If it jumps after that, some of it waits longer.
			slices.Sort(waits)
			assert.LessOrEqual(t, waits[len(waits)*99/100], 2*jumpAfterBatches)
			assert.LessOrEqual(t, batches, 2+(100*rows+came)/rows*11/10, "the batches are full")
		})
	}
}

// Several batches may be under way, each planned while those before it claim
// their ranges. One that commits less leaves gaps, which later plans fill.
func TestBacklogInFlight(t *testing.T) {
	for range 100 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSky(seed)
			share := []float64{-1, 0.1, 0.5, 0.9}[s.rnd.IntN(4)]
			depth := 1 + s.rnd.IntN(3)
			s.arrive(-1, s.rnd.Int64N(20_000))
			var flying []*ledger.Plan
			for i := 0; i < 100 || len(flying) > 0 || !s.done(); i++ {
				require.Less(t, i, 10_000, "the work must end: %v", s.covered)
				if i < 100 {
					s.arrive(i, s.rnd.Int64N(800))
				}
				if len(flying) < depth {
					snapshot := s.covered.Snapshot(0)
					held := protocol.FromSnapshot(&snapshot)
					for _, p := range flying {
						require.NoError(t, fold(&held, p, accountsOf(p.Ranges)...))
					}
					ranges, starts, _, err := choose(&held, s.extents, rowLimit(1000, share))
					require.NoError(t, err)
					if p := (&ledger.Plan{Ranges: ranges, Starts: starts}); len(ranges)+len(starts) > 0 {
						flying = append(flying, p)
					}
				}
				for len(flying) > 0 && (s.rnd.IntN(3) == 0 || len(flying) == depth || i >= 100) {
					accounts := accountsOf(flying[0].Ranges)
					if n := len(accounts); n > 0 && s.rnd.IntN(3) == 0 { // the batch got full there
						accounts = accounts[:1+s.rnd.IntN(n)]
						accounts[len(accounts)-1].To -= s.rnd.Int64N(accounts[len(accounts)-1].Len())
					}
					require.NoError(t, fold(&s.covered, flying[0], accounts...), "nothing is archived twice")
					flying = flying[1:]
				}
				for _, e := range s.extents {
					require.LessOrEqual(t, s.covered.Intervals(e.Partition), []int{0, maxIntervals, 20, 20}[depth])
				}
			}
		})
	}
}

func accountsOf(ranges []Range) (out []Account) {
	for _, r := range ranges {
		out = append(out, Account{Range: r})
	}
	return out
}
