package streamtest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/stream"
)

// TestSource tests a source with messages, which must not change during the test.
// It reads them several times, whole and in parts, including two ranges of a
// partition in one call. If it is a stream.Waiter, Wait must return when its
// context ends. If it is a stream.Owner, it must own what it lists. The error lists
// all failures.
func TestSource(s stream.Source) error {
	t := &sourceTest{Source: s, ctx: context.Background(), seed: maphash.MakeSeed()}
	extents := t.available()
	if len(extents) == 0 {
		t.breach("Available lists nothing to read")
	} else if whole := t.whole(extents); whole != nil {
		t.again(extents, whole)
		t.parts(whole)
		t.cancelled(extents)
		t.waits()
	}
	return errors.Join(t.breaches...)
}

// sourceTest collects the failures of one source.
type sourceTest struct {
	stream.Source
	ctx      context.Context
	seed     maphash.Seed
	breaches []error
}

func (t *sourceTest) breach(format string, args ...any) {
	t.breaches = append(t.breaches, fmt.Errorf("streamtest: "+format, args...))
}

// available returns the extents that are not empty.
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
				t.breach("Available lists %q twice, or it is not UTF-8", e.Partition)
			}
			if o, ok := t.Source.(stream.Owner); ok && !o.Owns(e.Partition) {
				t.breach("Available lists %q, which Owns reports false for", e.Partition)
			}
			names[i] = append(names[i], e.Partition)
			if e.From < e.To && !e.Gone {
				out = append(out, e)
			}
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.breach("Available lists %q, then %q", names[0], names[1])
	}
	return out
}

// result is what a source returned for one range.
type result struct {
	stream.Range
	next  int64    // the first offset not accounted for
	ended bool     // the partition ends at next
	rows  []uint64 // fingerprints
}

// continues reports whether an account is the next one of the range.
func (r result) continues(a stream.Account) bool {
	return r.Partition == a.Partition && r.next == a.From && a.To <= r.To
}

// errStopped reports that a source stopped early without an error.
var errStopped = errors.New("the source stopped before the end")

// read reads ranges to their end, and returns the result of each and a description of
// the chunks.
func (t *sourceTest) read(ctx context.Context, ranges []stream.Range) (results []result, chunks []string, err error) {
	for _, r := range ranges {
		results = append(results, result{Range: r, next: r.From})
	}
	for c, err := range t.Read(ctx, ranges) {
		if err != nil {
			return results, chunks, err
		}
		chunks = append(chunks, fmt.Sprint(c.Table, c.Accounts, c.Rejects))
		if err := t.assign(c, results); err != nil {
			return results, chunks, err
		}
	}
	for _, r := range results {
		if r.next < r.To && !r.ended {
			return results, chunks, fmt.Errorf("%w of %v, at %d", errStopped, r.Range, r.next)
		}
	}
	return results, chunks, nil
}

// assign adds the rows of a chunk to the results that its accounts belong to.
func (t *sourceTest) assign(c stream.Chunk, results []result) error {
	var rows []uint64
	if c.Messages != nil {
		rows = t.fingerprints(c.Messages)
	}
	for _, a := range c.Accounts {
		i := slices.IndexFunc(results, func(r result) bool { return r.continues(a) && r.next < r.To })
		if i < 0 { // an empty account may report the end
			i = slices.IndexFunc(results, func(r result) bool { return r.continues(a) })
		}
		switch {
		case i < 0:
			return fmt.Errorf("the account of %v continues none of the ranges", a.Range)
		case a.To-a.From != a.Read+a.Control+a.Aborted+a.Compacted+a.Lost || a.To < a.From:
			return fmt.Errorf("the account of %v does not add up", a.Range)
		case a.Read > int64(len(rows)):
			return fmt.Errorf("the account of %v has more messages than the chunk", a.Range)
		}
		r := &results[i]
		r.next, r.ended, r.rows = a.To, a.End, append(r.rows, rows[:a.Read]...)
		rows = rows[a.Read:]
	}
	if len(rows) > 0 {
		return fmt.Errorf("a chunk has %d messages without an account", len(rows))
	}
	return nil
}

