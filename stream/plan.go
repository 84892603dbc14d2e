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
	// BacklogShare is the part of a batch that is kept for late data while new
	// data comes in, up to 1; what either of them does not need, the other
	// gets. 0: a half. Surveys send a small part of what a process can archive,
	// so that late data mostly gets nearly all; and where new data comes as
	// fast as it can be archived, a backlog takes twice the time that it would
	// take alone, but it comes to its end. 1: strictly the oldest first. Below
	// 0: nothing is kept, and late data gets what new data leaves.
	BacklogShare float64
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
	if l.BacklogShare == 0 || math.IsNaN(l.BacklogShare) {
		l.BacklogShare = 0.5
	}
	return l
}

const (
	// leastBatch keeps batches on a slow store from becoming ever smaller
	// ones, of which each takes the time that it takes to begin and end one.
	leastBatch = 8 << 20
	// firstBatch is enough to see how fast batches are.
	firstBatch = 64 << 20
)

// within shrinks the limits to what can be done in a time at a speed in bytes
// a second, 0 if it is not known: a batch can be read when it is whole, so new
// data waits for as long as it takes, and for the batch before. Without a speed
// nobody knows how far behind a partition is: the oldest goes first.
func (l Limits) within(t time.Duration, speed float64) Limits {
	if speed <= 0 {
		l.Bytes, l.BacklogShare = min(l.Bytes, firstBatch), 1
		return l
	}
	l.Bytes = min(l.Bytes, max(int64(speed*t.Seconds()), leastBatch))
	return l
}

// terms are what choose goes by besides the ledger and the source.
type terms struct {
	Limits
	rowBytes   float64 // of a message of the batch before; 0: not known
	recordLost bool    // a range may begin before what is left
}

// choose picks the ranges of the next batch: of each partition what is new and,
// where it has been left behind, what is late; see divide. How many rows that
// is follows from their size: as the source estimates it, else as it was in the
// last batch. Then come open ranges, in the order of the source, until the
// limits are reached, before them those that were begun and that the source
// does not list any more: it must answer for them. more says that something was
// left. A partition that the ledger does not know and that has nothing to read
// yet gets a start, so that what comes, or is lost, before the next plan counts.
func choose(c *claims, extents []Extent, l terms) (ranges []Range, starts []Start, more bool, err error) {
	if err := checkExtents(extents); err != nil {
		return nil, nil, false, err
	}
	p := planning{claims: c, terms: l, fresh: c.empty()}
	extents = append(c.owed(extents), extents...)
	for _, e := range extents {
		if err := p.add(e); err != nil {
			return nil, nil, false, err
		}
	}
	rows, size := float64(l.Rows-p.opened), rowBytes(extents, l.rowBytes)
	if size > 0 {
		rows = min(rows, float64(l.Bytes-p.bytes)/size)
	}
	p.divide(max(math.Floor(rows), 1), size > 0)
	return append(p.ranges, p.open...), p.starts, p.more, nil
}

// planning is the making of one plan.
type planning struct {
	*claims
	terms
	fresh bool   // the ledger names no partition yet
	lanes []lane // with an end

	opened, bytes int64 // messages and bytes that are taken by open ranges
	ranges, open  []Range
	starts        []Start
	more          bool
}

// add takes up an extent.
func (p *planning) add(e Extent) error {
	oldest, known := e.From, p.knows(e.Partition)
	start := startOf(e, p.fresh && !e.Gone)
	next, _ := p.next(e.Partition)
	switch {
	case start > e.From || !known && (e.To <= start || e.AssignedElsewhere):
		p.starts = append(p.starts, Start{Partition: e.Partition, At: start, Skipped: start - e.From})
		e.From, oldest, known = start, start, true
	case e.AssignedElsewhere: // what is lost is for its own process to say
	case known && next < oldest:
		if !p.recordLost {
			return lostError(p.runs(Extent{Range: Range{e.Partition, next, oldest}}))
		}
		e.From = next // the source answers for what is gone
	}
	switch {
	case e.AssignedElsewhere:
		return nil
	case e.Gone:
		return p.addGone(e)
	case e.To == Open:
		p.addOpen(e)
	default:
		p.addLane(lane{fresh: !known, oldest: oldest}, e.Partition, p.runs(e))
	}
	return nil
}

// addGone takes up a partition that is no more, whole: nothing has to be read.
func (p *planning) addGone(e Extent) error {
	runs := p.runs(e)
	if len(runs) > 0 && !p.recordLost {
		return lostError(runs)
	}
	p.open = append(p.open, runs...)
	if len(runs) == 0 && !p.ended(e.Partition) {
		// Nothing is lost, but the ledger shall know that it has ended.
		p.open = append(p.open, Range{e.Partition, max(p.last(e.Partition), e.From), Open})
	}
	return nil
}

// addOpen takes up a partition of which nobody knows the end: it is read from
// its first free offset on, and has no newest ones.
func (p *planning) addOpen(e Extent) {
	switch r, ok := p.free(e); {
	case !ok:
	case r.To != Open:
		p.addLane(lane{oldest: e.From}, e.Partition, []Range{r})
	case p.opened >= p.Rows || p.bytes >= p.Bytes:
		p.more = true
	default:
		p.opened, p.bytes = p.opened+1, p.bytes+e.Bytes
		p.open = append(p.open, r)
	}
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

// lostError names what is lost, all of it.
func lostError(lost []Range) error {
	err := error(&LostError{lost[0]})
	for _, r := range lost[1:] {
		err = fmt.Errorf("%w; %w", err, &LostError{r})
	}
	return err
}
