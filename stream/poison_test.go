package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// causesOf keeps the causes of what is rejected.
type causesOf struct {
	Sink
	got []string
}

func (c *causesOf) Stage(ctx context.Context, b Batch) (Receipt, error) {
	all := b.Rows
	b.Rows = func(yield func(Rows, error) bool) {
		for rows, err := range all {
			if err == nil {
				causes := Field(rows.Record, "cause").(*array.String)
				for i := range causes.Len() {
					c.got = append(c.got, causes.Value(i))
				}
			}
			if !yield(rows, err) {
				return
			}
		}
	}
	return c.Sink.Stage(ctx, b)
}

// dying returns a job whose process dies when it transforms one of the deadly
// values: nothing that it does after that has an effect.
func dying(t *testing.T, src Source, s store.Store, deadly ...int64) *MicroBatch {
	m := newJob(t, src, s)
	var dead atomic.Bool
	gone := func(faultstore.Op) error {
		if dead.Load() {
			return Permanent(errFault)
		}
		return nil
	}
	bad := &faultstore.Store{Store: s, Before: gone}
	m.Ledger, m.Sink, m.Rejects = openThrough(t, s, bad), &jsonSink{bad, "rows"}, &causesOf{Sink: &jsonSink{bad, "rejected"}}
	m.Limits.Rows = 1000
	m.Transforms = []Transform{TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
		for _, v := range numbersOf(in.Record) {
			for _, d := range deadly {
				if v == d {
					dead.Store(true)
					return Result{}, Permanent(errFault)
				}
			}
		}
		return Filter(in, func(int) bool { return true }), nil
	})}
	return m
}

// A message that kills each process that reads it is found by halving, and
// rejected; all others are archived.
func TestPoison(t *testing.T) {
	for name, test := range map[string]struct {
		open   bool
		deadly []int64
		most   int // deaths
	}{
		"first":       {false, []int64{0}, 2 + 9 + 3},
		"last":        {false, []int64{299}, 2 + 9 + 3},
		"middle":      {false, []int64{107}, 2 + 9 + 3},
		"two":         {false, []int64{107, 108}, 2*(2+9) + 6},
		"of a second": {false, []int64{1005}, 2 + 9 + 3},
		"open range":  {true, []int64{107}, 2 + 9 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := store.NewMemory()
			src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 300, "1": 40}, chunk: 64, open: test.open}
			deaths := 0
			var causes []string
			for {
				m := dying(t, src, s, test.deadly...)
				err := m.Drain(t.Context())
				causes = append(causes, m.Rejects.(*causesOf).got...)
				if err == nil {
					break
				}
				require.ErrorIs(t, err, errFault)
				deaths++
				require.LessOrEqual(t, deaths, test.most)
			}
			t.Logf("%d deaths", deaths)
			require.Len(t, causes, len(test.deadly), "%q", causes)
			for _, c := range causes {
				assert.True(t, strings.HasPrefix(c, "killed the process that read it, 3 times"), c)
			}
			assert.ElementsMatch(t, test.deadly, published(t, s, "rejected"))
			assert.Len(t, published(t, s, "rows"), 340-len(test.deadly))
		})
	}
}

// Attempts that end with an error, or because the context ends, are not deaths.
func TestErrorsAreNotDeaths(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 50}, chunk: 10}
	for i := range 6 {
		m := newJob(t, src, s)
		m.Limits.Rows = 1000
		ctx, cancel := context.WithCancel(t.Context())
		m.Transforms = []Transform{TransformFunc(func(context.Context, Rows) (Result, error) {
			if i%2 == 0 {
				cancel()
				return Result{}, ctx.Err()
			}
			return Result{}, Permanent(errFault)
		})}
		require.Error(t, m.Drain(ctx))
		cancel()
	}
	m := newJob(t, src, s)
	m.Limits.Rows = 1000
	require.NoError(t, m.Drain(t.Context()))
	assert.EqualValues(t, 1, m.Progress().Batches, "as planned")
	checkArchive(t, s, src.sizes)
}

func TestSplit(t *testing.T) {
	ranges := []Range{{Partition: "a", From: 5, To: 10}, {Partition: "b", From: 0, To: 3}, {Partition: "c", From: 7, To: ledger.UnknownEnd}}
	for limit, want := range map[int64]int{1: 1, 5: 1, 6: 2, 8: 2, 9: 3} {
		first, rest := split(ranges, limit)
		assert.Len(t, first, want, "%d", limit)
		var n int64
		for _, r := range first {
			if r.Partition != "c" {
				n += r.Len()
			}
		}
		assert.Equal(t, min(limit, 8), n)
		open := int64(7)
		if limit > 8 {
			open += limit
		}
		assert.Equal(t, Range{Partition: "c", From: open, To: ledger.UnknownEnd}, rest[len(rest)-1], "limit offsets of a range with an unknown end")
	}
	var files []Range
	for i := range 60 {
		files = append(files, Range{Partition: fmt.Sprint(i), From: 0, To: ledger.UnknownEnd})
	}
	first, rest := split(files, 60)
	assert.Len(t, first, 30, "a file counts for two")
	assert.Len(t, rest, 60)
	assert.Equal(t, Range{Partition: "29", From: 0, To: 60}, first[29])
	first, rest = split(ranges, 0)
	assert.Equal(t, ranges, first)
	assert.Empty(t, rest)
}

// After a message that kills has been found, attempts at the rest of its batch
// soon cover as much as before.
func TestPoisonDoesNotSlowTheRest(t *testing.T) {
	for _, n := range []int64{300, 900} {
		s := store.NewMemory()
		src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": n}, chunk: 64}
		for dying(t, src, s, 0).Drain(t.Context()) != nil {
		}
		l, err := ledger.Open(t.Context(), s, "ledger", nil)
		require.NoError(t, err)
		batches := 0
		for _, err := range l.Batches(t.Context(), 1) {
			require.NoError(t, err)
			batches++
		}
		t.Logf("%d messages, one of them poison: %d batches", n, batches)
		assert.Less(t, batches, 16)
	}
}

// Attempts that end because their commit cannot be put are not deaths.
func TestFailedCommitsAreNotDeaths(t *testing.T) {
	s := store.NewMemory()
	src := &counter{mem: memory.DefaultAllocator, sizes: map[string]int64{"0": 1}, chunk: 5}
	for range 6 {
		m := newJob(t, src, s)
		m.Ledger = openThrough(t, s, &faultstore.Store{Store: s, Before: func(op faultstore.Op) error {
			if op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(op.Name, ".commit") {
				return errFault
			}
			return nil
		}})
		require.Error(t, m.Drain(t.Context()))
	}
	require.NoError(t, newJob(t, src, s).Drain(t.Context()))
	assert.Empty(t, published(t, s, "rejected"))
}
