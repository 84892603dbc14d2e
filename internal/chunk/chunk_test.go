package chunk

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// collect returns a Builder and what it emits: the numbers of messages and the
// accounts.
func collect(t *testing.T, rows, bytes int) (*Builder, *[]int64, *[]stream.Account) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	sizes, accounts := new([]int64), new([]stream.Account)
	b := NewBuilder(mem, rows, bytes, func(c stream.Chunk) error {
		if c.Messages != nil {
			*sizes = append(*sizes, c.Messages.NumRows())
		}
		*accounts = append(*accounts, c.Accounts...)
		return nil
	})
	t.Cleanup(func() { b.Release(); mem.AssertSize(t, 0) })
	return b, sizes, accounts
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		sizes, weights []int64
		want           []int64
	}{
		{[]int64{1, 1, 1, 1}, []int64{0, 0, 0, 0}, []int64{3, 1}},
		{[]int64{50, 50, 1}, []int64{0, 0, 0}, []int64{2, 1}},
		{[]int64{1, 500, 1}, []int64{0, 0, 0}, []int64{1, 1, 1}},
		{[]int64{1, 1, 1}, []int64{99, 1, 100}, []int64{2, 1}},
	} {
		b, sizes, _ := collect(t, 3, 100)
		for i, size := range c.sizes {
			require.NoError(t, b.Add(stream.Message{Topic: "a"}, size, c.weights[i]))
			b.Account(stream.Range{Partition: "a"}, int64(i)).To++
		}
		require.NoError(t, b.Flush())
		require.NoError(t, b.Flush())
		assert.Equal(t, c.want, *sizes)
	}
}

func TestAccounts(t *testing.T) {
	b, _, accounts := collect(t, 64, 1<<20)
	first, second := stream.Range{Partition: "a", From: 3, To: 6}, stream.Range{Partition: "a", From: 6, To: 9}
	read := func(r stream.Range, offsets ...int64) {
		for _, at := range offsets {
			a := b.Account(r, at)
			a.To, a.Read = at+1, a.Read+1
		}
	}
	read(first, 3, 4, 5)
	read(second, 6) // adjacent, but another range
	b.Lost(stream.Range{Partition: "a", From: 7, To: 8}, false)
	read(second, 8)
	b.Account(second, 9).End = true
	read(stream.Range{Partition: "b", From: 0, To: 1}, 0)
	require.NoError(t, b.Flush())
	assert.Equal(t, []stream.Account{
		{Range: first, Read: 3},
		{Range: stream.Range{Partition: "a", From: 6, To: 7}, Read: 1},
		{Range: stream.Range{Partition: "a", From: 7, To: 8}, Lost: 1},
		{Range: stream.Range{Partition: "a", From: 8, To: 9}, Read: 1, End: true},
		{Range: stream.Range{Partition: "b", From: 0, To: 1}, Read: 1},
	}, *accounts)
}

func TestYield(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	more := true
	emit := Yield(ctx, func(stream.Chunk, error) bool { return more })
	assert.NoError(t, emit(stream.Chunk{}))
	more = false
	assert.ErrorIs(t, emit(stream.Chunk{}), ErrStopped)
	cancel()
	assert.ErrorIs(t, emit(stream.Chunk{}), context.Canceled)
}
