package hats

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// round is a question that goes round the partitions.
type round struct {
	*Catalog
	positions crossmatch.Positions
	radius    crossmatch.Angle
	matches   []crossmatch.Match

	visits map[int][]int32 // of a tile: the positions that have to do with it
	hits   []hit
	found  []arrow.Record // columns of the hits, in their order
	causes []error        // of tiles that failed
}

// hit is the nearest row to a position that a partition has.
type hit struct {
	position    int32
	tile, owner int   // that was searched, and that the row is of
	number      int32 // of the hit, and of its row in what was found
	separation  crossmatch.Angle
	ra, dec     float64
	pmRA, pmDec float64
}

// fastest is how much stars move in a year at most, in degrees. Barnard's star,
// which is the fastest, moves by 10.4 arcseconds.
const fastest = 11. / 3600

// plan finds out which tiles the positions have to do with. Nothing is found yet.
func (r *round) plan() {
	r.visits = map[int][]int32{}
	var tiles []int
	p := r.positions
	r.matches = make([]crossmatch.Match, len(p.RA))
	for i := range r.matches {
		r.matches[i] = crossmatch.Match{Row: -1, Status: crossmatch.None, Separation: crossmatch.Angle(math.NaN())}
		if !isPosition(p.RA[i], p.Dec[i]) {
			r.matches[i].Status = crossmatch.Invalid
			continue
		}
		reach := r.radius.Degrees()
		if r.motion[0] >= 0 && p.Epoch != nil && !math.IsNaN(p.Epoch[i]) {
			reach += fastest * math.Abs(p.Epoch[i]-r.epoch)
		}
		tiles = r.sky.search(tiles[:0], p.RA[i], p.Dec[i], reach)
		for _, t := range tiles {
			r.visits[t] = append(r.visits[t], int32(i))
		}
	}
}

// order returns the tiles of the visits, those first that are loaded, so that
// none of them is dropped before it is used.
func (r *round) order() []int {
	var loaded, others []int
	for t := range r.visits {
		if r.cache.has(t) {
			loaded = append(loaded, t)
		} else {
			others = append(others, t)
		}
	}
	slices.Sort(loaded)
	slices.Sort(others)
	return append(loaded, others...)
}

// ask searches a tile. Its error is the context's; others are the cause that its
// positions fail.
func (r *round) ask(ctx context.Context, tile int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := r.search(ctx, tile)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.causes = append(r.causes, err)
	for _, i := range r.visits[tile] {
		r.matches[i].Status = crossmatch.Failed
	}
	return nil
}

func (r *round) search(ctx context.Context, tile int) error {
	part, err := r.cache.get(ctx, tile, func(room room) (*partition, error) { return r.load(ctx, tile, room) })
	if err != nil {
		return err
	}
	defer r.cache.unpin(part)
	visits := r.visits[tile]
	answers, err := part.catalog.AppendNearest(nil, r.positions.Pick(visits), r.radius)
	if err != nil {
		return err
	}
	var hits []hit
	var matched []crossmatch.Match
	for i, m := range answers {
		if m.Status != crossmatch.Matched {
			continue
		}
		h := hit{position: visits[i], tile: tile, owner: tile, number: int32(len(r.hits) + len(hits)), separation: m.Separation}
		h.ra, h.dec = part.rows.RA[m.Row], part.rows.Dec[m.Row]
		if part.rows.PMRA != nil {
			h.pmRA, h.pmDec = part.rows.PMRA[m.Row], part.rows.PMDec[m.Row]
		}
		if m.Row < part.first || m.Row >= part.end { // of the margin
			h.owner = find(r.sky.tiles, cellOf(h.ra, h.dec).pixel())
		}
		hits, matched = append(hits, h), append(matched, m)
	}
	if part.out != nil && len(hits) > 0 {
		rec, err := crossmatch.Take(ctx, part.out, matched)
		if err != nil {
			return err
		}
		r.found = append(r.found, rec)
	}
	r.hits = append(r.hits, hits...)
	return nil
}

// isPosition tells what has a place on the sky.
func isPosition(ra, dec float64) bool { return crossmatch.Separation(ra, dec, ra, dec) == 0 }

