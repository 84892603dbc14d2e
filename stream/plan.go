package stream

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Limits bounds a batch and what the engine holds of it. Zero fields mean the
// defaults.
type Limits struct {
	// Rows is the most messages in a batch; 100,000. A batch may pass it by
	// less than a chunk.
	Rows int64
	// Bytes is the most bytes of messages, keys and values, in a batch; 1 GiB.
	// A batch may pass it by less than a chunk.
	Bytes int64
	// InFlight is the most memory of messages read and not yet taken by the
	// sink, in bytes; 48 MiB. A buffer that several chunks were cut from
	// counts once, and whole. A larger chunk passes alone.
	InFlight int64
}

func (l Limits) withDefaults() Limits {
	if l.Rows <= 0 {
		l.Rows = 100_000
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 30
	}
	if l.InFlight <= 0 {
		l.InFlight = 48 << 20
	}
	return l
}

// leastBatch keeps slow batches from becoming ever smaller ones.
const leastBatch = 64 << 20

// within shrinks the limits to what can be done in a time at a speed in bytes
// a second, 0 if it is not known: new data should not wait long behind a
// batch of old data.
func (l Limits) within(t time.Duration, speed float64) Limits {
	if n := int64(speed * t.Seconds()); speed > 0 {
		l.Bytes = min(l.Bytes, max(n, leastBatch))
	}
	return l
}

// terms are what choose goes by besides the ledger and the source.
type terms struct {
	Limits
	rowBytes   float64 // of a message of the batch before; 0: not known
	recordLost bool    // a range may begin before what is left
}

// choose picks the ranges of the next batch: of each partition the oldest
// offsets that are free, in proportion to what waits there, so that all
// partitions are done at the same time. How many rows that is follows from
// their size: as the source estimates it, else as it was in the last batch.
// Open ranges are taken in the order of the source until the limits are
// reached, before them those that were begun and that the source does not list
// any more: it must answer for them. more says that something was left.
// A partition that the ledger does not know and that has nothing to read yet
// gets a start, so that what comes, or is lost, before the next plan counts.
func choose(c *claims, extents []Extent, l terms) (ranges []Range, starts []Start, more bool, err error) {
	if err := checkExtents(extents); err != nil {
		return nil, nil, false, err
	}
	fresh := c.empty()
	extents = append(c.owed(extents), extents...)
	var waiting float64
	var open, bytes int64
	for _, e := range extents {
		s := startOf(e, fresh && !e.Gone)
		if unread := e.To <= s && !c.knows(e.Partition); s > e.From || unread {
			starts = append(starts, Start{Partition: e.Partition, At: s, Skipped: s - e.From})
			e.From = s
		} else if next, ok := c.next(e.Partition); ok && next < e.From {
			if !l.recordLost {
				return nil, nil, false, &LostError{Range{e.Partition, next, e.From}}
			}
			e.From = next // the source answers for what is gone
		}
		r, ok := c.free(e)
		switch {
		case !ok && e.Gone && !c.parts[e.Partition].ended:
			r = Range{e.Partition, c.last(e.Partition), Open} // nothing is lost, but the ledger shall know that it has ended
		case !ok:
			continue
		case e.Gone && !l.recordLost:
			return nil, nil, false, &LostError{r}
		}
		if r.To != Open {
			waiting += float64(r.Len())
			ranges = append(ranges, r)
			continue
		}
		if open >= l.Rows || bytes >= l.Bytes {
			more = true
			continue
		}
		open, bytes = open+1, bytes+e.Bytes
		ranges = append(ranges, r)
	}
	rows := float64(l.Rows - open)
	if size := rowBytes(extents, l.rowBytes); size > 0 {
		rows = min(rows, float64(l.Bytes-bytes)/size)
	}
	if room := max(math.Floor(rows), 1); waiting > room {
		more = true
		for i, r := range ranges {
			if r.To != Open {
				ranges[i].To = r.From + int64(math.Ceil(float64(r.Len())*room/waiting))
			}
		}
	}
	return ranges, starts, more, nil
}

// rowBytes is the size of a message by the estimates of the source, or the
// one given where it has none.
func rowBytes(extents []Extent, otherwise float64) float64 {
	var bytes, rows float64
	for _, e := range extents {
		if e.Bytes > 0 && e.To != Open && e.To > e.From {
			bytes, rows = bytes+float64(e.Bytes), rows+float64(e.Len())
		}
	}
	if rows == 0 {
		return otherwise
	}
	return bytes / rows
}

// checkExtents returns an error for extents that a ledger cannot keep apart.
func checkExtents(extents []Extent) error {
	seen := make(map[string]bool, len(extents))
	for _, e := range extents {
		switch {
		case !utf8.ValidString(e.Partition):
			return Permanent(fmt.Errorf("stream: partition name %q is not UTF-8, which the ledger's JSON would change", e.Partition))
		case seen[e.Partition]:
			return Permanent(fmt.Errorf("stream: the source has two partitions named %q", e.Partition))
		}
		seen[e.Partition] = true
	}
	return nil
}

// startOf is where the reading of an extent begins: where its Start says if
// the ledger is new, else at its oldest offset.
func startOf(e Extent, fresh bool) int64 {
	if fresh {
		return max(e.Start, e.From)
	}
	return e.From
}
