package stream

import (
	"math"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Each partition has two cursors that only move forward, and they are nothing
// but what the ledger has settled: the backlog cursor is at the first offset
// that is not settled, the live cursor is after the last one that is. Mostly
// they are the same. When a partition has fallen far behind, the live cursor
// jumps to the newest data, and each plan then takes a share at both, until the
// backlog cursor has caught up. Everything after the live cursor is new data;
// the gaps before it are the backlog.

const (
	// jumpAfterBatches is how many full batches may wait before the live cursor
	// jumps. A batch takes half an interval, so what waits for more than two
	// would become older than an interval.
	jumpAfterBatches = 2
	// minJump is how many messages must wait in a partition to be worth a second
	// range, interval and fetch.
	minJump = 64
	// maxIntervals is the most settled intervals of a partition: at that many,
	// new data that comes faster than its share waits.
	maxIntervals = 4
)

// pendingRange is what is waiting of one partition with a known end.
type pendingRange struct {
	backlog []Range // in ascending order
	live    Range
	oldest  int64 // lower offsets are gone: recording that takes no time
	isNew   bool  // the ledger does not know the partition yet
}

// addPending takes up the free ranges of a partition, in ascending order. If
// the oldest is to come first, new data is not treated separately.
func (p *planner) addPending(l pendingRange, partition string, free []Range) {
	if n := len(free) - 1; n >= 0 {
		if r := free[n]; p.BacklogShare < 1 && r.From >= p.covered.Last(partition) {
			l.live, free = r, free[:n]
		}
		l.backlog = free
		p.pending = append(p.pending, l)
	}
}

// readable counts the offsets of a range that still exist.
func (l *pendingRange) readable(r Range) float64 {
	return float64(r.To - min(max(r.From, l.oldest), r.To))
}

func (l *pendingRange) liveRows() float64 { return l.readable(l.live) }

func (l *pendingRange) backlogRows() (n float64) {
	for _, r := range l.backlog {
		n += l.readable(r)
	}
	return n
}

// divide shares out a batch of room messages: new data first, because it is
// little, and the rest, but at least its share, to the backlog. Both are spread
// over the partitions in proportion to what waits, so that all finish at the
// same time. No cursor jumps unless the size of a batch is known.
func (p *planner) divide(room float64, sizeKnown bool) {
	share := max(p.BacklogShare, 0) * room
	if sizeKnown {
		p.jump(room-min(p.sum((*pendingRange).backlogRows), share), room-share)
	}
	live, backlog := p.sum((*pendingRange).liveRows), p.sum((*pendingRange).backlogRows)
	p.more = p.more || live+backlog > room
	forLive := min(live, room-min(backlog, share))
	for i := range p.pending {
		l := &p.pending[i]
		p.take(l, l.live, portion(l.liveRows(), live, forLive))
	}
	for i := range p.pending {
		l := &p.pending[i]
		n := portion(l.backlogRows(), backlog, room-forLive)
		for _, r := range l.backlog {
			p.take(l, r, n)
			n = max(0, n-int64(l.readable(r)))
		}
	}
}

func (p *planner) sum(rows func(*pendingRange) float64) (n float64) {
	for i := range p.pending {
		n += rows(&p.pending[i])
	}
	return n
}

// portion returns how many of a partition's rows are planned if planned of all
// rows are: at least one.
func portion(rows, all, planned float64) int64 {
	if planned < all {
		rows = min(rows, math.Ceil(rows*planned/all))
	}
	return int64(rows)
}

// take plans the first n messages of a range, and whatever is gone before them.
func (p *planner) take(l *pendingRange, r Range, n int64) {
	if r.To = min(r.To, max(r.From, l.oldest)+n); r.From < r.To {
		p.ranges = append(p.ranges, r)
	}
}

// jump moves the live cursors of partitions that have fallen far behind, given
// how many new messages a batch has room for without and with a backlog beside
// them. They go as far back from the newest message as one batch can read.
func (p *planner) jump(room, roomBesideBacklog float64) {
	var waiting, n float64
	for i := range p.pending {
		if w := p.pending[i].liveRows(); w > 0 {
			waiting, n = waiting+w, n+1
		}
	}
	if waiting <= jumpAfterBatches*room {
		return // however it is distributed
	}
	rows := max(int64(roomBesideBacklog/n), 1)
	for i := range p.pending {
		l := &p.pending[i]
		if l.liveRows() <= max(jumpAfterBatches*room/n, minJump) || p.covered.Intervals(l.live.Partition) >= maxIntervals {
			continue
		}
		if l.isNew { // it does not begin at its first range
			p.starts = append(p.starts, ledger.Start{Partition: l.live.Partition, At: l.live.From})
		}
		left := l.live
		left.To -= rows
		l.live.From = left.To
		l.backlog = append(l.backlog, left)
	}
}
