package stream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// settledOf returns the coverage of a ledger that has settled these ranges.
func settledOf(t *testing.T, settled ...Range) *protocol.Coverage {
	var c protocol.Coverage
	for _, r := range settled {
		require.NoError(t, c.Settle(Account{Range: r}))
	}
	return &c
}

// rowLimit returns the input for a batch of a number of messages of a known size.
func rowLimit(rows int64, share float64) planInput {
	return planInput{limits: Limits{Rows: rows, BacklogShare: share}.withDefaults(), messageSize: 1}
}

func TestChooseBacklog(t *testing.T) {
	behind := []Range{{Partition: "a", From: 0, To: 100}}
	jumped := []Range{{Partition: "a", From: 0, To: 100}, {Partition: "a", From: 9000, To: 9500}}
	for name, test := range map[string]struct {
		settled []Range
		extents []Extent
		l       planInput
		ranges  []Range
		more    bool
	}{
		"not far behind":                  {behind, []Extent{extent("a", 0, 300, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 100, To: 200}}, true},
		"far behind":                      {behind, []Extent{extent("a", 0, 9000, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 8950, To: 9000}, {Partition: "a", From: 100, To: 150}}, true},
		"far behind, a tenth is reserved": {behind, []Extent{extent("a", 0, 9000, 0)}, rowLimit(100, 0.1), []Range{{Partition: "a", From: 8910, To: 9000}, {Partition: "a", From: 100, To: 110}}, true},
		"far behind, nothing is reserved": {behind, []Extent{extent("a", 0, 9000, 0)}, rowLimit(100, -1), []Range{{Partition: "a", From: 8900, To: 9000}}, true},
		"far behind, oldest first":        {behind, []Extent{extent("a", 0, 9000, 0)}, rowLimit(100, 1), []Range{{Partition: "a", From: 100, To: 200}}, true},
		"uneven, but not far behind": {append(behind, Range{Partition: "b", From: 0, To: 5}, Range{Partition: "c", From: 0, To: 5}), []Extent{extent("a", 0, 290, 0), extent("b", 0, 6, 0), extent("c", 0, 6, 0)}, rowLimit(96, 0),
			[]Range{{Partition: "a", From: 100, To: 195}, {Partition: "b", From: 5, To: 6}, {Partition: "c", From: 5, To: 6}}, true},
		"few messages":                {[]Range{{Partition: "a", From: 0, To: 10}}, []Extent{extent("a", 0, 70, 0)}, rowLimit(10, 0), []Range{{Partition: "a", From: 10, To: 20}}, true},
		"size unknown":                {behind, []Extent{extent("a", 0, 9000, 0)}, planInput{limits: Limits{Rows: 100}.withDefaults()}, []Range{{Partition: "a", From: 100, To: 200}}, true},
		"jumped, little is new":       {jumped, []Extent{extent("a", 0, 9510, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 9500, To: 9510}, {Partition: "a", From: 100, To: 190}}, true},
		"jumped, nothing is new":      {jumped, []Extent{extent("a", 0, 9500, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 100, To: 200}}, true},
		"jumped, much is new":         {jumped, []Extent{extent("a", 0, 9600, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 9500, To: 9550}, {Partition: "a", From: 100, To: 150}}, true},
		"jumped, nothing is reserved": {jumped, []Extent{extent("a", 0, 9600, 0)}, rowLimit(100, -1), []Range{{Partition: "a", From: 9500, To: 9600}}, true},
		"jumped, something is left":   {jumped, []Extent{extent("a", 0, 9580, 0)}, rowLimit(100, -1), []Range{{Partition: "a", From: 9500, To: 9580}, {Partition: "a", From: 100, To: 120}}, true},
		"jumped, oldest first":        {jumped, []Extent{extent("a", 0, 9600, 0)}, rowLimit(8950, 1), []Range{{Partition: "a", From: 100, To: 9000}, {Partition: "a", From: 9500, To: 9550}}, true},
		"jumped, all of it":           {jumped, []Extent{extent("a", 0, 9600, 0)}, rowLimit(9000, 0), []Range{{Partition: "a", From: 9500, To: 9600}, {Partition: "a", From: 100, To: 9000}}, false},
		"jumps again":                 {jumped, []Extent{extent("a", 0, 9700, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 9650, To: 9700}, {Partition: "a", From: 100, To: 150}}, true},
		"too many intervals to jump": {append(jumped, Range{Partition: "a", From: 10_000, To: 10_100}, Range{Partition: "a", From: 11_000, To: 11_100}), []Extent{extent("a", 0, 12_000, 0)}, rowLimit(100, 0),
			[]Range{{Partition: "a", From: 11_100, To: 11_150}, {Partition: "a", From: 100, To: 150}}, true},
		"two gaps": {append(jumped, Range{Partition: "a", From: 9600, To: 9700}), []Extent{extent("a", 0, 9700, 0)}, rowLimit(8950, 0),
			[]Range{{Partition: "a", From: 100, To: 9000}, {Partition: "a", From: 9500, To: 9550}}, true},
		"one far behind, one not": {append(behind, Range{Partition: "b", From: 0, To: 5}), []Extent{extent("a", 0, 9000, 0), extent("b", 0, 20, 0)}, rowLimit(100, 0),
			[]Range{{Partition: "a", From: 8975, To: 9000}, {Partition: "b", From: 5, To: 20}, {Partition: "a", From: 100, To: 160}}, true},
		"backlog of one, new data of another": {append(jumped, Range{Partition: "b", From: 0, To: 5}), []Extent{extent("a", 0, 9500, 0), extent("b", 0, 85, 0)}, rowLimit(100, 0),
			[]Range{{Partition: "b", From: 5, To: 55}, {Partition: "a", From: 100, To: 150}}, true},
		"truncated, after the backlog cursor": {jumped, []Extent{extent("a", 0, 150, 0)}, rowLimit(100, 0), []Range{{Partition: "a", From: 100, To: 150}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ranges, starts, more, err := choose(settledOf(t, test.settled...), test.extents, test.l)
			require.NoError(t, err)
			assert.Equal(t, test.ranges, ranges)
			assert.Empty(t, starts)
			assert.Equal(t, test.more, more)
		})
	}
}

