package stream

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

func account(from, to int64) Account {
	return Account{Range: Range{Partition: "p", From: from, To: to}, Read: to - from}
}

func TestTallyErrors(t *testing.T) {
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
		if err := tl.complete(nil); test.text == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, test.text)
		}
	}
	assert.Error(t, newTally([]Range{{Partition: "p", From: 0, To: 1}}).complete(nil))
}

// Two ranges of a partition have two accounts, and may be read in any order.
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
			err = tl.complete(nil)
		}
		if text != "" {
			assert.ErrorContains(t, err, text)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, []Account{account(20, 30), account(0, 10), account(10, 12)}, tl.accounts)
	}
}

// Rows and rejects must refer to messages that exist.
func TestFatesOfMissingRows(t *testing.T) {
	rec := numberRecord(memory.DefaultAllocator, 0)
	defer rec.Release()
	_, err := fatesOf(1, Result{Rows: []Rows{{Table: "x", Record: rec, From: []int32{1}}}})
	assert.EqualError(t, err, `stream: a row of table "x" comes from message 1 of 1`)
	_, err = fatesOf(1, Result{Rejects: []Reject{{Row: 1, Cause: "why"}}})
	assert.EqualError(t, err, "stream: message 1 of 1 is rejected: why")
}
