package stream

import (
	"math"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Each partition has two cursors that only move forward. Both follow from what
// the ledger has settled: the backlog cursor is the first offset that is not
// settled, the live cursor is the one after the last that is. Usually they are
// equal. When a partition has fallen far behind, the live cursor jumps to the
// newest data, and each plan then takes a share at both cursors, until the
// backlog cursor has caught up. Everything from the live cursor on is new data;
// the gaps before it are the backlog.

const (
	// jumpAfterBatches is how many full batches may wait before the live cursor
	// jumps. A batch takes half an interval, so data that waits for more than
	// two would be older than an interval when it is published.
	jumpAfterBatches = 2
	// minJump is the number of waiting messages that justify a second range,
	// interval and fetch for a partition.
	minJump = 64
	// maxIntervals is the most intervals that the settled offsets of a partition
	// form. At that many no cursor jumps, and new data may have to wait.
	maxIntervals = 4
)

// pendingPartition is what waits to be read of a partition with a known end.
type pendingPartition struct {
	backlog []Range // in ascending order
	live    Range
	oldest  int64 // lower offsets are gone: to record that takes no time
	isNew   bool  // the ledger does not know the partition yet
}

// addPending adds the free ranges of a partition, which are in ascending order.
// If the oldest messages come first, new data is part of the backlog.
func (p *planner) addPending(w pendingPartition, partition string, free []Range) {
	if n := len(free) - 1; n >= 0 {
		if r := free[n]; p.in.limits.BacklogShare < 1 && r.From >= p.covered.Last(partition) {
			w.live, free = r, free[:n]
		}
		w.backlog = free
		p.pending = append(p.pending, w)
	}
}

// readable counts the offsets of a range that still exist.
func (w *pendingPartition) readable(r Range) float64 {
	return float64(r.To - min(max(r.From, w.oldest), r.To))
}

func (w *pendingPartition) liveRows() float64 { return w.readable(w.live) }

func (w *pendingPartition) backlogRows() (n float64) {
	for _, r := range w.backlog {
		n += w.readable(r)
	}
	return n
}

// divide plans a batch of room messages: new data first, because there is
// little of it, and the rest, but at least its share, for the backlog. Both are
// divided among the partitions in proportion to what waits, so that all catch up
// at the same time. No cursor jumps unless the size of a message is known.
func (p *planner) divide(room float64, sizeKnown bool) {
	share := max(p.in.limits.BacklogShare, 0) * room
	if sizeKnown {
		p.jump(room-min(p.sum((*pendingPartition).backlogRows), share), room-share)
	}
	live, backlog := p.sum((*pendingPartition).liveRows), p.sum((*pendingPartition).backlogRows)
	p.more = p.more || live+backlog > room
	forLive := min(live, room-min(backlog, share))
	for i := range p.pending {
		w := &p.pending[i]
		p.take(w, w.live, portion(w.liveRows(), live, forLive))
	}
	for i := range p.pending {
		w := &p.pending[i]
		n := portion(w.backlogRows(), backlog, room-forLive)
		for _, r := range w.backlog {
			p.take(w, r, n)
			n = max(0, n-int64(w.readable(r)))
		}
	}
}

func (p *planner) sum(rows func(*pendingPartition) float64) (n float64) {
	for i := range p.pending {
		n += rows(&p.pending[i])
	}
	return n
}

// portion returns how many of a partition's rows are planned, at least one, if
// planned is how many of all rows are.
func portion(rows, all, planned float64) int64 {
	if planned < all {
		rows = min(rows, math.Ceil(rows*planned/all))
	}
	return int64(rows)
}

// take plans the first n messages of a range, and what is gone before them.
func (p *planner) take(w *pendingPartition, r Range, n int64) {
	if r.To = min(r.To, max(r.From, w.oldest)+n); r.From < r.To {
		p.ranges = append(p.ranges, r)
	}
}

// jump moves the live cursors of partitions that have fallen far behind so close
// to the newest message that one batch can read the rest. room is how many new
// messages the batch has room for, roomBesideBacklog how many when the backlog
// needs its whole share.
func (p *planner) jump(room, roomBesideBacklog float64) {
	var waiting, n float64
	for i := range p.pending {
		if rows := p.pending[i].liveRows(); rows > 0 {
			waiting, n = waiting+rows, n+1
		}
	}
	if waiting <= jumpAfterBatches*room {
		return // although one partition may have most of it
	}
	rows := max(int64(roomBesideBacklog/n), 1)
	for i := range p.pending {
		w := &p.pending[i]
		if w.liveRows() <= max(jumpAfterBatches*room/n, minJump) || p.covered.Intervals(w.live.Partition) >= maxIntervals {
			continue
		}
		if w.isNew { // it does not begin at its first range
			p.starts = append(p.starts, ledger.Start{Partition: w.live.Partition, At: w.live.From})
		}
		left := w.live
		left.To -= rows
		w.live.From = left.To
		w.backlog = append(w.backlog, left)
	}
}
