package stream

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// claims agree with a set of offsets, whatever the order of the commits.
func TestClaimsAreASet(t *testing.T) {
	for range 2000 {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		var c claims
		set := map[int64]bool{}
		for range 12 {
			from := rnd.Int64N(20)
			r := Range{"p", from, from + rnd.Int64N(5)}
			taken := false
			for o := r.From; o < r.To; o++ {
				taken = taken || set[o]
			}
			before := c.clone()
			err := c.settle(Account{Range: r})
			require.Equal(t, taken, err != nil, "seed %d: %v", seed, r)
			if taken {
				require.Equal(t, before, c, "seed %d: a refused account changes nothing", seed)
				continue
			}
			for o := r.From; o < r.To; o++ {
				set[o] = true
			}
			checkFree(t, &c, set, Range{"p", rnd.Int64N(25), rnd.Int64N(30)}, seed)
		}
	}
}

// checkFree compares free with the lowest run of an extent that is not in set.
func checkFree(t *testing.T, c *claims, set map[int64]bool, e Range, seed uint64) {
	from := e.From
	for from < e.To && set[from] {
		from++
	}
	to := from
	for to < e.To && !set[to] {
		to++
	}
	got, ok := c.free(Extent{Range: e})
	require.Equal(t, from < to, ok, "seed %d: %v of %v", seed, e, c)
	if ok {
		require.Equal(t, Range{"p", from, to}, got, "seed %d", seed)
	}
}

func TestClaimsEnd(t *testing.T) {
	var c claims
	assert.True(t, c.empty())
	require.NoError(t, c.settle(Account{Range: Range{"tar", 0, 5}}))
	got, ok := c.free(Extent{Range: Range{"tar", 0, Open}})
	assert.Equal(t, Range{"tar", 5, Open}, got)
	assert.True(t, ok)
	require.NoError(t, c.settle(Account{Range: Range{"tar", 5, 5}, End: true}))
	_, ok = c.free(Extent{Range: Range{"tar", 0, Open}})
	assert.False(t, ok, "it has ended")
}

func extent(p string, from, to, start int64) Extent {
	return Extent{Range: Range{p, from, to}, Start: start}
}

func TestChoose(t *testing.T) {
	var fresh claims
	used := claims{}
	require.NoError(t, used.settle(Account{Range: Range{"a", 0, 10}}))
	for name, test := range map[string]struct {
		claims  claims
		extents []Extent
		limit   int64
		ranges  []Range
		starts  []Start
		more    bool
	}{
		"earliest":           {fresh, []Extent{extent("a", 3, 8, 3)}, 100, []Range{{"a", 3, 8}}, nil, false},
		"latest":             {fresh, []Extent{extent("a", 3, 8, 8)}, 100, nil, []Start{{"a", 8, 5}}, false},
		"latest and empty":   {fresh, []Extent{extent("a", 8, 8, 8)}, 100, nil, []Start{{"a", 8, 0}}, false},
		"between":            {fresh, []Extent{extent("a", 3, 8, 5)}, 100, []Range{{"a", 5, 8}}, []Start{{"a", 5, 2}}, false},
		"appears later":      {used, []Extent{extent("a", 0, 10, 10), extent("b", 2, 4, 4)}, 100, []Range{{"b", 2, 4}}, nil, false},
		"appears empty":      {used, []Extent{extent("b", 4, 4, 4)}, 100, nil, []Start{{"b", 4, 0}}, false},
		"nothing new":        {used, []Extent{extent("a", 0, 10, 0)}, 100, nil, nil, false},
		"trimmed, all read":  {used, []Extent{extent("a", 10, 12, 10)}, 100, []Range{{"a", 10, 12}}, nil, false},
		"shares":             {fresh, []Extent{extent("a", 0, 90, 0), extent("b", 0, 10, 0)}, 10, []Range{{"a", 0, 9}, {"b", 0, 1}}, nil, true},
		"everybody gets one": {fresh, []Extent{extent("a", 0, 1000, 0), extent("b", 0, 1, 0)}, 2, []Range{{"a", 0, 2}, {"b", 0, 1}}, nil, true},
		"open, to the limit": {fresh, []Extent{extent("a", 0, Open, 0), extent("b", 0, Open, 0), extent("c", 0, Open, 0)}, 2, []Range{{"a", 0, Open}, {"b", 0, Open}}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			ranges, starts, more, err := choose(&test.claims, test.extents, terms{Limits: Limits{Rows: test.limit}.withDefaults()})
			require.NoError(t, err)
			assert.Equal(t, test.ranges, ranges)
			assert.Equal(t, test.starts, starts)
			assert.Equal(t, test.more, more)
		})
	}
}

