package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path"
	"time"
)

// A message may kill whatever process reads it: one that takes all memory, say.
// So an attempt at a batch that an earlier process has begun leaves a record
// before it begins, and one when it has ended in an orderly manner. Attempts
// that have a beginning and no end have died, or are still at work: signs.go
// tells which. After two
// of these the next covers the first half of the batch, the one after it a
// quarter, until a message stands alone; when it has killed three, it is
// rejected unread. A batch of which the first part went well says so in its
// commit, and the next plan is made of the rest.

const (
	deathsWhole = 2       // attempts that may die before the batch is halved
	deathsAlone = 3       // attempts at a single message that may die
	longestOpen = 1 << 16 // offsets of a range without an end that need no care
)

// try is what an attempt at a batch covers.
type try struct {
	batch  int64
	number int     // 1 is the planner's, which has no record but the plan
	ranges []Range // to be read
	limit  int64   // offsets, if these are less than was planned; else 0
	refuse string  // reject all of it, for this cause

	record []byte // that begins it; nil: the plan does
	ready  bool   // it has begun
	pulse  *pulse // nil: nobody listens
}

// tries is what an engine knows of its attempts.
type tries struct {
	now  *try    // at the batch in hand, which is not decided yet
	rest []Range // what an attempt left out that was cut short
	size int64   // and how many offsets it covered
}

// claimed is the content of the record of an attempt.
type claimed struct {
	Token   string    `json:"token"`
	Created time.Time `json:"created"`
	// Alive says that the attempt before this one was alive, and stuck.
	Alive bool `json:"alive,omitempty"`
}

// beginTry says what the next attempt at a batch is to cover; nil if another
// process was first to begin one.
func (e *engine) beginTry(ctx context.Context, p *Plan) (*try, error) {
	t := e.tries.now
	if t == nil || t.batch != p.Batch {
		e.endTry(ctx)
		var err error
		if t, err = e.newTry(ctx, p); err != nil {
			return nil, err
		}
		e.tries.now = t // from here on it is the same one, whatever has to be repeated
	}
	if t.ready {
		return t, nil
	}
	deaths := 0
	if t.record != nil {
		stands, err := e.ledger.records.PutIfAbsent(ctx, path.Join(e.ledger.dir, tryName(t.batch, t.number)), t.record)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(stands, t.record) {
			e.tries.now, e.signs[p.Batch] = nil, &signs{at: time.Now(), attempt: t.number}
			return nil, nil
		}
		if deaths, err = e.ledger.deaths(ctx, t.batch, t.number); err != nil {
			return nil, err
		}
	}
	t.cover(p, deaths)
	if t.limit > 0 || t.refuse != "" {
		e.log.Warn("processes ended while they were at a batch", "batch", p.Batch, "times", deaths, "offsets", t.limit, "refused", t.refuse != "")
	}
	if !e.alone {
		e.beatOn(ctx, t)
	}
	t.ready = true
	return t, nil
}

// newTry is the next attempt at a batch, which is not begun yet.
func (e *engine) newTry(ctx context.Context, p *Plan) (*try, error) {
	t := &try{batch: p.Batch, number: 1}
	if e.planned(p) {
		return t, nil
	}
	s := e.signs[p.Batch]
	if e.alone {
		if err := e.ledger.listen(ctx, p.Batch, s); err != nil { // only to count the attempts
			return nil, err
		}
	}
	t.number = s.attempt + 1
	var err error
	t.record, err = json.Marshal(claimed{newToken(), time.Now().UTC(), s.stuck && !e.alone})
	return t, err
}

// deaths counts the attempts before one that have neither ended nor were seen
// alive by the next one.
func (l *Ledger) deaths(ctx context.Context, batch int64, before int) (n int, err error) {
	for k := 1; k < before; k++ {
		var next claimed
		if _, err := l.note(ctx, tryName(batch, k+1), &next); err != nil {
			return 0, err
		}
		died, err := l.absent(ctx, tryName(batch, k)+tryEnd)
		if err != nil {
			return 0, err
		}
		if died && !next.Alive {
			n++
		}
	}
	return n, nil
}

