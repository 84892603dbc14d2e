package stream

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

func extent(p string, from, to, start int64) Extent {
	return Extent{Range: Range{Partition: p, From: from, To: to}, Start: start}
}

func TestChoose(t *testing.T) {
	var fresh protocol.Coverage
	used := protocol.Coverage{}
	require.NoError(t, used.Settle(Account{Range: Range{Partition: "a", From: 0, To: 10}}))
	for name, test := range map[string]struct {
		covered protocol.Coverage
		extents []Extent
		limit   int64
		ranges  []Range
		starts  []ledger.Start
		more    bool
	}{
		"earliest":           {fresh, []Extent{extent("a", 3, 8, 3)}, 100, []Range{{Partition: "a", From: 3, To: 8}}, nil, false},
		"latest":             {fresh, []Extent{extent("a", 3, 8, 8)}, 100, nil, []ledger.Start{{Partition: "a", At: 8, Skipped: 5}}, false},
		"latest and empty":   {fresh, []Extent{extent("a", 8, 8, 8)}, 100, nil, []ledger.Start{{Partition: "a", At: 8, Skipped: 0}}, false},
		"between":            {fresh, []Extent{extent("a", 3, 8, 5)}, 100, []Range{{Partition: "a", From: 5, To: 8}}, []ledger.Start{{Partition: "a", At: 5, Skipped: 2}}, false},
		"appears later":      {used, []Extent{extent("a", 0, 10, 10), extent("b", 2, 4, 4)}, 100, []Range{{Partition: "b", From: 2, To: 4}}, nil, false},
		"appears empty":      {used, []Extent{extent("b", 4, 4, 4)}, 100, nil, []ledger.Start{{Partition: "b", At: 4, Skipped: 0}}, false},
		"nothing new":        {used, []Extent{extent("a", 0, 10, 0)}, 100, nil, nil, false},
		"trimmed, all read":  {used, []Extent{extent("a", 10, 12, 10)}, 100, []Range{{Partition: "a", From: 10, To: 12}}, nil, false},
		"shares":             {fresh, []Extent{extent("a", 0, 90, 0), extent("b", 0, 10, 0)}, 10, []Range{{Partition: "a", From: 0, To: 9}, {Partition: "b", From: 0, To: 1}}, nil, true},
		"each gets one":      {fresh, []Extent{extent("a", 0, 1000, 0), extent("b", 0, 1, 0)}, 2, []Range{{Partition: "a", From: 0, To: 2}, {Partition: "b", From: 0, To: 1}}, nil, true},
		"open, to the limit": {fresh, []Extent{extent("a", 0, ledger.UnknownEnd, 0), extent("b", 0, ledger.UnknownEnd, 0), extent("c", 0, ledger.UnknownEnd, 0)}, 2, []Range{{Partition: "a", From: 0, To: ledger.UnknownEnd}, {Partition: "b", From: 0, To: ledger.UnknownEnd}}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			ranges, starts, more, err := choose(&test.covered, test.extents, planInput{limits: Limits{Rows: test.limit}.withDefaults()})
			require.NoError(t, err)
			assert.Equal(t, test.ranges, ranges)
			assert.Equal(t, test.starts, starts)
			assert.Equal(t, test.more, more)
		})
	}
}

func TestChooseErrors(t *testing.T) {
	var used protocol.Coverage
	require.NoError(t, used.Settle(Account{Range: Range{Partition: "a", From: 0, To: 10}}))
	for text, extents := range map[string][]Extent{
		"stream: offsets 10 to 11 of a were gone before they were read":                    {extent("a", 12, 20, 0)},
		`stream: the source has two partitions named "b"`:                                  {extent("b", 0, 1, 0), extent("b", 1, 2, 0)},
		`stream: partition name "\xff" is not UTF-8, which the ledger's JSON would change`: {extent("\xff", 0, 1, 0)},
	} {
		_, _, _, err := choose(&used, extents, planInput{limits: Limits{}.withDefaults()})
		assert.EqualError(t, err, text)
		assert.True(t, isPermanent(err))
	}
	_, _, _, err := choose(&used, []Extent{extent("a", 12, 20, 0)}, planInput{limits: Limits{}.withDefaults()})
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, Range{Partition: "a", From: 10, To: 12}, lost.Range)
}

