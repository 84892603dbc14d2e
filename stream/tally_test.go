package stream

import (
	"context"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

func account(from, to int64) Account {
	return Account{Range: Range{Partition: "p", From: from, To: to}, Read: to - from}
}

func TestTallyRefuses(t *testing.T) {
	for text, accounts := range map[string][]Account{
		"returned p[1,4), but p[0,10) was planned and read up to 0":  {account(1, 4)},
		"returned p[5,6), but p[0,10) was planned and read up to 3":  {account(0, 3), account(5, 6)},
		"returned p[2,3), but p[0,10) was planned and read up to 3":  {account(0, 3), account(2, 3)},
		"returned p[0,3), but p[0,10) was planned and read up to 3":  {account(0, 3), account(0, 3)},
		"returned p[0,11), but p[0,10) was planned and read up to 0": {account(0, 11)},
		"account of p[0,4): 4 offsets, 3 accounted for":              {{Range: Range{Partition: "p", From: 0, To: 4}, Read: 3}},
		"account of p[0,4) has a negative count":                     {{Range: Range{Partition: "p", From: 0, To: 4}, Read: -1, Control: 5}},
		"account of p[4,0) has no end":                               {{Range: Range{Partition: "p", From: 4, To: 0}}},
		"account of p[0,…) has no end":                               {{Range: Range{Partition: "p", From: 0, To: ledger.UnknownEnd}}},
		"the source accounts for more than a chunk's 1 messages":     {{Range: Range{Partition: "p", From: 0, To: math.MaxInt64 - 1}, Read: math.MaxInt64 - 1}},
		"the source accounts for 0 of a chunk's 1 messages":          {{Range: Range{Partition: "p", From: 0, To: 1}, Control: 1}},
		"returned q[0,1), but [0,0) was planned and read up to 0":    {{Range: Range{Partition: "q", From: 0, To: 1}, Read: 1}},
	} {
		tl := newTally([]Range{{Partition: "p", From: 0, To: 10}})
		var err error
		for i := 0; i < len(accounts) && err == nil; i++ {
			n := accounts[i].Read
			if n > 100 || n < 1 {
				n = 1
			}
			rec := numberRecord(memory.DefaultAllocator, make([]int64, n)...)
			err = tl.add(Chunk{Messages: rec, Accounts: accounts[i : i+1]}, Result{})
			rec.Release()
		}
		assert.ErrorContains(t, err, text)
	}
}

func TestTallyComplete(t *testing.T) {
	for _, test := range []struct {
		planned int64
		account Account
		text    string
	}{
		{10, account(0, 10), ""},
		{10, account(0, 9), "stream: the source stopped before the end of p[0,10)"},
		{ledger.UnknownEnd, account(0, 9), "stream: the source stopped before the end of p[0,…)"},
		{ledger.UnknownEnd, Account{Range: Range{Partition: "p", From: 0, To: 9}, Read: 9, End: true}, ""},
	} {
		tl := newTally([]Range{{Partition: "p", From: 0, To: test.planned}})
		require.NoError(t, tl.addAccount(test.account))
		if err := tl.complete(); test.text == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, test.text)
		}
	}
	assert.Error(t, newTally([]Range{{Partition: "p", From: 0, To: 1}}).complete())
}

// Two ranges of a partition are two accounts, in whatever order they come.
func TestTallyByRange(t *testing.T) {
	ranges := []Range{{Partition: "p", From: 20, To: 30}, {Partition: "p", From: 0, To: 10}, {Partition: "p", From: 10, To: 12}}
	for text, accounts := range map[string][]Account{
		"": {account(20, 25), account(0, 4), account(25, 30), account(4, 10), account(10, 12)},
		"returned p[4,12), but p[0,10) was planned and read up to 4":    {account(0, 4), account(4, 12)},
		"returned p[8,10), but p[0,10) was planned and read up to 4":    {account(20, 22), account(0, 4), account(8, 10)},
		"returned p[22,31), but p[20,30) was planned and read up to 22": {account(20, 22), account(22, 31)},
		"returned p[11,12), but p[10,12) was planned and read up to 10": {account(11, 12)},
		"returned p[20,22), but p[20,30) was planned and read up to 22": {account(20, 22), account(20, 22)},
		"returned p[15,16), but p[20,30) was planned and read up to 20": {account(15, 16)},
		"the source stopped before the end of p[20,30)":                 {account(20, 29), account(0, 10), account(10, 12)},
		"the source stopped before the end of p[10,12)":                 {account(20, 30), account(0, 10)},
		"the source stopped before the end of p[0,10)":                  {account(20, 30), account(0, 9), account(10, 12)},
	} {
		tl := newTally(ranges)
		var err error
		for i := 0; i < len(accounts) && err == nil; i++ {
			err = tl.addAccount(accounts[i])
		}
		if err == nil {
			err = tl.complete()
		}
		if text != "" {
			assert.ErrorContains(t, err, text)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, []Account{account(20, 30), account(0, 10), account(10, 12)}, tl.accounts)
	}
}

