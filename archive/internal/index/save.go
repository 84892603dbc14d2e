package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// An index is saved in segments of 1,024 batches, eight of which are joined into one of
// 8,192, and so on. So an archive of a million batches has some twenty. Tests set the
// numbers.
var (
	segmentBatches int64 = 1 << 10
	joined         int64 = 8
)

var segments = path.Join(layout.Ledger, "index")

// span is the batches of a segment: those after from, through to.
type span struct{ from, to int64 }

// name returns the name of the segment.
func (s span) name() string { return fmt.Sprintf("%s/%012d-%012d", segments, s.from+1, s.to) }

// parseName is the inverse of name. Names of other sizes are not those of segments.
func parseName(name string) (s span, ok bool) {
	_, err := fmt.Sscanf(strings.TrimPrefix(name, segments+"/"), "%d-%d", &s.from, &s.to)
	if s.from--; err != nil || s.name() != name {
		return s, false
	}
	size := segmentBatches
	for size < s.to-s.from && size <= math.MaxInt64/joined {
		size *= joined
	}
	return s, s.from >= 0 && s.from%size == 0 && s.to-s.from == size
}

// Save saves the index of an archive if at least a segment's worth of batches is not
// saved. It does little if there are fewer. The error also names segments that were
// damaged, which it has written again.
func Save(ctx context.Context, st store.Store, l *ledger.Ledger) error {
	saved := int64(0)
	for e, err := range st.List(ctx, segments+"/") {
		if err != nil {
			return err
		}
		if s, ok := parseName(e.Name); ok {
			saved = max(saved, s.to)
		}
	}
	last, err := l.LastRecord(ctx)
	if err == nil && last < saved+segmentBatches { // the others may all be in history
		var s *ledger.Snapshot
		if s, err = l.Snapshot(ctx, 0); s != nil {
			last = max(last, s.Through)
		}
	}
	if err != nil || last < saved+segmentBatches {
		return err
	}
	x, err := OpenToSave(ctx, st, l)
	return errors.Join(append(x.unusable, x.failed, err)...)
}

// endSegment ends a segment at the last batch, and saves it if the index is saved.
func (x *Index) endSegment(ctx context.Context) error {
	x.points = append(x.points, point{x.through, x.newest, x.rowsNow()})
	if x.current == nil {
		return nil
	}
	s := x.current
	x.current = &segment{from: x.through}
	s.to, s.points = x.through, []point{x.points[len(x.points)-1]}
	s.compact()
	for err := x.save(ctx, s); ; err = x.save(ctx, s) {
		if err == nil {
			s, err = x.joinBefore(ctx, span{s.from, s.to})
		}
		if err != nil { // the index is complete nevertheless
			x.current, x.failed = nil, fmt.Errorf("save the index: %w", err)
			return ctx.Err()
		}
		if s == nil {
			return nil
		}
	}
}

// save saves a segment, and deletes those that it replaces.
func (x *Index) save(ctx context.Context, s *segment) error {
	data, err := s.encode()
	if err != nil {
		return err
	}
	all := span{s.from, s.to}
	if _, err := x.store.PutIfAbsent(ctx, all.name(), data); err != nil {
		return err
	}
	size := (s.to - s.from) / joined
	for from := s.from; size >= segmentBatches && from < s.to; from += size {
		if err := x.store.Delete(ctx, span{from, from + size}.name()); err != nil {
			return err
		}
	}
	return nil
}

// joinBefore joins the segment that was saved last to those of the same size before
// it. It returns nil if there are too few.
func (x *Index) joinBefore(ctx context.Context, s span) (*segment, error) {
	size := s.to - s.from
	if s.to%(joined*size) != 0 {
		return nil, nil
	}
	z, err := newDecoder()
	if err != nil {
		return nil, err
	}
	var parts []*segment
	for from := s.to - joined*size; from < s.to; from += size {
		part, err := x.read(ctx, span{from, from + size}, z)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return join(parts)
}
