package stream

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
)

// History keeps the records of batches whose own files have been removed, for
// audits. A segment holds those of a run of batches; like a snapshot it is a
// function of what it covers, so that segments may overlap and be written
// twice. Eight of about a size are joined into one, up to a size.

const (
	historyDir  = "history/"
	joined      = 8
	mostSegment = 16 << 20 // bytes; larger segments are not joined

	longestSegment = 1024 // batches that are put into one at a time
)

// segment is a run of batches in history.
type segment struct {
	from, to int64 // both included
	size     int64 // in bytes
}

func (s segment) name() string { return fmt.Sprintf("%s%012d-%012d", historyDir, s.from, s.to) }

// line is what a segment has of a batch, as JSON.
type line struct {
	Plan   *Plan   `json:"plan"`
	Commit *Commit `json:"commit"`
}

// archive puts all batches up to one into history.
func (l *Ledger) archive(ctx context.Context, through int64) error {
	segments, _, err := l.segments(ctx)
	if err != nil {
		return err
	}
	s := segment{from: 1}
	if n := len(segments); n > 0 {
		s.from = segments[n-1].to + 1
	}
	for ; s.from <= through; s.from = s.to + 1 {
		s.to = min(s.from+longestSegment-1, through)
		if err := l.writeSegment(ctx, s); err != nil {
			return err
		}
	}
	return l.join(ctx)
}

// writeSegment makes a segment of records.
func (l *Ledger) writeSegment(ctx context.Context, s segment) error {
	var lines bytes.Buffer
	for n := s.from; n <= s.to; n++ {
		p, err := l.Plan(ctx, n)
		if err != nil {
			return err
		}
		c, err := l.Commit(ctx, n)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(&lines).Encode(line{p, c}); err != nil {
			return err
		}
	}
	_, err := l.records.PutIfAbsent(ctx, path.Join(l.dir, s.name()), pack(lines.Bytes()))
	return err
}

// join replaces the last segments by one, as often as there are enough of a
// size.
func (l *Ledger) join(ctx context.Context) error {
	for {
		segments, within, err := l.segments(ctx)
		if err != nil {
			return err
		}
		for _, s := range within {
			if err := l.records.Delete(ctx, path.Join(l.dir, s.name())); err != nil {
				return err
			}
		}
		run := joinable(segments)
		if run == nil {
			return nil
		}
		whole := segment{from: run[0].from, to: run[len(run)-1].to}
		var data []byte // members of gzip one after the other are its content one after the other
		for _, s := range run {
			part, err := l.records.Get(ctx, path.Join(l.dir, s.name()))
			if err != nil {
				return err
			}
			data = append(data, part...)
		}
		if _, err := l.records.PutIfAbsent(ctx, path.Join(l.dir, whole.name()), data); err != nil {
			return err
		}
	}
}

// joinable returns the last segments, if they are enough, not too large
// together, and none has more than four times the batches of the last.
func joinable(segments []segment) []segment {
	if len(segments) < joined {
		return nil
	}
	run := segments[len(segments)-joined:]
	var size, most int64
	for _, s := range run {
		size, most = size+s.size, max(most, s.to-s.from+1)
	}
	last := run[joined-1].to - run[joined-1].from + 1
	if size > mostSegment || most > 4*last {
		return nil
	}
	return run
}

// segments lists the segments of history, each beginning behind the one before;
// apart from those that lie within them.
func (l *Ledger) segments(ctx context.Context) (chain, within []segment, err error) {
	var all []segment
	prefix := path.Join(l.dir, historyDir)
	for e, err := range l.records.List(ctx, prefix+"/") {
		if err != nil {
			return nil, nil, err
		}
		s := segment{size: e.Size}
		if _, err := fmt.Sscanf(path.Base(e.Name), "%d-%d", &s.from, &s.to); err == nil && s.name() == historyDir+path.Base(e.Name) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b segment) int {
		if a.from != b.from {
			return int(a.from - b.from)
		}
		return int(b.to - a.to)
	})
	next := int64(1)
	for _, s := range all {
		switch {
		case s.to < next:
			within = append(within, s)
		case s.from > next: // what lies between was not listed
			return chain, within, nil
		default:
			chain, next = append(chain, s), s.to+1
		}
	}
	return chain, within, nil
}

// past yields the batches of history from one on, and returns the number of
// the batch behind them. What vanished meanwhile is within another segment:
// whoever gets further by that should ask again.
func (l *Ledger) past(ctx context.Context, n int64, yield func(BatchRecord) bool) (next int64, err error) {
	segments, _, err := l.segments(ctx)
	if err != nil {
		return n, err
	}
	for _, s := range segments {
		if s.to < n {
			continue
		}
		if n, err = l.readSegment(ctx, s, n, yield); err != nil {
			break
		}
	}
	var damaged *DamagedError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case errors.As(err, &damaged):
		n = damaged.Batch + 1
	}
	return n, err
}

var errStopped = errors.New("stopped")

// readSegment yields the batches of a segment from one on.
func (l *Ledger) readSegment(ctx context.Context, s segment, n int64, yield func(BatchRecord) bool) (int64, error) {
	name := path.Join(l.dir, s.name())
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return n, err
	}
	damaged := func(err error) error { return &DamagedError{s.to, name, err} } // all to its end
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return n, damaged(err)
	}
	d := json.NewDecoder(bufio.NewReader(z))
	for {
		var b line
		if err := d.Decode(&b); err == io.EOF {
			break
		} else if err != nil {
			return n, damaged(err)
		}
		if b.Plan == nil || b.Commit == nil || b.Plan.Batch != b.Commit.Batch {
			return n, damaged(errors.New("a batch without its records"))
		}
		if b.Plan.Batch < n {
			continue
		}
		if b.Plan.Batch != n {
			return n, damaged(fmt.Errorf("batch %d stands where %d is to be", b.Plan.Batch, n))
		}
		if !yield(BatchRecord{Batch: n, Plan: b.Plan, Commit: b.Commit, Done: true, Segment: name}) {
			return n, errStopped
		}
		n++
	}
	if n != s.to+1 {
		return n, damaged(fmt.Errorf("it ends before batch %d", n))
	}
	return n, nil
}
