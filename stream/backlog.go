package stream

import "math"

// Each partition has two cursors that only go forward, and they are nothing but
// what the ledger has settled of it: the late one stands at the first offset
// that is not settled, the live one behind the last that is. Mostly they are
// one. When a partition is far behind, the live one jumps to the newest data,
// and from then on a plan has a share at both, until the late one has caught
// up. What lies ahead of the live cursor is new data, the holes behind it are
// late data.

const (
	// farBehind is how many batches may wait before new data is not read in
	// turn any more. A batch takes half an interval, if the speed is right: what
	// waits behind more than two would be older than an interval.
	farBehind = 2
	// leastJump is how many messages must wait in a partition for it to have
	// two ends that are worth a range, an interval and a fetch each.
	leastJump = 64
	// mostIntervals are settled of a partition at the most: so long as it has
	// as many, new data that comes faster than its share waits.
	mostIntervals = 4
)

// lane is what waits of one partition.
type lane struct {
	late   []Range // the lowest first
	live   Range
	oldest int64 // offsets below it are gone: to record that takes no time
	fresh  bool  // the ledger does not know the partition yet
}

// addLane takes up what is free of a partition, in ascending runs. What lies
// ahead of the live cursor is no different from the rest if the oldest is to
// go first.
func (p *planning) addLane(l lane, partition string, free []Range) {
	if n := len(free) - 1; n >= 0 {
		if r := free[n]; p.BacklogShare < 1 && r.From >= p.last(partition) {
			l.live, free = r, free[:n]
		}
		l.late = free
		p.lanes = append(p.lanes, l)
	}
}

// readable counts the offsets of a range that are not gone.
func (l *lane) readable(r Range) float64 {
	return float64(r.To - min(max(r.From, l.oldest), r.To))
}

func (l *lane) liveRows() float64 { return l.readable(l.live) }

func (l *lane) lateRows() (n float64) {
	for _, r := range l.late {
		n += l.readable(r)
	}
	return n
}

// divide plans what the lanes get of a batch of room messages: new data first,
// because it is little; the rest, and a share at the least, for late data. Both
// are spread over the partitions in proportion to what waits, so that all are
// done at the same time. Unless it is known what a batch takes, no cursor jumps.
func (p *planning) divide(room float64, known bool) {
	share := max(p.BacklogShare, 0) * room
	if known {
		p.jump(room-min(p.sum((*lane).lateRows), share), room-share)
	}
	live, late := p.sum((*lane).liveRows), p.sum((*lane).lateRows)
	p.more = p.more || live+late > room
	forLive := min(live, room-min(late, share))
	for i := range p.lanes {
		l := &p.lanes[i]
		p.take(l, l.live, portion(l.liveRows(), live, forLive))
	}
	for i := range p.lanes {
		l := &p.lanes[i]
		n := portion(l.lateRows(), late, room-forLive)
		for _, r := range l.late {
			p.take(l, r, n)
			n = max(0, n-int64(l.readable(r)))
		}
	}
}

func (p *planning) sum(rows func(*lane) float64) (n float64) {
	for i := range p.lanes {
		n += rows(&p.lanes[i])
	}
	return n
}

// portion is what of a part of all is planned, if so many of all are. Everybody
// gets one.
func portion(part, all, planned float64) int64 {
	if planned < all {
		part = min(part, math.Ceil(part*planned/all))
	}
	return int64(part)
}

// take plans the first n messages of a range, and whatever is gone before them.
func (p *planning) take(l *lane, r Range, n int64) {
	if r.To = min(r.To, max(r.From, l.oldest)+n); r.From < r.To {
		p.ranges = append(p.ranges, r)
	}
}

// jump moves the live cursors of the partitions that are far behind, given how
// many new messages a batch has room for, now and beside their late data. They
// go as far back from the newest message as a batch can bring them forward.
func (p *planning) jump(room, beside float64) {
	var waiting, n float64
	for i := range p.lanes {
		if w := p.lanes[i].liveRows(); w > 0 {
			waiting, n = waiting+w, n+1
		}
	}
	if waiting <= farBehind*room {
		return // however it is spread
	}
	part := max(int64(beside/n), 1)
	for i := range p.lanes {
		l := &p.lanes[i]
		if l.liveRows() <= max(farBehind*room/n, leastJump) || p.intervals(l.live.Partition) >= mostIntervals {
			continue
		}
		if l.fresh { // it does not begin where its first range does
			p.starts = append(p.starts, Start{Partition: l.live.Partition, At: l.live.From})
		}
		left := l.live
		left.To -= part
		l.live.From = left.To
		l.late = append(l.late, left)
	}
}
