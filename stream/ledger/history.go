package ledger

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// History keeps, for audits, the plans and commits of batches whose own records
// have been removed. A segment holds consecutive batches. Like a snapshot, its
// content depends on them alone, so segments may overlap and be written twice.
// Eight segments of similar length are merged into one, up to a size.

const (
	historyDir         = "history/"
	mergedSegments     = 8
	maxMergedBytes     = 16 << 20
	maxBatchesPerWrite = 1024
)

// segment is one entry of the history directory.
type segment struct {
	from, to int64 // batches, both included
	bytes    int64
}

func (s segment) name() string   { return fmt.Sprintf("%s%012d-%012d", historyDir, s.from, s.to) }
func (s segment) batches() int64 { return s.to - s.from + 1 }

// historyEntry is one batch in a segment, as one line of JSON.
type historyEntry struct {
	Plan   *Plan   `json:"plan"`
	Commit *Commit `json:"commit"`
}

// moveToHistory writes all batches through one into history.
func (l *Ledger) moveToHistory(ctx context.Context, through int64) error {
	segments, _, err := l.listSegments(ctx)
	if err != nil {
		return err
	}
	s := segment{from: 1}
	if n := len(segments); n > 0 {
		s.from = segments[n-1].to + 1
	}
	for ; s.from <= through; s.from = s.to + 1 {
		s.to = min(s.from+maxBatchesPerWrite-1, through)
		if err := l.writeSegment(ctx, s); err != nil {
			return err
		}
	}
	return l.mergeSegments(ctx)
}

// writeSegment puts a segment made of the batches' own records. It copies them
// as they are, because a later version may have added fields.
func (l *Ledger) writeSegment(ctx context.Context, s segment) error {
	var entries bytes.Buffer
	for n := s.from; n <= s.to; n++ {
		var entry struct {
			Plan   json.RawMessage `json:"plan"`
			Commit json.RawMessage `json:"commit"`
		}
		var err error
		if entry.Plan, err = copyRecord[Plan](ctx, l, n, kindPlan); err != nil {
			return err
		}
		if entry.Commit, err = copyRecord[Commit](ctx, l, n, kindCommit); err != nil {
			return err
		}
		if err := json.NewEncoder(&entries).Encode(entry); err != nil {
			return err
		}
	}
	_, err := l.records.PutIfAbsent(ctx, l.path(s.name()), compress(entries.Bytes()))
	return err
}

// copyRecord returns the content of a record that this version can read.
func copyRecord[T Plan | Commit](ctx context.Context, l *Ledger, batch int64, kind recordKind) ([]byte, error) {
	name := l.path(recordName(batch, kind))
	data, err := l.records.Get(ctx, name)
	if err == nil {
		_, err = parse[T](batch, name, data)
	}
	return data, err
}

// mergeSegments removes segments that lie within others, and merges the last
// ones as long as enough of them are of similar length.
func (l *Ledger) mergeSegments(ctx context.Context) error {
	for {
		segments, redundant, err := l.listSegments(ctx)
		if err != nil {
			return err
		}
		for _, s := range redundant {
			if err := l.records.Delete(ctx, l.path(s.name())); err != nil {
				return err
			}
		}
		run := mergeable(segments)
		if run == nil {
			return nil
		}
		merged := segment{from: run[0].from, to: run[len(run)-1].to}
		var data []byte // concatenated gzip members decompress to the concatenated content
		for _, s := range run {
			part, err := l.records.Get(ctx, l.path(s.name()))
			if err != nil {
				return err
			}
			data = append(data, part...)
		}
		if _, err := l.records.PutIfAbsent(ctx, l.path(merged.name()), data); err != nil {
			return err
		}
	}
}

// mergeable returns the last segments if there are enough, they are not too
// large together, and none has more than four times the batches of the last. It
// returns nil otherwise.
func mergeable(segments []segment) []segment {
	if len(segments) < mergedSegments {
		return nil
	}
	run := segments[len(segments)-mergedSegments:]
	var size, longest int64
	for _, s := range run {
		size, longest = size+s.bytes, max(longest, s.batches())
	}
	if size > maxMergedBytes || longest > 4*run[mergedSegments-1].batches() {
		return nil
	}
	return run
}

// listSegments lists the segments of history, each beginning right after the
// one before, and separately those that lie within others.
func (l *Ledger) listSegments(ctx context.Context) (segments, redundant []segment, err error) {
	var all []segment
	err = l.list(ctx, historyDir, func(name string, size int64) {
		s := segment{bytes: size}
		if _, err := fmt.Sscanf(name, "%d-%d", &s.from, &s.to); err == nil && s.name() == historyDir+name {
			all = append(all, s)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	next := int64(1)
	for _, s := range all {
		switch {
		case s.to < next:
			redundant = append(redundant, s)
		case s.from > next: // the listing missed what lies between
			return segments, redundant, nil
		default:
			segments, next = append(segments, s), s.to+1
		}
	}
	return segments, redundant, nil
}

// readHistory yields the batches in history from n on, and returns the number
// after the last one. It also ends, without an error, at a segment that has just
// been merged into another: if next > n, the caller should call it again. With a
// *DamagedError, next is the number after the damaged segment.
func (l *Ledger) readHistory(ctx context.Context, n int64, yield func(Batch) bool) (next int64, err error) {
	segments, _, err := l.listSegments(ctx)
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

// readSegment yields the batches of a segment from n on, and returns the number
// after the last one. It returns errStopped if yield returns false.
func (l *Ledger) readSegment(ctx context.Context, s segment, n int64, yield func(Batch) bool) (int64, error) {
	name := l.path(s.name())
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return n, err
	}
	damaged := func(err error) error { return &DamagedError{s.to, name, err} } // readHistory continues after s.to
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return n, damaged(err)
	}
	lines := bufio.NewReaderSize(z, 1<<16)
	// To parse the lines before n would take far longer. There may be more of them, if
	// segments that overlapped have been merged, but not fewer.
	if err := skipLines(lines, n-s.from); err != nil {
		return n, damaged(err)
	}
	d := json.NewDecoder(lines)
	for {
		var e historyEntry
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return n, damaged(err)
		}
		if e.Plan == nil || e.Commit == nil || e.Plan.Batch != e.Commit.Batch {
			return n, damaged(errors.New("a batch without its records"))
		}
		if e.Plan.Batch < n { // segments that overlapped have been merged
			continue
		}
		e.Commit.restoreReplaces()
		if err := cmp.Or(checkRecord(s.to, name, e.Plan), checkRecord(s.to, name, e.Commit)); err != nil {
			return n, err
		}
		if e.Plan.Batch != n {
			return n, damaged(fmt.Errorf("batch %d where %d was expected", e.Plan.Batch, n))
		}
		if !yield(Batch{Number: n, Plan: e.Plan, Commit: e.Commit, Done: true, Segment: name}) {
			return n, errStopped
		}
		n++
	}
	if n != s.to+1 {
		return n, damaged(fmt.Errorf("it ends before batch %d", n))
	}
	return n, nil
}

// skipLines skips n lines, each of which is a batch.
func skipLines(r *bufio.Reader, n int64) error {
	for n > 0 {
		switch _, err := r.ReadSlice('\n'); {
		case err == nil:
			n--
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != bufio.ErrBufferFull: // the rest of a long line follows
			return err
		}
	}
	return nil
}
