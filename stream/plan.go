package stream

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Limits bounds a batch, and what the engine holds of it in memory. Zero fields
// have defaults.
type Limits struct {
	// Rows is the maximum number of messages in a batch; if zero, 100,000. A
	// batch may exceed it by less than a chunk.
	Rows int64
	// Bytes is the maximum size of the messages of a batch, keys and values; if
	// zero, 1 GiB. A batch may exceed it by less than a chunk.
	Bytes int64
	// InFlight is the most memory, in bytes, of messages that have been read
	// and not yet been taken by the sink; if zero, 48 MiB. A buffer that
	// several chunks share counts once, in full. A chunk that exceeds InFlight
	// is processed alone.
	InFlight int64
	// BacklogShare is the share of a batch, up to 1, that is reserved for the
	// backlog while new data comes in; each gets what the other does not need.
	// If zero, it is a half. Surveys send a small part of what a process can
	// archive, so the backlog usually gets nearly everything; if new data
	// arrives as fast as it can be archived, the backlog still shrinks, at half
	// the speed. If 1, the oldest messages always come first. If negative,
	// nothing is reserved, and the backlog gets what new data does not need.
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
	// minBatchBytes keeps batches on a slow store from shrinking until their
	// overhead takes most of the time.
	minBatchBytes = 8 << 20
	// firstBatchBytes is enough to measure the speed.
	firstBatchBytes = 64 << 20
)

// within reduces the limits to what can be done in a time at a speed in bytes
// per second, 0 if unknown. A batch becomes readable as a whole, so new data
// waits for the duration of its batch and of the one before. Without a speed it
// is unknown whether a partition has a backlog: the oldest messages come first.
func (l Limits) within(t time.Duration, speed float64) Limits {
	if speed <= 0 {
		l.Bytes, l.BacklogShare = min(l.Bytes, firstBatchBytes), 1
		return l
	}
	l.Bytes = min(l.Bytes, max(int64(speed*t.Seconds()), minBatchBytes))
	return l
}

// planInput is what choose needs besides the ledger and the source.
type planInput struct {
	limits      Limits
	messageSize float64                     // mean of the batch before, in bytes; 0 if unknown
	recordLost  bool                        // see MicroBatch.RecordLost
	owns        func(partition string) bool // see Owner; if nil, the source owns all partitions
}

// choose returns the ranges of the next batch. From each partition it takes new
// data and, if it has a backlog, old data; see divide. The number of rows
// follows from their size, as the source estimates it or as it was in the last
// batch. Ranges with an unknown end come last, in the order of the source,
// until the limits are reached. Those that were begun and are no longer listed
// come first among them: the source must account for them.
//
// more reports whether something was left. A partition that the ledger does not
// know and that has nothing to read yet gets a start, so that what arrives or is
// lost before the next plan is accounted for.
func choose(c *protocol.Coverage, extents []Extent, in planInput) (ranges []Range, starts []ledger.Start, more bool, err error) {
	if err := checkExtents(extents); err != nil {
		return nil, nil, false, err
	}
	p := planner{in: in, covered: c, newLedger: c.Empty()}
	rest := unlisted(c, extents)
	if in.owns != nil {
		rest = slices.DeleteFunc(rest, func(e Extent) bool { return !in.owns(e.Partition) })
	}
	for _, e := range append(rest, extents...) {
		if err := p.add(e); err != nil {
			return nil, nil, false, err
		}
	}
	rows, size := float64(in.limits.Rows-p.openRows), messageSize(extents, in.messageSize)
	if size > 0 {
		rows = min(rows, float64(in.limits.Bytes-p.openBytes)/size)
	}
	p.divide(max(math.Floor(rows), 1), size > 0)
	return append(p.ranges, p.openRanges...), p.starts, p.more, nil
}

// unlisted returns an extent for each unfinished partition that the source does
// not list: its file was moved or deleted, or the job no longer asks for it.
func unlisted(c *protocol.Coverage, extents []Extent) (out []Extent) {
	missing := maps.Clone(c.Unfinished())
	for _, e := range extents {
		delete(missing, e.Partition)
	}
	for _, p := range slices.Sorted(maps.Keys(missing)) {
		out = append(out, Extent{Range: Range{Partition: p, To: ledger.UnknownEnd}})
	}
	return out
}

