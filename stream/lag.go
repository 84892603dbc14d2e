package stream

import (
	"time"

	"github.com/skyfinch/skyfinch/stream/internal/protocol"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// Lag is the lag of a job in one partition.
type Lag struct {
	Partition string
	// Messages is the number of offsets that are not published yet, of those that
	// the source listed when it was last asked and no other process had claimed.
	Messages int64
	// Age is the age of the oldest of these messages, by its own time; 0 if there
	// are none, and −1 if it is unknown.
	//
	// Until that message has been read, Age is an upper bound: the time since the
	// last message that this process has published before it, or since the
	// partition was last found without lag. It is unknown if there is neither, as
	// for a backlog at the start, or if messages have no times.
	Age time.Duration
}

// unknownAge is the Age of messages whose times are not known.
const unknownAge = -1

// partitionLag is what is known of the unpublished messages of a partition.
type partitionLag struct {
	messages int64
	oldest   time.Time // of the messages read in the current batch; zero if unknown
	after    time.Time // a time before those of all unread messages; zero if unknown
}

func (l *partitionLag) age(now time.Time) time.Duration {
	oldest := l.oldest
	if oldest.IsZero() {
		oldest = l.after
	}
	switch {
	case l.messages == 0:
		return 0
	case oldest.IsZero():
		return unknownAge
	}
	return max(now.Sub(oldest), 0)
}

// firstRange is the range of the current batch with the lowest offsets of its
// partition, and the times of the first and last message that were read of it.
type firstRange struct {
	Range
	first, last time.Time
}

// listed sets the lag of each partition: what of the extents, which the source
// listed at the given time, is not claimed.
func (m *meter) listed(extents []Extent, claimed *protocol.Coverage, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.lags
	m.lags, m.listedAt, m.p.Waiting = make(map[string]*partitionLag, len(before)), at, 0
	for _, x := range extents {
		n := claimed.Waiting(x.Range)
		m.p.Waiting += n
		if x.AssignedElsewhere || x.Gone || x.To == ledger.UnknownEnd {
			continue
		}
		l := before[x.Partition]
		if l == nil {
			l = &partitionLag{}
		}
		l.messages, l.oldest = n, time.Time{}
		if n == 0 {
			l.after = at
		}
		m.lags[x.Partition] = l
	}
}

// attempt begins an attempt at the given ranges.
func (m *meter) attempt(ranges []Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading, m.full = 0, time.Time{}
	m.ranges = map[string]*firstRange{}
	for _, r := range ranges {
		l := m.lags[r.Partition]
		if l == nil {
			continue
		}
		l.oldest = time.Time{}
		if f := m.ranges[r.Partition]; f == nil || r.From < f.From {
			m.ranges[r.Partition] = &firstRange{Range: r}
		}
	}
}

// read adds a chunk that has been read, given the size of its messages.
func (m *meter) read(c Chunk, bytes int64) {
	rows := chunkRows(c)
	times := messageTimes(c.Messages)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Reading += rows
	m.readRate.add(time.Since(m.begun), rows, bytes)
	if times == nil || len(m.ranges) == 0 {
		return
	}
	row := 0
	for _, a := range c.Accounts {
		to := min(row+int(max(a.Read, 0)), int(rows)) // accounts are checked later
		if f := m.ranges[a.Partition]; f != nil && f.From <= a.From && a.From < f.To {
			m.timed(f, times, row, to)
		}
		row = to
	}
}

// timed updates the first and last times of a range from the given rows.
func (m *meter) timed(f *firstRange, times *timeColumn, from, to int) {
	for i := from; i < to && f.first.IsZero(); i++ {
		if t, ok := times.at(i); ok {
			f.first = t
			if l := m.lags[f.Partition]; l != nil {
				l.oldest = t
			}
		}
	}
	for i := to - 1; i >= from; i-- {
		if t, ok := times.at(i); ok {
			f.last = t
			break
		}
	}
}

// planDone subtracts a published batch that this engine planned from the lag.
func (m *meter) planDone(p *ledger.Plan, c *ledger.Commit) {
	uncounted := map[string]bool{}
	for _, r := range p.Ranges {
		uncounted[r.Partition] = r.To == ledger.UnknownEnd
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range c.Accounts {
		if uncounted[a.Partition] {
			continue
		}
		m.p.Waiting = max(0, m.p.Waiting-a.Len())
		l := m.lags[a.Partition]
		if l == nil {
			continue
		}
		if l.messages = max(0, l.messages-a.Len()); l.messages == 0 && l.after.Before(m.listedAt) {
			l.after = m.listedAt
		}
	}
}

// rangesDone ends the current batch. published reports whether the attempt of this
// process was published.
func (m *meter) rangesDone(published bool) {
	now := time.Now()
	for name, f := range m.ranges {
		l := m.lags[name]
		if l == nil {
			continue
		}
		l.oldest = time.Time{}
		if published && f.last.After(l.after) && !f.last.After(now) { // later, it says nothing of the next ones
			l.after = f.last
		}
	}
	m.ranges = nil
}
