package archive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
)

// partition is a partition of a Source. Its name determines what its offsets number,
// whatever becomes of the archive's files: the rows of a table, or the first rows of
// it that have times in a range.
//
//	5f2c81aa/alerts/ztf
//	5f2c81aa/alerts/ztf?event=2026-09-18T00:00:00Z,2026-09-19T00:00:00Z&rows=200000
type partition struct {
	ledger, table string
	times         TimeRange
	rows          int64 // with times: the number of rows of the table that count
}

// String returns the partition's name.
func (p partition) String() string {
	name := p.ledger + "/" + p.table
	if p.times.isZero() {
		return name
	}
	return fmt.Sprintf("%s?%s&rows=%d", name, p.times, p.rows)
}

// parsePartition parses the name of a partition of a Source.
func parsePartition(name string) (p partition, ok bool) {
	where, query, limited := strings.Cut(name, "?")
	if p.ledger, p.table, ok = strings.Cut(where, "/"); !ok || p.ledger == "" || p.table == "" {
		return partition{}, false
	}
	if limited {
		times, rows, found := strings.Cut(query, "&rows=")
		n, err := strconv.ParseInt(rows, 10, 64)
		if err != nil || n < 0 || !found {
			return partition{}, false
		}
		if p.times, err = ParseTimeRange(times); err != nil {
			return partition{}, false
		}
		p.rows = n
	}
	return p, p.String() == name
}

// piece is a range of offsets whose rows are in one file or were pruned.
type piece struct {
	from, to int64       // offsets
	first    int64       // the number in the table of the row at from
	file     *index.File // nil if the rows were pruned
	rank     int64       // the number in the file of the row at from
}

// slice returns the part of a piece that lies in [from, to).
func (p piece) slice(from, to int64) piece {
	from, to = max(from, p.from), min(to, p.to)
	skip := from - p.from
	return piece{from, to, p.first + skip, p.file, p.rank + skip}
}

// sequence is all pieces of a partition that is divided by directories.
type sequence struct {
	partition string
	through   int64 // the batch of the index that it was made of
	pieces    []piece
}

// byRows reports whether the offsets are the numbers of rows in the table. Otherwise
// they number the rows of the directories that may have rows of the time range, in
// the order of directories, and in each of these in the order of their numbers. Both
// are the same after a rewrite, and in spite of rows that were added later.
func (s *Source) byRows(p partition) bool {
	return p.times.isZero() || p.times.Clock == sink.IngestTime
}

// offsets returns the range of offsets of a partition with a time range.
func (s *Source) offsets(ctx context.Context, p partition) (from, to int64, err error) {
	if err := s.checkRows(p, p.rows); err != nil {
		return 0, 0, err
	}
	if !s.byRows(p) {
		seq := s.sequenceOf(p)
		if n := len(seq.pieces); n > 0 {
			to = seq.pieces[n-1].to
		}
		return 0, to, nil
	}
	if r, ok := s.ingested[p]; ok {
		return r.From, r.To, nil
	}
	if to = p.rows; !p.times.To.IsZero() {
		n, err := s.index.RowsBefore(ctx, p.table, p.times.To)
		if err != nil {
			return 0, 0, err
		}
		to = min(to, n)
	}
	if !p.times.From.IsZero() {
		if from, err = s.index.RowsBefore(ctx, p.table, p.times.From); err != nil {
			return 0, 0, err
		}
	}
	from = min(from, to)
	s.ingested[p] = stream.Range{From: from, To: to} // batches that come later do not change it
	return from, to, nil
}

// checkRows returns an error if a table has fewer rows than were planned.
func (s *Source) checkRows(p partition, rows int64) error {
	if have := s.rows(p.table); have < rows {
		return s.located(fmt.Errorf("table %s has %d rows, but this job has planned %d: the archive was replaced by an older copy, or its last batches cannot be seen yet", p.table, have, rows))
	}
	return nil
}

// pieces returns the pieces of a range, in order and without a gap.
func (s *Source) pieces(p partition, r stream.Range) ([]piece, error) {
	var all []piece
	if s.byRows(p) {
		t := s.index.Table(p.table)
		for i := range t.Files {
			all = appendPieces(all, t.Files[i].Runs, &t.Files[i], r.From, r.To)
		}
		for _, g := range t.Pruned {
			all = appendPieces(all, g.Runs, nil, r.From, r.To)
		}
		sortPieces(all)
	} else {
		all = s.sequenceOf(p).pieces
		all = all[sort.Search(len(all), func(i int) bool { return all[i].to > r.From }):]
	}
	out, next := make([]piece, 0, len(all)), r.From
	for _, x := range all {
		if x.to <= r.From {
			continue
		}
		if x.from >= r.To {
			break
		}
		if x = x.slice(r.From, r.To); x.from != next {
			break
		}
		out, next = append(out, x), x.to
	}
	if next < r.To {
		return nil, stream.Permanent(s.located(fmt.Errorf("row %d of %s is in no file or in two: the ledger is damaged: run the audit", next, p)))
	}
	return out, nil
}

// appendPieces appends the rows of runs, numbered by their rows, that lie in
// [from, to).
func appendPieces(out []piece, runs []index.Run, f *index.File, from, to int64) []piece {
	rank := int64(0)
	for _, r := range runs {
		x := piece{r.First, r.First + r.Rows, r.First, f, rank}
		rank += r.Rows
		if x.from < to && from < x.to {
			out = append(out, x.slice(from, to))
		}
	}
	return out
}

func sortPieces(all []piece) {
	slices.SortFunc(all, func(a, b piece) int { return cmp.Compare(a.first, b.first) })
}

// sequenceOf returns the pieces of a partition that is divided by directories.
func (s *Source) sequenceOf(p partition) *sequence {
	name := p.String()
	if q := s.sequence; q != nil && q.partition == name && q.through == s.index.Through() {
		return q
	}
	q := &sequence{partition: name, through: s.index.Through()}
	dirs := map[string][]piece{}
	if t := s.index.Table(p.table); t != nil {
		for i := range t.Files {
			f := &t.Files[i]
			if p.times.hasDir(f.Dir, s.clock) {
				dirs[f.Dir] = appendPieces(dirs[f.Dir], f.Runs, f, 0, p.rows)
			}
		}
		for _, g := range t.Pruned {
			if p.times.hasDir(g.Dir, s.clock) {
				dirs[g.Dir] = appendPieces(dirs[g.Dir], g.Runs, nil, 0, p.rows)
			}
		}
	}
	next := int64(0)
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		sortPieces(dirs[d])
		for _, x := range dirs[d] {
			x.from, x.to = next, next+x.to-x.from
			q.pieces, next = append(q.pieces, x), x.to
		}
	}
	s.sequence = q
	return q
}