// A plan is bounded by bytes, as the source estimates them or else as the last
// batch had them.
func TestChooseByBytes(t *testing.T) {
	for name, test := range map[string]struct {
		bytes, size, limit int64
		to                 int64
	}{
		"by the source":      {100_000 * 100_000, 1, 1 << 30, 10_737},
		"by the last batch":  {0, 100_000, 1 << 30, 10_737},
		"unknown":            {0, 0, 1 << 30, 50_000},
		"rows are the bound": {100_000, 0, 1 << 30, 50_000},
		"at least one":       {100_000 * 100_000, 0, 1, 1},
	} {
		e := extent("a", 0, 100_000, 0)
		e.Bytes = test.bytes
		l := planInput{limits: Limits{Rows: 50_000, Bytes: test.limit, InFlight: 1, BacklogShare: 1}, messageSize: float64(test.size)}
		ranges, _, more, err := choose(&protocol.Coverage{}, []Extent{e}, l)
		require.NoError(t, err, name)
		assert.Equal(t, []Range{{Partition: "a", From: 0, To: test.to}}, ranges, name)
		assert.True(t, more, name)
	}
}

// With RecordLost the range begins before the oldest offset that still exists.
func TestChooseLost(t *testing.T) {
	var used protocol.Coverage
	require.NoError(t, used.Settle(Account{Range: Range{Partition: "a", From: 0, To: 10}}))
	l := planInput{limits: Limits{}.withDefaults(), recordLost: true}
	ranges, _, _, err := choose(&used, []Extent{extent("a", 12, 20, 0)}, l)
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "a", From: 10, To: 20}}, ranges)
	ranges, _, _, err = choose(&used, []Extent{extent("a", 30, 30, 0)}, l)
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "a", From: 10, To: 30}}, ranges, "all of it is gone")
}

// A plan makes its partitions known, also those that its commit did not reach.
func TestPlanNamesItsPartitions(t *testing.T) {
	var c protocol.Coverage
	p := &ledger.Plan{Ranges: []Range{{Partition: "a", From: 0, To: 5}, {Partition: "b", From: 7, To: 9}}}
	require.NoError(t, fold(&c, p, Account{Range: p.Ranges[0]}))
	_, _, _, err := choose(&c, []Extent{extent("b", 8, 9, 0)}, planInput{limits: Limits{}.withDefaults()})
	assert.EqualError(t, err, "stream: offsets 7 to 7 of b were gone before they were read")
}

func TestLimitsWithin(t *testing.T) {
	l := Limits{}.withDefaults()
	first := l
	first.Bytes, first.BacklogShare = firstBatchBytes, 1
	assert.Equal(t, first, l.within(10e9, 0), "speed unknown")
	assert.Equal(t, int64(100<<20), l.within(10e9, 10<<20).Bytes)
	assert.Equal(t, int64(minBatchBytes), l.within(10e9, 1).Bytes)
	assert.Equal(t, l.Bytes, l.within(10e9, 1e12).Bytes)
}

// FuzzRecords reads a plan and a commit with any content.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"batch":1,"ranges":[{"partition":"p","from":0,"to":9}]}`), []byte(`{"batch":1,"accounts":[{"partition":"p","from":0,"to":9,"read":9}]}`))
	f.Fuzz(func(t *testing.T, plan, commit []byte) {
		ctx, s := context.Background(), store.NewMemory()
		l, err := ledger.Open(ctx, s, "ledger", nil)
		require.NoError(t, err)
		s.PutIfAbsent(ctx, "ledger/000000000001.plan", plan)
		s.PutIfAbsent(ctx, "ledger/000000000001.commit", commit)
		p, err := l.Plan(ctx, 1)
		if err != nil {
			return
		}
		c, err := l.Commit(ctx, 1)
		if err != nil {
			return
		}
		state := protocol.New()
		for _, got := range []protocol.Result{{Plan: p}, {Commit: c}, {Done: true}} {
			if err := state.Learn(state.Next(64, nil), got); err != nil {
				return
			}
		}
		choose(&state.Settled, []Extent{extent("p", 0, 100, 0)}, planInput{limits: Limits{}.withDefaults()})
	})
}
