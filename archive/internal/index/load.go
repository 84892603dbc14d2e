package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// maxListings is how often segments are listed: others may join them meanwhile.
const maxListings = 3

// contentError reports a segment whose content is wrong.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() + "; the ledger was read instead" }

// loader reads the segments of an index.
type loader struct {
	*Index
	zstd *zstd.Decoder
	got  map[span]*segment
	bad  map[span]error // those that cannot be used
}

// load reads the segments. What they do not have is read from the ledger. If sweep, it
// deletes those that are of no use, so that damaged ones can be saved again.
func (x *Index) load(ctx context.Context, sweep bool) error {
	z, err := newDecoder()
	if err != nil {
		return err
	}
	l := &loader{x, z, map[span]*segment{}, map[span]error{}}
	for n := 1; ; n++ {
		spans, err := l.list(ctx)
		if err != nil {
			break // the ledger decides whether the store can be read
		}
		chain, complete := l.chain(ctx, spans)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !complete && n < maxListings {
			continue
		}
		if bad, err := x.restore(chain); err != nil {
			l.bad[bad.span()] = &contentError{err}
			continue
		}
		if sweep {
			l.sweep(ctx, spans, chain)
		}
		break
	}
	for _, s := range slices.SortedFunc(maps.Keys(l.bad), compareSpans) {
		x.unusable = append(x.unusable, fmt.Errorf("%s: %w", s.name(), l.bad[s]))
	}
	return ctx.Err()
}

// compareSpans puts the longest of those that begin at the same batch first.
func compareSpans(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) }

// list lists the segments.
func (l *loader) list(ctx context.Context) (spans []span, err error) {
	for e, err := range l.store.List(ctx, segments+"/") {
		if err != nil {
			l.unusable = append(l.unusable, fmt.Errorf("%s: %w", segments, err))
			return nil, err
		}
		if s, ok := parseName(e.Name); ok {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, compareSpans)
	return spans, nil
}

// chain reads segments, each of which begins where the one before it ends. It reports
// whether none was missed.
func (l *loader) chain(ctx context.Context, spans []span) (chain []*segment, complete bool) {
	complete = true
	through := int64(0)
	for _, s := range spans {
		if s.from > through {
			return chain, false
		}
		if s.from < through || l.bad[s] != nil {
			continue
		}
		if l.got[s] == nil {
			part, err := l.read(ctx, s, l.zstd)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				complete = false // it has been joined just now
				continue
			case err != nil:
				l.bad[s] = err
				continue
			}
			l.got[s] = part
		}
		chain, through = append(chain, l.got[s]), s.to
	}
	return chain, complete
}

// read reads a segment.
func (x *Index) read(ctx context.Context, s span, z *zstd.Decoder) (*segment, error) {
	data, err := x.store.Get(ctx, s.name())
	if err != nil {
		return nil, err
	}
	got, err := decodeSegment(data, z)
	switch {
	case errors.Is(err, ErrVersion):
		return nil, err
	case err != nil:
		return nil, &contentError{err}
	case got.span() != s || len(got.points) == 0 || got.points[len(got.points)-1].batch != s.to:
		return nil, &contentError{errors.New("it is another segment")}
	}
	return got, nil
}

// sweep deletes segments that are damaged, or that lie within others that are used: a
// process that died has left them. The store may be read-only.
func (l *loader) sweep(ctx context.Context, spans []span, used []*segment) {
	for _, s := range spans {
		var content *contentError
		useless := errors.As(l.bad[s], &content)
		for _, u := range used {
			useless = useless || u.span() != s && u.from <= s.from && s.to <= u.to
		}
		if useless {
			_ = l.store.Delete(ctx, s.name())
		}
	}
}

// restore sets the index to what consecutive segments hold. It returns the first that
// is damaged.
func (x *Index) restore(chain []*segment) (bad *segment, err error) {
	x.through, x.newest, x.points, x.pending = 0, time.Time{}, nil, nil
	clear(x.tables)
	removed, live := map[string]bool{}, map[string]int64{} // a name is never used again
	for _, s := range chain {
		for _, name := range s.removed {
			removed[name] = true
		}
		for _, t := range s.counts {
			live[t.table] += t.rows
		}
	}
	for _, s := range chain {
		var t *Table
		if err := s.each(func(f *File) {
			if len(removed) > 0 && removed[f.Path] {
				return
			}
			if t == nil || t.Name != f.Table {
				if t = x.table(f.Table); t.Files == nil {
					t.Files = make([]File, 0, live[f.Table]+segmentBatches) // the ledger has more
				}
			}
			t.Files = append(t.Files, *f)
		}); err != nil {
			return s, err
		}
		for _, g := range s.gaps {
			x.table(g.table).prune(g.dir, g.runs)
		}
		x.pending = slices.DeleteFunc(x.pending, func(p Pending) bool { return p.Batch <= s.cleared })
		x.pending = append(x.pending, s.pending...)
		x.points = append(x.points, s.points...)
		x.through = s.to
	}
	for _, t := range x.tables {
		t.sort()
	}
	if len(x.points) > 0 {
		last := x.points[len(x.points)-1]
		x.newest = last.newest
		for _, r := range last.rows {
			x.table(r.table).Rows = r.rows
		}
	}
	return nil, nil
}
