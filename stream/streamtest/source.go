package streamtest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/stream"
)

// TestSource checks a source in which messages wait and that nothing is added
// to or taken from meanwhile. It reads them several times over, all at once and
// in pieces, two of a partition at a time as well. The error names every promise
// that it saw broken.
func TestSource(s stream.Source) error {
	t := &sourceTest{Source: s, ctx: context.Background(), seed: maphash.MakeSeed()}
	extents := t.available()
	if len(extents) == 0 {
		t.breach("Available has nothing to read")
	} else if whole := t.whole(extents); whole != nil {
		t.again(extents, whole)
		t.pieces(whole)
		t.cancelled(extents)
	}
	return errors.Join(t.breaches...)
}

// sourceTest collects the breaches of one source.
type sourceTest struct {
	stream.Source
	ctx      context.Context
	seed     maphash.Seed
	breaches []error
}

func (t *sourceTest) breach(format string, args ...any) {
	t.breaches = append(t.breaches, fmt.Errorf("streamtest: "+format, args...))
}

// available returns the extents that have something to read.
func (t *sourceTest) available() (out []stream.Extent) {
	var names [2][]string
	for i := range names {
		extents, err := t.Available(t.ctx)
		if err != nil {
			t.breach("Available: %w", err)
			return nil
		}
		out = nil
		for _, e := range extents {
			if slices.Contains(names[i], e.Partition) || !utf8.ValidString(e.Partition) {
				t.breach("Available has %q twice, or it is not UTF-8", e.Partition)
			}
			names[i] = append(names[i], e.Partition)
			if e.From < e.To && !e.Gone {
				out = append(out, e)
			}
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.breach("Available has %q, and then %q", names[0], names[1])
	}
	return out
}

// reply is what a source made of one range.
type reply struct {
	stream.Range          // that was asked for
	next         int64    // the end of what was answered
	ended        bool     // nothing follows that
	rows         []uint64 // fingerprints
}

// goesOn reports whether an account is the next one of the range.
func (r reply) goesOn(a stream.Account) bool {
	return r.Partition == a.Partition && r.next == a.From && a.To <= r.To
}

// errStopped says that a source left something out without an error.
var errStopped = errors.New("the source stopped before the end")

// read reads ranges to their end, and returns a reply to each and what the
// chunks were like.
func (t *sourceTest) read(ctx context.Context, ranges []stream.Range) (replies []reply, chunks []string, err error) {
	for _, r := range ranges {
		replies = append(replies, reply{Range: r, next: r.From})
	}
	for c, err := range t.Read(ctx, ranges) {
		if err != nil {
			return replies, chunks, err
		}
		chunks = append(chunks, fmt.Sprint(c.Accounts, c.Rejects))
		if err := t.sort(c, replies); err != nil {
			return replies, chunks, err
		}
	}
	for _, r := range replies {
		if r.next < r.To && !r.ended {
			return replies, chunks, fmt.Errorf("%w of %v, at %d", errStopped, r.Range, r.next)
		}
	}
	return replies, chunks, nil
}

// sort adds the rows of a chunk to the replies that its accounts belong to.
func (t *sourceTest) sort(c stream.Chunk, replies []reply) error {
	var rows []uint64
	if c.Messages != nil {
		rows = t.fingerprints(c.Messages)
	}
	for _, a := range c.Accounts {
		i := slices.IndexFunc(replies, func(r reply) bool { return r.goesOn(a) && r.next < r.To })
		if i < 0 { // it may say that nothing follows
			i = slices.IndexFunc(replies, func(r reply) bool { return r.goesOn(a) })
		}
		switch {
		case i < 0:
			return fmt.Errorf("the account of %v goes on with none of the ranges", a.Range)
		case a.To-a.From != a.Read+a.Control+a.Aborted+a.Compacted+a.Lost || a.To < a.From:
			return fmt.Errorf("the account of %v does not add up", a.Range)
		case a.Read > int64(len(rows)):
			return fmt.Errorf("the account of %v tells of more messages than the chunk has", a.Range)
		}
		r := &replies[i]
		r.next, r.ended, r.rows = a.To, a.End, append(r.rows, rows[:a.Read]...)
		rows = rows[a.Read:]
	}
	if len(rows) > 0 {
		return fmt.Errorf("a chunk has %d messages that no account tells of", len(rows))
	}
	return nil
}

// fingerprints tell rows apart.
func (t *sourceTest) fingerprints(r arrow.Record) []uint64 {
	out := make([]uint64, r.NumRows())
	for i := range out {
		var h maphash.Hash
		h.SetSeed(t.seed)
		for _, col := range r.Columns() {
			h.WriteString(col.ValueStr(i))
			h.WriteByte(0)
		}
		out[i] = h.Sum64()
	}
	return out
}

// whole reads all there is.
func (t *sourceTest) whole(extents []stream.Extent) []reply {
	replies, _, err := t.read(t.ctx, rangesOf(extents))
	if err != nil {
		t.breach("Read: %w", err)
		return nil
	}
	for i, r := range replies {
		replies[i].Range.To = r.next // of an open range it is known now
	}
	return replies
}

func rangesOf(extents []stream.Extent) (out []stream.Range) {
	for _, e := range extents {
		out = append(out, e.Range)
	}
	return out
}

// again checks that equal ranges give equal messages and bounds of chunks, and
// that a reader may leave at any chunk.
func (t *sourceTest) again(extents []stream.Extent, whole []reply) {
	_, first, err := t.read(t.ctx, rangesOf(extents))
	replies, second, err2 := t.read(t.ctx, rangesOf(extents))
	if err = errors.Join(err, err2); err != nil {
		t.breach("Read again: %w", err)
		return
	}
	if !slices.Equal(first, second) {
		t.breach("equal ranges give chunks of other bounds")
	}
	for i, r := range replies {
		if !slices.Equal(r.rows, whole[i].rows) {
			t.breach("equal ranges give other messages of %s", r.Partition)
		}
	}
	for range t.Read(t.ctx, rangesOf(extents)) {
		break
	}
}

// pieces reads two ranges of each partition at once, the newest messages and the
// oldest, in either order, with something between them and with nothing, and
// compares them with what each is alone.
func (t *sourceTest) pieces(whole []reply) {
	for _, gap := range []int64{0, 1} {
		var newest, oldest []stream.Range
		for _, w := range whole {
			if n := w.To - w.From; n >= 2+gap {
				middle := w.From + n/2
				newest = append(newest, stream.Range{Partition: w.Partition, From: middle + gap, To: w.To})
				oldest = append(oldest, stream.Range{Partition: w.Partition, From: w.From, To: middle})
			}
		}
		if len(newest) == 0 && gap == 0 {
			t.breach("no partition has two messages")
		}
		t.together(append(slices.Clone(newest), oldest...))
		t.together(append(slices.Clone(oldest), newest...))
		if gap == 0 {
			t.halves(whole, oldest, newest)
		}
	}
}

// together checks that ranges that are read at once are what each is alone.
func (t *sourceTest) together(ranges []stream.Range) {
	replies, _, err := t.read(t.ctx, ranges)
	if err != nil {
		t.breach("Read of two ranges a partition: %w", err)
		return
	}
	for i, r := range replies {
		alone, _, err := t.read(t.ctx, ranges[i:i+1])
		if err != nil {
			t.breach("Read of one range: %w", err)
		} else if !slices.Equal(r.rows, alone[0].rows) {
			t.breach("%v is other messages beside another range of its partition", r.Range)
		}
	}
}

// halves checks that the halves of a partition make it whole.
func (t *sourceTest) halves(whole []reply, oldest, newest []stream.Range) {
	for i := range oldest {
		first, _, err := t.read(t.ctx, oldest[i:i+1])
		second, _, err2 := t.read(t.ctx, newest[i:i+1])
		if errors.Join(err, err2) != nil {
			return // it was said before
		}
		of := slices.IndexFunc(whole, func(w reply) bool { return w.Partition == oldest[i].Partition })
		if !slices.Equal(slices.Concat(first[0].rows, second[0].rows), whole[of].rows) {
			t.breach("%v and %v together are other messages than both at once", oldest[i], newest[i])
		}
	}
}

// cancelled checks that a Read whose context has ended does not say that there is
// no more.
func (t *sourceTest) cancelled(extents []stream.Extent) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	if _, _, err := t.read(ctx, rangesOf(extents)); errors.Is(err, errStopped) {
		t.breach("Read with a context that has ended: %w", err)
	}
}