// planner makes one plan.
type planner struct {
	in        planInput
	covered   *protocol.Coverage
	newLedger bool               // the ledger names no partition yet
	pending   []pendingPartition // with a known end

	openRows, openBytes int64 // rows and bytes in openRanges, as estimated
	ranges, openRanges  []Range
	starts              []ledger.Start
	more                bool
}

// add adds what is to be read of an extent.
func (p *planner) add(e Extent) error {
	oldest, known := e.From, p.covered.Knows(e.Partition)
	start := startOf(e, p.newLedger && !e.Gone)
	lowest, _ := p.covered.Lowest(e.Partition)
	switch {
	case start > e.From || !known && (e.To <= start || e.AssignedElsewhere):
		p.starts = append(p.starts, ledger.Start{Partition: e.Partition, At: start, Skipped: start - e.From})
		e.From, oldest, known = start, start, true
	case e.AssignedElsewhere: // the assigned process reports what is lost
	case known && lowest < oldest:
		if !p.in.recordLost {
			return lostError(p.covered.Free(Range{Partition: e.Partition, From: lowest, To: oldest}))
		}
		e.From = lowest // the source accounts for what is gone
	}
	switch {
	case e.AssignedElsewhere:
		return nil
	case e.Gone:
		return p.addGone(e)
	case e.To == ledger.UnknownEnd:
		p.addOpen(e)
	default:
		p.addPending(pendingPartition{isNew: !known, oldest: oldest}, e.Partition, p.covered.Free(e.Range))
	}
	return nil
}

// addGone adds a partition that no longer exists, whole: it takes no reading.
func (p *planner) addGone(e Extent) error {
	free := p.covered.Free(e.Range)
	if len(free) > 0 && !p.in.recordLost {
		return lostError(free)
	}
	p.openRanges = append(p.openRanges, free...)
	if len(free) == 0 && !p.covered.Ended(e.Partition) {
		// Nothing is lost, but the ledger must record the end.
		from := max(p.covered.Last(e.Partition), e.From)
		p.openRanges = append(p.openRanges, Range{Partition: e.Partition, From: from, To: ledger.UnknownEnd})
	}
	return nil
}

// addOpen adds a partition whose end is unknown. It is read from its first free
// offset on.
func (p *planner) addOpen(e Extent) {
	switch free := p.covered.Free(e.Range); {
	case len(free) == 0:
	case free[0].To != ledger.UnknownEnd:
		p.addPending(pendingPartition{oldest: e.From}, e.Partition, free[:1])
	case p.openRows >= p.in.limits.Rows || p.openBytes >= p.in.limits.Bytes:
		p.more = true
	default:
		p.openRows, p.openBytes = p.openRows+1, p.openBytes+e.Bytes
		p.openRanges = append(p.openRanges, free[0])
	}
}

// messageSize returns the mean size of a message by the source's estimates, or
// otherwise if there are none.
func messageSize(extents []Extent, otherwise float64) float64 {
	var bytes, rows float64
	for _, e := range extents {
		if e.Bytes > 0 && e.To != ledger.UnknownEnd && e.To > e.From {
			bytes, rows = bytes+float64(e.Bytes), rows+float64(e.Len())
		}
	}
	if rows == 0 {
		return otherwise
	}
	return bytes / rows
}

// checkExtents returns an error if a ledger could not distinguish the extents.
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

// startOf returns where the reading of an extent begins: at its Start if the
// ledger is new, else at its oldest offset.
func startOf(e Extent, newLedger bool) int64 {
	if newLedger {
		return max(e.Start, e.From)
	}
	return e.From
}

// lostError returns an error that names everything that is lost.
func lostError(lost []Range) error {
	err := error(&LostError{lost[0]})
	for _, r := range lost[1:] {
		err = fmt.Errorf("%w; %w", err, &LostError{r})
	}
	return err
}