// note reads a small record into v, and reports whether there is one.
func (l *Ledger) note(ctx context.Context, name string, v any) (bool, error) {
	data, err := l.records.Get(ctx, path.Join(l.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		batch, _ := batchOf(name)
		return false, Permanent(&DamagedError{batch, name, err})
	}
	return true, nil
}

// endTry says of the attempt in hand that it has not died, though it came to
// nothing.
func (e *engine) endTry(ctx context.Context) {
	t := e.tries.now
	if t == nil {
		return
	}
	e.forgetTry()
	if e.ledger.memory != nil {
		return
	}
	if err := e.ledger.tell(ctx, tryName(t.batch, t.number)+tryEnd, struct{}{}); err != nil {
		e.log.Info("the ledger was not told of the end of an attempt", "batch", t.batch, "err", err)
	}
}

// forgetTry ends the attempt in hand, whose batch is decided.
func (e *engine) forgetTry() {
	e.tries.now.pulse.over()
	e.tries.now = nil
}

const tryEnd = "end"

func tryName(batch int64, number int) string { return fmt.Sprintf("%012d.try%d", batch, number) }

// cover chooses the ranges, after so many attempts have died.
func (t *try) cover(p *Plan, deaths int) {
	all, open := int64(0), false
	for _, r := range p.Ranges {
		all, open = all+lengthOf(r), open || r.To == Open
	}
	size, halvings := p.Limit, deaths
	if size == 0 {
		size, halvings = all, max(deaths-deathsWhole+1, 0)
	}
	most := max(bits.Len64(uint64(size))-1, 0) // then one offset is left
	t.limit = max(size>>min(halvings, most), 1)
	if alone := halvings - most; all > 0 && alone >= deathsAlone {
		t.refuse = fmt.Sprintf("killed the process that read it, %d times", alone)
	}
	if deaths < deathsWhole && p.Limit == 0 || t.limit >= all && (!open || t.limit >= longestOpen) {
		t.limit = 0
	}
	t.ranges, _ = split(p.Ranges, t.limit)
}

// lengthOf is what a range counts for. How long an open one is nobody knows;
// most are files of one message.
func lengthOf(r Range) int64 {
	if r.To == Open {
		return 2
	}
	return r.Len()
}

// split cuts ranges behind so many offsets; 0: they stay whole. Of each open
// range at most as many are taken.
func split(ranges []Range, limit int64) (first, rest []Range) {
	if limit <= 0 {
		return ranges, nil
	}
	left := limit
	for _, r := range ranges {
		n := min(r.Len(), left)
		if r.To == Open && left > 0 {
			n = min(limit, Open-r.From)
		}
		left -= min(lengthOf(r), left)
		if n > 0 {
			first = append(first, Range{r.Partition, r.From, r.From + n})
		}
		if n < r.Len() {
			rest = append(rest, Range{r.Partition, r.From + n, r.To})
		}
	}
	return first, rest
}

// suspect learns from a commit whether the rest of its plan is to be read with
// care: as much of it at a time as went well, and twice as much if nobody died
// of that.
func (e *engine) suspect(x *entry) {
	e.tries.rest, e.tries.size = nil, 0
	if n := x.committed.Limit; n > 0 {
		_, e.tries.rest = split(x.plan.Ranges, n)
		e.tries.size = n
		if n == x.plan.Limit {
			e.tries.size = 2 * n
		}
	}
}

// carefully replaces the ranges of a plan by those that an attempt left out, as
// far as they are free.
func (t *tries) carefully(c *claims, p *Plan) {
	var free []Range
	for _, r := range t.rest {
		if got, ok := c.free(Extent{Range: r}); ok && got.From == r.From {
			free = append(free, got)
		}
	}
	if free != nil {
		p.Ranges, p.Limit = free, t.size
	}
	t.rest, t.size = nil, 0
}

// absent reports whether the ledger has no such record.
func (l *Ledger) absent(ctx context.Context, name string) (bool, error) {
	_, err := l.records.Get(ctx, path.Join(l.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}