// every returns a transform that keeps each n-th row, and rejects one.
func every(n, reject int) Transform {
	return TransformFunc(func(_ context.Context, in Rows) (Result, error) {
		out := Filter(in, func(row int) bool { return row%n == 0 })
		if reject >= 0 && reject < int(in.Record.NumRows()) {
			out.Rejects = []Reject{{reject, "no"}}
		}
		return out, nil
	})
}

// double makes two rows of each.
func double(mem memory.Allocator) Transform {
	return TransformFunc(func(_ context.Context, in Rows) (Result, error) {
		var values []int64
		var from []int32
		for i, v := range numbersOf(in.Record) {
			values, from = append(values, v, v), append(from, int32(i), int32(i))
		}
		return Result{Rows: []Rows{{Record: numberRecord(mem, values...), From: from}}}, nil
	})
}

// Rows and rejects speak of the messages, however many transforms lie between.
func TestApply(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	rec := numberRecord(mem, 0, 1, 2, 3, 4, 5, 6, 7)
	defer rec.Release()
	m := &MicroBatch{Transforms: []Transform{double(mem), every(2, -1), double(mem)}}
	got, err := m.apply(context.Background(), Chunk{Messages: rec, Rejects: []Reject{{2, "source"}, {5, "source"}}})
	require.NoError(t, err)
	seen := 0
	for _, rows := range got.Rows {
		for i, v := range numbersOf(rows.Record) {
			from := i
			if rows.From != nil {
				from = int(rows.From[i])
			}
			assert.EqualValues(t, v, from, "values are the numbers of their messages")
			seen++
		}
	}
	assert.Equal(t, 12, seen)
	assert.Len(t, got.Rejects, 2)
	releaseRows(got.Rows)

	m.Transforms = []Transform{every(3, -1), TransformFunc(func(ctx context.Context, in Rows) (Result, error) {
		return Result{Rejects: []Reject{{0, "no"}}}, nil
	})}
	got, err = m.apply(context.Background(), Chunk{Messages: rec})
	require.NoError(t, err)
	assert.Equal(t, []Reject{{0, "no"}, {3, "no"}, {6, "no"}}, got.Rejects)

	runs := rejected(rec, []Reject{{1, "a"}, {2, "b"}, {2, "c"}, {6, "d"}})
	require.Len(t, runs, 2)
	assert.Equal(t, []string{"a", "b"}, []string{runs[0].Record.Column(0).ValueStr(0), runs[0].Record.Column(0).ValueStr(1)})
	assert.Equal(t, []int64{1, 2}, runs[0].Record.Column(1).(*array.Int64).Int64Values())
	releaseRows(runs)
}

func TestApplyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		from []int32
		rows int
		rej  []Reject
		text string
	}{
		"more rows than came": {nil, 5, nil, "5 rows made from 3 do not say which of them they were made from"},
		"From too short":      {[]int32{0}, 2, nil, "2 rows made from 3 do not say which of them they were made from"},
		"From beyond":         {[]int32{0, 3}, 2, nil, "row 1 was made from row 3 of 3"},
		"From negative":       {[]int32{-1}, 1, nil, "row 0 was made from row -1 of 3"},
		"reject of no row":    {nil, 1, []Reject{{3, ""}}, "rejects row 3 of 3"},
		"reject of row -1":    {nil, 1, []Reject{{-1, ""}}, "rejects row -1 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			rec := numberRecord(mem, 0, 1, 2, 3)
			defer rec.Release()
			bad := TransformFunc(func(context.Context, Rows) (Result, error) {
				return Result{Rejects: test.rej, Rows: []Rows{{Record: numberRecord(mem, make([]int64, test.rows)...), From: test.from}}}, nil
			})
			three := TransformFunc(func(_ context.Context, in Rows) (Result, error) {
				return Filter(in, func(row int) bool { return row < 3 }), nil
			})
			m := &MicroBatch{Transforms: []Transform{three, bad}}
			_, err := m.apply(context.Background(), Chunk{Messages: rec})
			assert.ErrorContains(t, err, test.text)
		})
	}
}

// The first transform's From is checked against the messages.
func TestRowsFromNowhere(t *testing.T) {
	rec := numberRecord(memory.DefaultAllocator, 0)
	defer rec.Release()
	_, err := fatesOf(1, Result{Rows: []Rows{{Table: "x", Record: rec, From: []int32{1}}}})
	assert.EqualError(t, err, `stream: a row of table "x" comes from message 1 of 1`)
	_, err = fatesOf(1, Result{Rejects: []Reject{{1, "why"}}})
	assert.EqualError(t, err, "stream: message 1 of 1 is rejected: why")
}