// settle finds the nearest of the hits of each position.
func (r *round) settle() error {
	slices.SortFunc(r.hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.position, b.position), a.inCatalog(b))
	})
	for from, to := 0, 0; from < len(r.hits); from = to {
		i := r.hits[from].position
		for to = from + 1; to < len(r.hits) && r.hits[to].position == i; to++ {
		}
		if r.matches[i].Status == crossmatch.Failed {
			continue // another partition, which failed, may have a nearer one
		}
		h, err := r.nearest(r.hits[from:to])
		if err != nil {
			return err
		}
		r.matches[i] = crossmatch.Match{Row: h.number, Status: crossmatch.Matched, Separation: h.separation}
	}
	return nil
}

// inCatalog compares the places of two rows in the catalogue. Of those of a tile
// its own search has the first, and its neighbours perhaps another.
func (h hit) inCatalog(o hit) int {
	if h.owner == o.owner && h.tile != o.tile {
		switch h.owner {
		case h.tile:
			return -1
		case o.tile:
			return 1
		}
	}
	return cmp.Or(cmp.Compare(h.owner, o.owner), cmp.Compare(h.tile, o.tile))
}

// nearest returns the nearest of the hits of a position, which are in the order
// of the catalogue.
func (r *round) nearest(hits []hit) (hit, error) {
	best := slices.MinFunc(hits, func(a, b hit) int { return cmp.Compare(a.separation, b.separation) })
	limit := max(best.separation*(1+1e-12), 1e-100) // separations are rounded
	rivals := slices.DeleteFunc(hits, func(h hit) bool { return h.separation > limit })
	for _, h := range rivals {
		// Neighbours may have the same row, one of them in its margin.
		if !h.samePlace(rivals[0]) {
			return r.decide(rivals)
		}
	}
	return rivals[0], nil
}

func (h hit) samePlace(o hit) bool {
	return h.ra == o.ra && h.dec == o.dec && h.pmRA == o.pmRA && h.pmDec == o.pmDec
}

// decide finds the nearest of rivals that are about equally near, as a catalogue
// does that has no other rows.
func (r *round) decide(rivals []hit) (hit, error) {
	rows := crossmatch.Rows{Epoch: r.epoch}
	for _, h := range rivals {
		rows.RA, rows.Dec = append(rows.RA, h.ra), append(rows.Dec, h.dec)
		if r.motion[0] >= 0 {
			rows.PMRA, rows.PMDec = append(rows.PMRA, h.pmRA), append(rows.PMDec, h.pmDec)
		}
	}
	catalog, err := crossmatch.NewCatalog(rows)
	if err != nil {
		return hit{}, err
	}
	answers, err := catalog.AppendNearest(nil, r.positions.Pick([]int32{rivals[0].position}), r.radius)
	if err != nil {
		return hit{}, err
	}
	if m := answers[0]; m.Status == crossmatch.Matched { // it is, as each was
		return rivals[m.Row], nil
	}
	return rivals[0], nil
}

// rows returns what was found of each position, and takes its numbers away.
func (r *round) rows(ctx context.Context) (rows arrow.Record, err error) {
	if r.schema != nil {
		found, err := join(r.schema, r.found, compute.GetAllocator(ctx))
		if err != nil {
			return nil, err
		}
		defer found.Release()
		if rows, err = crossmatch.Take(ctx, found, r.matches); err != nil {
			return nil, err
		}
	}
	for i := range r.matches {
		r.matches[i].Row = -1
	}
	return rows, nil
}

func (r *round) release() { releaseAll(r.found) }

// cause tells why tiles failed: all of them, if they are few.
func (r *round) cause() error {
	switch n := len(r.causes); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("hats: %w", r.causes[0])
	default:
		return fmt.Errorf("hats: %w (and %d more partitions failed)", r.causes[0], n-1)
	}
}

// join makes one record of several.
func join(schema *arrow.Schema, recs []arrow.Record, mem memory.Allocator) (arrow.Record, error) {
	columns := make([]arrow.Array, len(schema.Fields()))
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, f := range schema.Fields() {
		if len(recs) == 0 {
			b := array.NewBuilder(mem, f.Type)
			columns[i] = b.NewArray()
			b.Release()
			continue
		}
		parts := make([]arrow.Array, len(recs))
		for k, rec := range recs {
			parts[k] = rec.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, mem); err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	return array.NewRecord(schema, columns, count(recs)), nil
}
