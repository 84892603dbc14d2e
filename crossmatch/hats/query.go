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

// query is a call of Nearest, which goes from partition to partition.
type query struct {
	*Catalog
	positions crossmatch.Positions
	radius    crossmatch.Angle
	matches   []crossmatch.Match

	visits     map[int][]int32 // by partition: the positions that have to do with it
	candidates []candidate
	found      []arrow.Record // columns of the candidates, by their numbers
	causes     []error        // of partitions that failed
}

// candidate is the nearest row to a position that a partition has.
type candidate struct {
	position    int32
	partition   int   // that was searched
	owner       int   // the partition that the row is of, here or in a margin
	number      int32 // of the candidate, and of its row in what was found
	separation  crossmatch.Angle
	ra, dec     float64
	pmRA, pmDec float64
}

// fastest is how much stars move in a year at most, in degrees. Barnard's star,
// which is the fastest, moves by 10.4 arcseconds.
const fastest = 11. / 3600

// plan finds out which partitions the positions have to do with. Nothing is found
// yet.
func (q *query) plan() {
	q.visits = map[int][]int32{}
	var partitions []int
	p := q.positions
	q.matches = make([]crossmatch.Match, len(p.RA))
	for i := range q.matches {
		q.matches[i] = crossmatch.Match{Row: -1, Status: crossmatch.None, Separation: crossmatch.Angle(math.NaN())}
		if !crossmatch.Valid(p.RA[i], p.Dec[i]) {
			q.matches[i].Status = crossmatch.Invalid
			continue
		}
		reach := q.radius.Degrees()
		if q.motion[0] >= 0 && p.Epoch != nil && !math.IsNaN(p.Epoch[i]) {
			reach += fastest * math.Abs(p.Epoch[i]-q.epoch)
		}
		partitions = q.sky.search(partitions[:0], p.RA[i], p.Dec[i], reach)
		for _, partition := range partitions {
			q.visits[partition] = append(q.visits[partition], int32(i))
		}
	}
}

// order returns the partitions of the visits, those first that are loaded, so
// that none of them is dropped before it is used.
func (q *query) order() []int {
	var loaded, others []int
	for partition := range q.visits {
		if q.cache.has(partition) {
			loaded = append(loaded, partition)
		} else {
			others = append(others, partition)
		}
	}
	slices.Sort(loaded)
	slices.Sort(others)
	return append(loaded, others...)
}

// ask searches a partition. Its error is the context's; others are the cause that
// its positions fail.
func (q *query) ask(ctx context.Context, partition int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := q.search(ctx, partition)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	q.causes = append(q.causes, err)
	for _, i := range q.visits[partition] {
		q.matches[i].Status = crossmatch.Failed
	}
	return nil
}

func (q *query) search(ctx context.Context, partition int) error {
	loaded, err := q.cache.get(ctx, partition, func(room room) (*content, error) { return q.load(ctx, partition, room) })
	if err != nil {
		return err
	}
	defer q.cache.unpin(loaded)
	visits := q.visits[partition]
	answers, err := loaded.catalog.AppendNearest(nil, q.positions.Pick(visits), q.radius)
	if err != nil {
		return err
	}
	var candidates []candidate
	var matched []crossmatch.Match
	for i, m := range answers {
		if m.Status != crossmatch.Matched {
			continue
		}
		c := candidate{position: visits[i], partition: partition, owner: partition, number: int32(len(q.candidates) + len(candidates)), separation: m.Separation}
		c.ra, c.dec = loaded.rows.RA[m.Row], loaded.rows.Dec[m.Row]
		if loaded.rows.PMRA != nil {
			c.pmRA, c.pmDec = loaded.rows.PMRA[m.Row], loaded.rows.PMDec[m.Row]
		}
		if m.Row < loaded.first || m.Row >= loaded.end { // of the margin
			c.owner = find(q.sky.partitions, ang2pix(c.ra, c.dec))
		}
		candidates, matched = append(candidates, c), append(matched, m)
	}
	if loaded.out != nil && len(candidates) > 0 {
		rec, err := crossmatch.Take(ctx, loaded.out, matched)
		if err != nil {
			return err
		}
		q.found = append(q.found, rec)
	}
	q.candidates = append(q.candidates, candidates...)
	return nil
}

