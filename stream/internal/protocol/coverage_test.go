package protocol

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Coverage equals a set of offsets, for any order of the commits.
func TestCoverageIsASet(t *testing.T) {
	for range 2000 {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		var c Coverage
		set := map[int64]bool{}
		for range 12 {
			from := rnd.Int64N(20)
			r := ledger.Range{Partition: "p", From: from, To: from + rnd.Int64N(5)}
			taken := false
			for o := r.From; o < r.To; o++ {
				taken = taken || set[o]
			}
			before := c.clone()
			err := c.Settle(ledger.Account{Range: r})
			require.Equal(t, taken, err != nil, "seed %d: %v", seed, r)
			if taken {
				require.Equal(t, before, c, "seed %d: an account with an error changes nothing", seed)
				continue
			}
			for o := r.From; o < r.To; o++ {
				set[o] = true
			}
			checkFree(t, &c, set, ledger.Range{Partition: "p", From: rnd.Int64N(25), To: rnd.Int64N(30)}, seed)
		}
	}
}

// checkFree compares Free with the lowest part of a range that is not in set.
func checkFree(t *testing.T, c *Coverage, set map[int64]bool, e ledger.Range, seed uint64) {
	from := e.From
	for from < e.To && set[from] {
		from++
	}
	to := from
	for to < e.To && !set[to] {
		to++
	}
	got := c.Free(e)
	require.Equal(t, from < to, len(got) > 0, "seed %d: %v of %v", seed, e, c)
	if from < to {
		require.Equal(t, ledger.Range{Partition: "p", From: from, To: to}, got[0], "seed %d", seed)
	}
}

func TestCoverageEnd(t *testing.T) {
	var c Coverage
	assert.True(t, c.Empty())
	require.NoError(t, c.Settle(ledger.Account{Range: ledger.Range{Partition: "tar", From: 0, To: 5}}))
	assert.Equal(t, []ledger.Range{{Partition: "tar", From: 5, To: ledger.UnknownEnd}}, c.Free(ledger.Range{Partition: "tar", From: 0, To: ledger.UnknownEnd}))
	require.NoError(t, c.Settle(ledger.Account{Range: ledger.Range{Partition: "tar", From: 5, To: 5}, End: true}))
	assert.Empty(t, c.Free(ledger.Range{Partition: "tar", From: 0, To: ledger.UnknownEnd}), "it has ended")
}

func (c *Coverage) clone() Coverage {
	out := Coverage{partitions: maps.Clone(c.partitions), unfinished: maps.Clone(c.unfinished)}
	for p, v := range out.partitions {
		v.set = slices.Clone(v.set)
		out.partitions[p] = v
	}
	return out
}

// A batch was undecided when it was read. Its commit then left offsets, which a
// later batch has claimed: Claimed includes both.
func TestClaimedAfterPartialCommit(t *testing.T) {
	for _, committed := range []bool{false, true} {
		later := Entry{Plan: &ledger.Plan{Batch: 2, Ranges: []ledger.Range{{Partition: "a", From: 2, To: 5}}}}
		if committed {
			later.Commit = &ledger.Commit{Batch: 2, Accounts: []ledger.Account{{Range: ledger.Range{Partition: "a", From: 2, To: 4}, Read: 2, Written: 2}}}
		}
		v := New()
		v.Tail = []Entry{{Plan: &ledger.Plan{Batch: 1, Ranges: []ledger.Range{{Partition: "a", From: 0, To: 5}}}}, later}
		c, err := v.Claimed()
		require.NoError(t, err)
		assert.Empty(t, c.Free(ledger.Range{Partition: "a", From: 0, To: 5}))
		assert.Equal(t, []ledger.Range{{Partition: "a", From: 5, To: 9}}, c.Free(ledger.Range{Partition: "a", From: 0, To: 9}))
	}
}

// Free equals the complement of a set of offsets.
func TestFree(t *testing.T) {
	for range 2000 {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		var c Coverage
		free := map[int64]bool{}
		for o := range int64(30) {
			free[o] = true
		}
		require.NoError(t, c.Settle(ledger.Account{Range: ledger.Range{Partition: "p", From: 3, To: 3}}))
		for range 5 {
			from := rnd.Int64N(25)
			r := ledger.Range{Partition: "p", From: from, To: from + rnd.Int64N(5)}
			if c.Settle(ledger.Account{Range: r}) == nil {
				for o := r.From; o < r.To; o++ {
					free[o] = false
				}
			}
		}
		from := rnd.Int64N(20)
		e := ledger.Range{Partition: "p", From: from, To: from + rnd.Int64N(31-from)}
		got, last := map[int64]bool{}, int64(-1)
		for _, r := range c.Free(e) {
			require.True(t, r.From < r.To && r.From > last && e.From <= r.From && r.To <= e.To, "seed %d: %v", seed, r)
			last = r.To
			for o := r.From; o < r.To; o++ {
				got[o] = true
			}
		}
		for o := range int64(31) {
			require.Equal(t, e.From <= o && o < e.To && free[o], got[o], "seed %d: %d of %v", seed, o, e)
		}
	}
}

func TestWaiting(t *testing.T) {
	var c Coverage
	require.NoError(t, c.Settle(ledger.Account{Range: ledger.Range{Partition: "a", From: 3, To: 7}}))
	require.NoError(t, c.Settle(ledger.Account{Range: ledger.Range{Partition: "a", From: 9, To: 12}}))
	assert.EqualValues(t, 2+2, c.Waiting(ledger.Range{Partition: "a", From: 1, To: 10}))
	assert.EqualValues(t, 4, c.Waiting(ledger.Range{Partition: "b", From: 6, To: 10}))
	assert.Zero(t, c.Waiting(ledger.Range{Partition: "c", From: 0, To: ledger.UnknownEnd}))
	assert.Zero(t, c.Waiting(ledger.Range{Partition: "d", From: 9, To: 7}))
	assert.Equal(t, 2, c.Intervals("a"))
	assert.Equal(t, map[string]int64{"a": 7}, c.LowestOfAll())
}