// A partition that is far behind when a plan first names it begins at its oldest
// offset or at its start, not at its first range.
func TestChooseBacklogStarts(t *testing.T) {
	for name, test := range map[string]struct {
		settled []Range
		extent  Extent
		share   float64
		ranges  []Range
		starts  []ledger.Start
	}{
		"earliest":                      {nil, extent("a", 3, 1000, 3), 0, []Range{{Partition: "a", From: 950, To: 1000}, {Partition: "a", From: 3, To: 53}}, []ledger.Start{{Partition: "a", At: 3, Skipped: 0}}},
		"earliest, nothing is reserved": {nil, extent("a", 3, 1000, 3), -1, []Range{{Partition: "a", From: 900, To: 1000}}, []ledger.Start{{Partition: "a", At: 3, Skipped: 0}}},
		"between":                       {nil, extent("a", 3, 1000, 10), 0, []Range{{Partition: "a", From: 950, To: 1000}, {Partition: "a", From: 10, To: 60}}, []ledger.Start{{Partition: "a", At: 10, Skipped: 7}}},
		"latest":                        {nil, extent("a", 3, 1000, 1000), 0, nil, []ledger.Start{{Partition: "a", At: 1000, Skipped: 997}}},
		"appears later":                 {[]Range{{Partition: "b", From: 0, To: 1}}, extent("a", 3, 1000, 1000), 0, []Range{{Partition: "a", From: 950, To: 1000}, {Partition: "a", From: 3, To: 53}}, []ledger.Start{{Partition: "a", At: 3, Skipped: 0}}},
		"not far behind":                {nil, extent("a", 3, 200, 3), 0, []Range{{Partition: "a", From: 3, To: 103}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := settledOf(t, test.settled...)
			ranges, starts, _, err := choose(c, []Extent{test.extent}, rowLimit(100, test.share))
			require.NoError(t, err)
			assert.Equal(t, test.ranges, ranges)
			assert.Equal(t, test.starts, starts)
			if ranges == nil {
				return
			}
			// the ledger after a commit that reached the first range only
			require.NoError(t, fold(c, &ledger.Plan{Ranges: ranges, Starts: starts}, Account{Range: ranges[0]}))
			want := max(test.extent.From, test.extent.Start)
			if test.settled != nil {
				want = test.extent.From
			}
			if len(ranges) == 1 && test.share >= 0 {
				want = ranges[0].To
			}
			next, _ := c.Lowest("a")
			assert.Equal(t, want, next, "nothing is skipped")
		})
	}
}