// settle finds the nearest of the candidates of each position.
func (q *query) settle() error {
	slices.SortFunc(q.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.position, b.position), a.inCatalog(b))
	})
	for from, to := 0, 0; from < len(q.candidates); from = to {
		i := q.candidates[from].position
		for to = from + 1; to < len(q.candidates) && q.candidates[to].position == i; to++ {
		}
		if q.matches[i].Status == crossmatch.Failed {
			continue // another partition, which failed, may have a nearer one
		}
		c, err := q.nearest(q.candidates[from:to])
		if err != nil {
			return err
		}
		q.matches[i] = crossmatch.Match{Row: c.number, Status: crossmatch.Matched, Separation: c.separation}
	}
	return nil
}

// inCatalog compares where two rows stand in the catalogue. Of those of one
// partition, its own search has the first, that of a neighbour perhaps another.
func (c candidate) inCatalog(o candidate) int {
	if c.owner == o.owner && c.partition != o.partition {
		switch c.owner {
		case c.partition:
			return -1
		case o.partition:
			return 1
		}
	}
	return cmp.Or(cmp.Compare(c.owner, o.owner), cmp.Compare(c.partition, o.partition))
}

// nearest returns the nearest of the candidates of a position, which are in the
// order of the catalogue.
func (q *query) nearest(candidates []candidate) (candidate, error) {
	best := slices.MinFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.separation, b.separation) })
	limit := max(best.separation*(1+1e-12), 1e-100) // separations are rounded
	rivals := slices.DeleteFunc(candidates, func(c candidate) bool { return c.separation > limit })
	for _, c := range rivals {
		// Neighbours may have the same row, one of them in its margin.
		if !c.samePlace(rivals[0]) {
			return q.decide(rivals)
		}
	}
	return rivals[0], nil
}

func (c candidate) samePlace(o candidate) bool {
	return c.ra == o.ra && c.dec == o.dec && c.pmRA == o.pmRA && c.pmDec == o.pmDec
}

// decide finds the nearest of rivals that are about equally near, as a catalogue
// does that has no other rows.
func (q *query) decide(rivals []candidate) (candidate, error) {
	rows := crossmatch.Rows{Epoch: q.epoch}
	for _, c := range rivals {
		rows.RA, rows.Dec = append(rows.RA, c.ra), append(rows.Dec, c.dec)
		if q.motion[0] >= 0 {
			rows.PMRA, rows.PMDec = append(rows.PMRA, c.pmRA), append(rows.PMDec, c.pmDec)
		}
	}
	catalog, err := crossmatch.NewCatalog(rows)
	if err != nil {
		return candidate{}, err
	}
	answers, err := catalog.AppendNearest(nil, q.positions.Pick([]int32{rivals[0].position}), q.radius)
	if err != nil {
		return candidate{}, err
	}
	if m := answers[0]; m.Status == crossmatch.Matched { // it is, as each was
		return rivals[m.Row], nil
	}
	return rivals[0], nil
}

// rows returns what was found of each position, and takes its numbers away.
func (q *query) rows(ctx context.Context) (rows arrow.Record, err error) {
	if q.schema != nil {
		found, err := join(q.schema, q.found, compute.GetAllocator(ctx))
		if err != nil {
			return nil, err
		}
		defer found.Release()
		if rows, err = crossmatch.Take(ctx, found, q.matches); err != nil {
			return nil, err
		}
	}
	for i := range q.matches {
		q.matches[i].Row = -1
	}
	return rows, nil
}

func (q *query) release() { releaseAll(q.found) }

// cause tells why partitions failed: all of them, if they are few.
func (q *query) cause() error {
	switch n := len(q.causes); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("hats: %w", q.causes[0])
	default:
		return fmt.Errorf("hats: %w (and %d more partitions failed)", q.causes[0], n-1)
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
