package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
)

// An index is saved in segments of 1,024 batches, eight of which are joined into one of
// 8,192, and so on. So an archive of a million batches has some twenty. Tests set the
// numbers.
var (
	segmentBatches int64 = 1 << 10
	joined         int64 = 8
)

var segments = path.Join(layout.Ledger, "index")

// segmentName returns the name of the segment of the batches after from, through to.
func segmentName(from, to int64) string {
	return fmt.Sprintf("%s/%012d-%012d", segments, from+1, to)
}

// parseName is the inverse of segmentName.
func parseName(name string) (from, to int64, ok bool) {
	if _, err := fmt.Sscanf(strings.TrimPrefix(name, segments+"/"), "%d-%d", &from, &to); err != nil || segmentName(from-1, to) != name || from > to {
		return 0, 0, false
	}
	return from - 1, to, true
}

// load reads the segments. What they do not have is read from the ledger.
func (x *Index) load(ctx context.Context) error {
	type span struct{ from, to int64 }
	var spans []span
	for e, err := range x.store.List(ctx, segments+"/") {
		if err != nil {
			return err
		}
		if from, to, ok := parseName(e.Name); ok {
			spans = append(spans, span{from, to})
		}
	}
	// The longest of those that begin at the same batch comes first.
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var loaded []*segment
	for _, s := range spans {
		if s.from != x.through {
			continue
		}
		got, err := x.read(ctx, s.from, s.to)
		if err != nil {
			return err
		}
		if got != nil { // otherwise a shorter one may be intact
			x.through, loaded = s.to, append(loaded, got)
		}
	}
	x.restore(loaded)
	return nil
}

// read reads a segment. It returns nil if it does not exist, or is damaged.
func (x *Index) read(ctx context.Context, from, to int64) (*segment, error) {
	data, err := x.store.Get(ctx, segmentName(from, to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := decodeSegment(data)
	if err != nil || s.from != from || s.to != to || len(s.points) == 0 {
		return nil, nil
	}
	return s, nil
}

// restore sets the index to what consecutive segments hold.
func (x *Index) restore(loaded []*segment) {
	removed := map[string]bool{} // a name is never used again
	for _, s := range loaded {
		for _, name := range s.removed {
			removed[name] = true
		}
	}
	for _, s := range loaded {
		for i := range s.files {
			if f := &s.files[i]; !removed[f.Path] {
				t := x.table(f.Table)
				t.Files = append(t.Files, *f)
			}
		}
		for _, g := range s.gaps {
			x.table(g.table).prune(g.dir, g.runs)
		}
		x.pending = slices.DeleteFunc(x.pending, func(p Pending) bool { return p.Batch <= s.cleared })
		x.pending = append(x.pending, s.pending...)
		x.points = append(x.points, s.points...)
	}
	for _, t := range x.tables {
		if !slices.IsSortedFunc(t.Files, compareFiles) {
			slices.SortFunc(t.Files, compareFiles)
		}
	}
	if len(x.points) > 0 {
		last := x.points[len(x.points)-1]
		x.newest = last.newest
		for _, r := range last.rows {
			x.table(r.table).Rows = r.rows
		}
	}
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
	if s.from%segmentBatches != 0 || s.to-s.from != segmentBatches {
		return nil // it began in the middle: the ledger has it
	}
	for {
		if err := x.save(ctx, s); err != nil {
			return err
		}
		size := s.to - s.from
		if s.to%(joined*size) != 0 {
			return nil
		}
		longer, err := x.joinBefore(ctx, s)
		if err != nil || longer == nil {
			return err
		}
		s = longer
	}
}

// save saves a segment. An index that cannot be saved, for example because the store
// can only be read, is complete nevertheless.
func (x *Index) save(ctx context.Context, s *segment) error {
	data, err := s.encode()
	if err != nil {
		return err
	}
	if _, err := x.store.PutIfAbsent(ctx, segmentName(s.from, s.to), data); err != nil {
		x.current = nil
	}
	return ctx.Err()
}

// joinBefore joins a segment to those before it, which have the same size, and deletes
// them. It returns nil if one is missing.
func (x *Index) joinBefore(ctx context.Context, s *segment) (*segment, error) {
	size := s.to - s.from
	var all *segment
	for from := s.to - joined*size; from < s.to; from += size {
		part := s
		if from != s.from {
			var err error
			if part, err = x.read(ctx, from, from+size); err != nil || part == nil {
				return nil, err
			}
		}
		if all == nil {
			copied := *part
			all = &copied
		} else {
			all.join(part)
		}
	}
	if err := x.save(ctx, all); err != nil || x.current == nil {
		return nil, err
	}
	for from := all.from; from < all.to; from += size {
		if err := x.store.Delete(ctx, segmentName(from, from+size)); err != nil {
			return nil, err
		}
	}
	return all, nil
}