// fold adds a batch to what is settled.
func fold(c *protocol.Coverage, p *ledger.Plan, accounts ...Account) error {
	return c.Add(&protocol.Entry{Plan: p, Commit: &ledger.Commit{Accounts: accounts}})
}

// Offsets that are gone are lost gap by gap, wherever the live cursor is. They
// take no room in a batch.
func TestChooseBacklogLost(t *testing.T) {
	for name, test := range map[string]struct {
		extent Extent
		text   string // of the error; "": nothing is lost
		ranges []Range
	}{
		"part of the first gap": {extent("a", 500, 2130, 0), "offsets 100 to 499 of a were gone before they were read",
			[]Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 570}}},
		"the first gap": {extent("a", 1050, 2130, 0), "offsets 100 to 999 of a were gone before they were read",
			[]Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 1170}}},
		"into the second": {extent("a", 1990, 2130, 0), "offsets 100 to 999 of a were gone before they were read; stream: offsets 1100 to 1989 of a were gone before they were read",
			[]Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 2000}}},
		"both": {extent("a", 2000, 2130, 0), "offsets 100 to 999 of a were gone before they were read; stream: offsets 1100 to 1999 of a were gone before they were read",
			[]Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 2000}}},
		"all": {extent("a", 2130, 2130, 0),
			"offsets 100 to 999 of a were gone before they were read; stream: offsets 1100 to 1999 of a were gone before they were read; stream: offsets 2100 to 2129 of a were gone before they were read",
			[]Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 2000}}},
		"nothing": {extent("a", 100, 2130, 0), "", []Range{{Partition: "a", From: 2100, To: 2130}, {Partition: "a", From: 100, To: 170}}},
		"gone, end unknown": {Extent{Range: Range{Partition: "a", From: 0, To: ledger.UnknownEnd}, Gone: true},
			"offsets 100 to 999 of a were gone before they were read; stream: offsets 1100 to 1999 of a were gone before they were read; stream: a is gone, and its messages from offset 2100 on were not read",
			[]Range{{Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 2000}, {Partition: "a", From: 2100, To: ledger.UnknownEnd}}},
		"gone": {Extent{Range: Range{Partition: "a", From: 0, To: 2130}, Gone: true},
			"offsets 100 to 999 of a were gone before they were read; stream: offsets 1100 to 1999 of a were gone before they were read; stream: offsets 2100 to 2129 of a were gone before they were read",
			[]Range{{Partition: "a", From: 100, To: 1000}, {Partition: "a", From: 1100, To: 2000}, {Partition: "a", From: 2100, To: 2130}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := settledOf(t, Range{Partition: "a", From: 0, To: 100}, Range{Partition: "a", From: 1000, To: 1100}, Range{Partition: "a", From: 2000, To: 2100})
			l := rowLimit(100, 0)
			_, _, _, err := choose(c, []Extent{test.extent}, l)
			if test.text == "" {
				require.NoError(t, err)
			} else {
				assert.EqualError(t, err, "stream: "+test.text)
				assert.True(t, isPermanent(err))
			}
			l.recordLost = true
			ranges, _, _, err := choose(c, []Extent{test.extent}, l)
			require.NoError(t, err)
			assert.Equal(t, test.ranges, ranges)
		})
	}
}

// A partition that vanished when all of it was settled ends where that ends.
func TestChooseGoneAndDone(t *testing.T) {
	ranges, _, _, err := choose(settledOf(t, Range{Partition: "a", From: 3, To: 10}), []Extent{{Range: Range{Partition: "a", From: 4, To: 10}, Gone: true}}, rowLimit(100, 0))
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "a", From: 10, To: ledger.UnknownEnd}}, ranges)
}

// To Drain nothing is new: everything is archived in order.
func TestDrainKeepsTheOrder(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 500, "1": 300}, chunk: 5}
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	checkArchive(t, s, src.sizes)
}

