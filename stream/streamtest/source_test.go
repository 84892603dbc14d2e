package streamtest_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/streamtest"
)

// letters is a source of a few messages per partition, in chunks of two. Every fifth
// offset is a control marker.
type letters struct{ open bool }

const lettersEach = 11

func (s letters) Available(context.Context) (out []stream.Extent, err error) {
	for _, p := range []string{"a", "b", "c"} {
		e := stream.Extent{Range: stream.Range{Partition: p, To: lettersEach}}
		if s.open {
			e.To = ledger.UnknownEnd
		}
		out = append(out, e)
	}
	return out, nil
}

func (s letters) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			for at := r.From; at < min(r.To, lettersEach); {
				if err := ctx.Err(); err != nil {
					yield(stream.Chunk{}, err)
					return
				}
				to := min(at+2, r.To, lettersEach)
				c := chunkOf(r.Partition, at, to)
				c.Accounts[0].End = s.open && to == lettersEach
				if !yield(c, nil) {
					return
				}
				at = to
			}
		}
	}
}

func chunkOf(p string, from, to int64) stream.Chunk {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	a := stream.Account{Range: stream.Range{Partition: p, From: from, To: to}}
	for ; from < to; from++ {
		if from%5 == 4 {
			a.Control++
		} else {
			a.Read++
			b.Append(fmt.Sprint(p, from))
		}
	}
	col := b.NewArray()
	schema := arrow.NewSchema([]arrow.Field{{Name: "value", Type: col.DataType()}}, nil)
	return stream.Chunk{Messages: array.NewRecord(schema, []arrow.Array{col}, a.Read), Accounts: []stream.Account{a}}
}

// brokenRead replaces Read.
type brokenRead struct {
	letters
	read func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error]
}

func (s brokenRead) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return s.read(s.letters, ctx, ranges)
}

// changed passes the chunks of a source through f.
func changed(f func(n int, c *stream.Chunk)) brokenRead {
	return brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
		return func(yield func(stream.Chunk, error) bool) {
			n := 0
			for c, err := range s.Read(ctx, ranges) {
				if err == nil {
					f(n, &c)
				}
				n++
				if !yield(c, err) {
					return
				}
			}
		}
	}}
}

func TestSourceFindsBreaches(t *testing.T) {
	assert.NoError(t, streamtest.TestSource(letters{}))
	assert.NoError(t, streamtest.TestSource(letters{open: true}))
	reads := 0
	for text, s := range map[string]stream.Source{
		"continues none of the ranges": brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
			var merged []stream.Range // merges the ranges of a partition
			for _, r := range ranges {
				if i := slices.IndexFunc(merged, func(m stream.Range) bool { return m.Partition == r.Partition }); i >= 0 {
					merged[i].From, merged[i].To = min(merged[i].From, r.From), max(merged[i].To, r.To)
					continue
				}
				merged = append(merged, r)
			}
			return s.Read(ctx, merged)
		}},
		"stopped before the end of a[": brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
			last := map[string]stream.Range{} // reads one range per partition
			for _, r := range ranges {
				last[r.Partition] = r
			}
			return s.Read(ctx, slices.DeleteFunc(slices.Clone(ranges), func(r stream.Range) bool { return last[r.Partition] != r }))
		}},
		"yields different messages beside another range": brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
			return func(yield func(stream.Chunk, error) bool) {
				for c, err := range s.Read(ctx, ranges) {
					if err == nil && len(ranges) > 3 { // the accounts are correct, but not the messages
						a := c.Accounts[0]
						c.Messages = chunkOf("z", a.From, a.To).Messages
					}
					if !yield(c, err) {
						return
					}
				}
			}
		}},
		"equal ranges yield different chunks": changed(func(n int, c *stream.Chunk) {
			if reads++; reads%7 == 0 {
				c.Rejects = []stream.Reject{{Row: 0, Cause: fmt.Sprint(reads)}}
			}
		}),
		"does not add up": changed(func(_ int, c *stream.Chunk) { c.Accounts[0].Lost++ }),
		"without an account": changed(func(_ int, c *stream.Chunk) {
			c.Accounts[0].Read, c.Accounts[0].Lost = 0, c.Accounts[0].Read
		}),
		"with a context that is done: the source stopped": brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
			if ctx.Err() != nil {
				return func(func(stream.Chunk, error) bool) {}
			}
			return s.Read(ctx, ranges)
		}},
		"yield different messages than the whole": brokenRead{read: func(s letters, ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
			return func(yield func(stream.Chunk, error) bool) {
				for c, err := range s.Read(ctx, ranges) {
					if err == nil && (ranges[0].From > 0 || ranges[len(ranges)-1].From > 0) {
						a := c.Accounts[0]
						c.Messages = chunkOf("z", a.From, a.To).Messages
					}
					if !yield(c, err) {
						return
					}
				}
			}
		}},
		"Available lists nothing":                       none{},
		`Available lists "c", which Owns reports false`: owner{},
	} {
		assert.ErrorContains(t, streamtest.TestSource(s), text)
	}
}

type none struct{ letters }

func (none) Available(context.Context) ([]stream.Extent, error) { return nil, nil }

// owner is a source that does not own its last partition.
type owner struct{ letters }

func (owner) Owns(partition string) bool { return partition < "c" }

// waiter is a source with a Wait.
type waiter struct {
	letters
	wait func(ctx context.Context) error
}

func (w waiter) Wait(ctx context.Context) error { return w.wait(ctx) }

func TestSourceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.NoError(t, streamtest.TestSource(waiter{wait: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}))
		assert.NoError(t, streamtest.TestSource(waiter{wait: func(context.Context) error { return nil }}), "in vain")
		assert.ErrorContains(t, streamtest.TestSource(waiter{wait: func(context.Context) error { return io.ErrUnexpectedEOF }}), "Wait: unexpected EOF")
		assert.ErrorContains(t, streamtest.TestSource(waiter{wait: func(context.Context) error { time.Sleep(time.Minute); return nil }}),
			"Wait does not return")
		time.Sleep(time.Minute)
	})
}

// Chunks of equal ranges are of the same table.
func TestSourceTables(t *testing.T) {
	reads := 0
	assert.ErrorContains(t, streamtest.TestSource(changed(func(_ int, c *stream.Chunk) {
		reads++
		c.Table = fmt.Sprint("alerts/", reads)
	})), "equal ranges yield different chunks")
	assert.NoError(t, streamtest.TestSource(changed(func(_ int, c *stream.Chunk) { c.Table = "alerts/a" })))
}