// fingerprints returns a hash of each row.
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

// whole reads all messages.
func (t *sourceTest) whole(extents []stream.Extent) []result {
	results, _, err := t.read(t.ctx, rangesOf(extents))
	if err != nil {
		t.breach("Read: %w", err)
		return nil
	}
	for i, r := range results {
		results[i].Range.To = r.next // now known for open ranges, too
	}
	return results
}

func rangesOf(extents []stream.Extent) (out []stream.Range) {
	for _, e := range extents {
		out = append(out, e.Range)
	}
	return out
}

// again checks that equal ranges yield equal messages and chunks, and that the
// consumer may stop at any chunk.
func (t *sourceTest) again(extents []stream.Extent, whole []result) {
	_, first, err := t.read(t.ctx, rangesOf(extents))
	results, second, err2 := t.read(t.ctx, rangesOf(extents))
	if err = errors.Join(err, err2); err != nil {
		t.breach("Read again: %w", err)
		return
	}
	if !slices.Equal(first, second) {
		t.breach("equal ranges yield different chunks")
	}
	for i, r := range results {
		if !slices.Equal(r.rows, whole[i].rows) {
			t.breach("equal ranges yield different messages of %s", r.Partition)
		}
	}
	for range t.Read(t.ctx, rangesOf(extents)) {
		break
	}
}

// parts reads two ranges of each partition in one call, in either order, with and
// without a gap between them, and compares each with the range read alone.
func (t *sourceTest) parts(whole []result) {
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

// together checks that ranges read in one call equal each range read alone.
func (t *sourceTest) together(ranges []stream.Range) {
	results, _, err := t.read(t.ctx, ranges)
	if err != nil {
		t.breach("Read of two ranges of a partition: %w", err)
		return
	}
	for i, r := range results {
		alone, _, err := t.read(t.ctx, ranges[i:i+1])
		if err != nil {
			t.breach("Read of one range: %w", err)
		} else if !slices.Equal(r.rows, alone[0].rows) {
			t.breach("%v yields different messages beside another range of its partition", r.Range)
		}
	}
}

// halves checks that two halves of a partition equal the whole.
func (t *sourceTest) halves(whole []result, oldest, newest []stream.Range) {
	for i := range oldest {
		first, _, err := t.read(t.ctx, oldest[i:i+1])
		second, _, err2 := t.read(t.ctx, newest[i:i+1])
		if errors.Join(err, err2) != nil {
			return // already reported
		}
		of := slices.IndexFunc(whole, func(w result) bool { return w.Partition == oldest[i].Partition })
		if !slices.Equal(slices.Concat(first[0].rows, second[0].rows), whole[of].rows) {
			t.breach("%v and %v yield different messages than the whole", oldest[i], newest[i])
		}
	}
}

// cancelled checks that a Read whose context is done does not report the end of a
// range.
func (t *sourceTest) cancelled(extents []stream.Extent) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	if _, _, err := t.read(ctx, rangesOf(extents)); errors.Is(err, errStopped) {
		t.breach("Read with a context that is done: %w", err)
	}
}

// waitLimit is how long Wait may take to return after its context has ended.
const waitLimit = 5 * time.Second

// waits checks that Wait ends with its context. Although there is nothing new, Wait
// may return nil.
func (t *sourceTest) waits() {
	w, ok := t.Source.(stream.Waiter)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(t.ctx)
	returned := make(chan error, 1)
	go func() { returned <- w.Wait(ctx) }()
	cancel()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	select {
	case err := <-returned:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.breach("Wait: %w", err)
		}
	case <-limit.C:
		t.breach("Wait does not return when its context ends")
	}
}