// A partition that is assigned to another process is not planned, but a new
// ledger records its start.
func TestChooseAssignedElsewhere(t *testing.T) {
	a, b := extent("a", 0, 10, 0), extent("b", 5, 100, 100)
	a.AssignedElsewhere, b.AssignedElsewhere = true, true
	ranges, starts, more, err := choose(&protocol.Coverage{}, []Extent{a, b, extent("c", 0, 1, 0)}, rowLimit(100, 0))
	require.NoError(t, err)
	assert.Equal(t, []Range{{Partition: "c", From: 0, To: 1}}, ranges)
	assert.Equal(t, []ledger.Start{{Partition: "a", At: 0, Skipped: 0}, {Partition: "b", At: 100, Skipped: 95}}, starts)
	assert.False(t, more)
	a.From = 7 // the assigned process reports what is lost
	ranges, starts, _, err = choose(settledOf(t, Range{Partition: "a", From: 0, To: 5}, Range{Partition: "b", From: 5, To: 100}), []Extent{a, b}, rowLimit(100, 0))
	require.NoError(t, err)
	assert.Empty(t, ranges)
	assert.Empty(t, starts)
}

// timed returns a transform that takes d for each message.
func timed(d time.Duration) Transform {
	return TransformFunc(func(_ context.Context, in Rows) (Result, error) {
		time.Sleep(d * time.Duration(in.Record.NumRows()))
		return Filter(in, func(int) bool { return true }), nil
	})
}

// An engine that finds a backlog archives new messages within an interval or two
// while it works on the backlog. It is stopped in between, and another one
// continues.
func TestRunWithBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 600, "1": 600}, chunk: 5}
		var mu sync.Mutex // guards the maps
		come := map[int64]time.Time{}
		wait := map[int64]time.Duration{}
		seen := map[int64]bool{}
		end := make(chan error)
		start := func() context.CancelFunc {
			ctx, cancel := context.WithCancel(t.Context())
			m := newJob(t, src, s)
			m.Workers, m.Interval, m.Limits.Rows = 1, 2*time.Second, 20
			m.Transforms = append([]Transform{timed(50 * time.Millisecond)}, m.Transforms...)
			m.Observe = onPublished(func() {
				mu.Lock()
				defer mu.Unlock()
				for _, v := range published(t, s, "rows") {
					if at, ok := come[v]; ok && !seen[v] {
						wait[v] = time.Since(at)
					}
					seen[v] = true
				}
			})
			go func() { end <- m.Run(ctx) }()
			return cancel
		}
		stop := start()
		for i := range int64(150) { // one a second, and 20 a second are archived
			time.Sleep(time.Second)
			synctest.Wait()
			p := i % 2
			mu.Lock()
			come[1000*p+600+i/2] = time.Now()
			mu.Unlock()
			src.set(fmt.Sprint(p), 600+i/2+1)
			if i == 20 {
				stop()
				require.NoError(t, <-end)
				l, err := ledger.Open(t.Context(), s, "ledger", nil)
				require.NoError(t, err)
				assert.Less(t, len(seen), 800, "in the middle of the backlog")
				assert.Greater(t, mostIntervals(t, l), 1, "in two intervals")
				stop = start()
			}
		}
		time.Sleep(10 * time.Second)
		stop()
		require.NoError(t, <-end)
		want := map[string]int64{"0": 675, "1": 675}
		for p, n := range want {
			for o := range n {
				if v := int64(p[0]-'0')*1000 + o; v%10 != 3 && v%10 != 7 {
					require.True(t, seen[v], v)
				}
			}
		}
		assert.Len(t, published(t, s, "rows"), len(seen), "nothing is archived twice")
		longest := slices.Sorted(maps.Values(wait))
		assert.LessOrEqual(t, longest[len(longest)*99/100], 4*time.Second)
		assert.NotEmpty(t, longest)
	})
}

// mostIntervals returns the largest number of intervals that the settled offsets
// of a partition have formed.
func mostIntervals(t *testing.T, l *ledger.Ledger) (n int) {
	var c protocol.Coverage
	for batch := int64(1); ; batch++ {
		p, err := orNil(l.Plan(t.Context(), batch))
		require.NoError(t, err)
		done, err := orNil(l.Commit(t.Context(), batch))
		require.NoError(t, err)
		if done == nil {
			return n
		}
		require.NoError(t, fold(&c, p, done.Accounts...))
		n = max(n, c.Intervals("0"), c.Intervals("1"))
	}
}