func TestChooseRefuses(t *testing.T) {
	var used claims
	require.NoError(t, used.settle(Account{Range: Range{"a", 0, 10}}))
	for text, extents := range map[string][]Extent{
		"stream: offsets 10 to 11 of a are gone before they were read":                     {extent("a", 12, 20, 0)},
		`stream: the source has two partitions named "b"`:                                  {extent("b", 0, 1, 0), extent("b", 1, 2, 0)},
		`stream: partition name "\xff" is not UTF-8, which the ledger's JSON would change`: {extent("\xff", 0, 1, 0)},
	} {
		_, _, _, err := choose(&used, extents, terms{Limits: Limits{}.withDefaults()})
		assert.EqualError(t, err, text)
		assert.True(t, isPermanent(err))
	}
	_, _, _, err := choose(&used, []Extent{extent("a", 12, 20, 0)}, terms{Limits: Limits{}.withDefaults()})
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, Range{"a", 10, 12}, lost.Range)
}

// A plan is bounded by bytes as the source estimates them, else as the last
// batch had them.
func TestChooseByBytes(t *testing.T) {
	for name, test := range map[string]struct {
		bytes, size, limit int64
		to                 int64
	}{
		"by the source":      {100_000 * 100_000, 1, 1 << 30, 10_737},
		"by the last batch":  {0, 100_000, 1 << 30, 10_737},
		"not known":          {0, 0, 1 << 30, 50_000},
		"rows are the bound": {100_000, 0, 1 << 30, 50_000},
		"one at the least":   {100_000 * 100_000, 0, 1, 1},
	} {
		e := extent("a", 0, 100_000, 0)
		e.Bytes = test.bytes
		l := terms{Limits: Limits{Rows: 50_000, Bytes: test.limit, InFlight: 1, BacklogShare: 1}, rowBytes: float64(test.size)}
		ranges, _, more, err := choose(&claims{}, []Extent{e}, l)
		require.NoError(t, err, name)
		assert.Equal(t, []Range{{"a", 0, test.to}}, ranges, name)
		assert.True(t, more, name)
	}
}

// With RecordLost the range begins before what is left.
func TestChooseLost(t *testing.T) {
	var used claims
	require.NoError(t, used.settle(Account{Range: Range{"a", 0, 10}}))
	l := terms{Limits: Limits{}.withDefaults(), recordLost: true}
	ranges, _, _, err := choose(&used, []Extent{extent("a", 12, 20, 0)}, l)
	require.NoError(t, err)
	assert.Equal(t, []Range{{"a", 10, 20}}, ranges)
	ranges, _, _, err = choose(&used, []Extent{extent("a", 30, 30, 0)}, l)
	require.NoError(t, err)
	assert.Equal(t, []Range{{"a", 10, 30}}, ranges, "all of it is gone")
}

// A partition that a plan names is known afterwards, even if its commit did
// not come to it: what is lost of it later is an error.
func TestPlanNamesItsPartitions(t *testing.T) {
	v := newView()
	v.tail = []entry{{
		plan:      &Plan{Batch: 1, Ranges: []Range{{"a", 0, 5}, {"b", 7, 9}}},
		committed: &Commit{Batch: 1, Accounts: []Account{{Range: Range{"a", 0, 5}}}},
		done:      present,
	}}
	require.NoError(t, v.settle())
	_, _, _, err := choose(&v.claims, []Extent{extent("b", 8, 9, 0)}, terms{Limits: Limits{}.withDefaults()})
	assert.EqualError(t, err, "stream: offsets 7 to 7 of b are gone before they were read")
}

func TestLimitsWithin(t *testing.T) {
	l := Limits{}.withDefaults()
	first := l
	first.Bytes, first.BacklogShare = firstBatch, 1
	assert.Equal(t, first, l.within(10e9, 0), "speed not known")
	assert.Equal(t, int64(100<<20), l.within(10e9, 10<<20).Bytes)
	assert.Equal(t, int64(leastBatch), l.within(10e9, 1).Bytes)
	assert.Equal(t, l.Bytes, l.within(10e9, 1e12).Bytes)
}

func (c *claims) clone() claims {
	out := claims{parts: maps.Clone(c.parts), begun: maps.Clone(c.begun)}
	for p, v := range out.parts {
		v.done = slices.Clone(v.done)
		out.parts[p] = v
	}
	return out
}

// A batch was read while it was undecided. Meanwhile it was decided in part, and
// a later one claimed what it left: both are taken.
func TestClaimedWhatWasLeftMeanwhile(t *testing.T) {
	for _, committed := range []bool{false, true} {
		later := entry{plan: &Plan{Batch: 2, Ranges: []Range{{"a", 2, 5}}}}
		if committed {
			later.committed = &Commit{Batch: 2, Accounts: []Account{{Range: Range{"a", 2, 4}, Read: 2, Written: 2}}}
		}
		v := newView()
		v.tail = []entry{{plan: &Plan{Batch: 1, Ranges: []Range{{"a", 0, 5}}}}, later}
		c, err := v.claimed()
		require.NoError(t, err)
		_, free := c.free(Extent{Range: Range{"a", 0, 5}})
		assert.False(t, free)
		r, free := c.free(Extent{Range: Range{"a", 0, 9}})
		assert.True(t, free)
		assert.Equal(t, Range{"a", 5, 9}, r)
	}
}
