package hats

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/compute"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// query is a call of Nearest.
type query struct {
	catalog   *Catalog
	positions crossmatch.Positions
	radius    crossmatch.Angle
	matches   []crossmatch.Match

	visits     map[int][]int32 // by partition: the positions to search it for
	candidates []candidate
	rows       []arrow.Record // of the candidates, in their order
	causes     []error        // of partitions that failed
}

// candidate is the row of a partition that is nearest to a position.
type candidate struct {
	position    int32
	searched    int   // the partition that was searched
	owner       int   // the partition that has the row: another one if it is of the margin
	number      int32 // of the candidate, and of its row in query.rows
	separation  crossmatch.Angle
	ra, dec     float64
	pmRA, pmDec float64
}

// maxMotion is how far stars may move, in degrees a year. Barnard's star, the
// fastest, moves 10.4 arcseconds a year.
const maxMotion = 11. / 3600

// isEpoch reports whether an epoch is a plausible Julian year. A time of
// observation that is damaged must not make a query load the whole catalogue.
func isEpoch(year float64) bool { return math.Abs(year-2000) < 1000 }

// run answers the query. It returns the rows of the answer, nil if the catalogue
// has no columns.
func (q *query) run(ctx context.Context) (arrow.Record, error) {
	if err := q.catalog.cache.checkOpen(); err != nil {
		return nil, err
	}
	q.plan()
	loaded, others := q.order()
	for _, partitions := range [][]int{loaded, others} {
		if err := q.search(ctx, partitions); err != nil {
			return nil, err
		}
	}
	if err := q.settle(); err != nil {
		return nil, err
	}
	return q.finish(ctx)
}

// plan finds the partitions to search.
func (q *query) plan() {
	p := &q.positions
	if q.catalog.motion[0] < 0 {
		p.Epoch = nil
	}
	p.Epoch = slices.Clone(p.Epoch)
	for i, year := range p.Epoch {
		if !isEpoch(year) {
			p.Epoch[i] = math.NaN()
		}
	}
	q.visits = map[int][]int32{}
	q.matches = make([]crossmatch.Match, len(p.RA))
	var partitions []int
	for i := range q.matches {
		q.matches[i] = crossmatch.Match{Row: -1, Status: crossmatch.StatusNone, Separation: crossmatch.Angle(math.NaN())}
		if !crossmatch.Valid(p.RA[i], p.Dec[i]) {
			q.matches[i].Status = crossmatch.StatusInvalid
			continue
		}
		reach := q.radius.Degrees()
		if p.Epoch != nil && !math.IsNaN(p.Epoch[i]) {
			reach += maxMotion * math.Abs(p.Epoch[i]-q.catalog.epoch)
		}
		partitions = q.catalog.sky.search(partitions[:0], p.RA[i], p.Dec[i], reach)
		for _, partition := range partitions {
			q.visits[partition] = append(q.visits[partition], int32(i))
		}
	}
}

// order returns the partitions to search. Those that are loaded come first, so
// that no load drops them before they are used.
func (q *query) order() (loaded, others []int) {
	for partition := range q.visits {
		if q.catalog.cache.has(partition) {
			loaded = append(loaded, partition)
		} else {
			others = append(others, partition)
		}
	}
	slices.Sort(loaded)
	slices.Sort(others)
	return loaded, others
}

// result is what the search of a partition found.
type result struct {
	candidates []candidate // numbered from 0
	rows       arrow.Record
	cause      error // that the partition failed
	canceled   error // of the context
}

// search searches partitions, several at a time. Its error is ctx's; that of a
// partition fails its positions.
func (q *query) search(ctx context.Context, partitions []int) error {
	results := make([]result, len(partitions))
	defer func() { // even if a search panics
		for _, r := range results {
			if r.rows != nil {
				q.rows = append(q.rows, r.rows)
			}
		}
	}()
	each(len(partitions), func(k int) { results[k] = q.searchOne(ctx, partitions[k]) })
	for k, r := range results {
		if r.canceled != nil {
			return r.canceled
		}
		if r.cause != nil {
			q.causes = append(q.causes, r.cause)
			for _, i := range q.visits[partitions[k]] {
				q.matches[i].Status = crossmatch.StatusFailed
			}
		}
		before := int32(len(q.candidates))
		for _, c := range r.candidates {
			c.number += before
			q.candidates = append(q.candidates, c)
		}
	}
	return nil
}

// each calls do for each number below n, maxLoads at a time. If do panics, so
// does each, in the goroutine of the caller, who may recover.
func each(n int, do func(i int)) {
	if n == 1 {
		do(0)
		return
	}
	var next atomic.Int64
	var panicked atomic.Pointer[any]
	var workers sync.WaitGroup
	for range min(n, maxLoads) {
		workers.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panicked.CompareAndSwap(nil, &p)
				}
			}()
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(int(i - 1))
			}
		})
	}
	workers.Wait()
	if p := panicked.Load(); p != nil {
		panic(*p)
	}
}

func (q *query) searchOne(ctx context.Context, partition int) (r result) {
	if r.canceled = ctx.Err(); r.canceled != nil {
		return r
	}
	r.candidates, r.rows, r.cause = q.findIn(ctx, partition)
	if r.cause != nil {
		r.canceled = ctx.Err()
	}
	return r
}

// findIn returns the candidates of a partition, and their rows if the catalogue
// has columns.
func (q *query) findIn(ctx context.Context, partition int) ([]candidate, arrow.Record, error) {
	c := q.catalog
	loaded, err := c.cache.get(ctx, partition, func(more reserve) (*content, error) { return c.load(ctx, partition, more) })
	if err != nil {
		return nil, nil, err
	}
	defer c.cache.unpin(loaded)
	visits := q.visits[partition]
	matches, err := loaded.catalog.AppendNearest(nil, q.positions.Pick(visits), q.radius)
	if err != nil {
		return nil, nil, err
	}
	var candidates []candidate
	var matched []int32
	for i, m := range matches {
		if m.Status != crossmatch.StatusMatch {
			continue
		}
		found := candidate{position: visits[i], searched: partition, owner: partition, number: int32(len(candidates)), separation: m.Separation}
		found.ra, found.dec = loaded.rows.RA[m.Row], loaded.rows.Dec[m.Row]
		if loaded.rows.PMRA != nil {
			found.pmRA, found.pmDec = loaded.rows.PMRA[m.Row], loaded.rows.PMDec[m.Row]
		}
		if m.Row < loaded.first || m.Row >= loaded.end { // of the margin
			found.owner = find(c.sky.partitions, ang2pix(found.ra, found.dec))
		}
		candidates, matched = append(candidates, found), append(matched, m.Row)
	}
	if loaded.out == nil || len(candidates) == 0 {
		return candidates, nil, nil
	}
	rows, err := crossmatch.Take(ctx, loaded.out, matched)
	if err != nil {
		return nil, nil, err
	}
	return candidates, rows, nil
}

// settle matches each position with the nearest of its candidates.
func (q *query) settle() error {
	slices.SortFunc(q.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.position, b.position), a.compareOrder(b))
	})
	for from, to := 0, 0; from < len(q.candidates); from = to {
		i := q.candidates[from].position
		for to = from + 1; to < len(q.candidates) && q.candidates[to].position == i; to++ {
		}
		if q.matches[i].Status == crossmatch.StatusFailed {
			continue // the partition that failed may have a nearer row
		}
		c, err := q.nearest(q.candidates[from:to])
		if err != nil {
			return err
		}
		q.matches[i] = crossmatch.Match{Row: c.number, Status: crossmatch.StatusMatch, Separation: c.separation}
	}
	return nil
}

// compareOrder compares the order of two rows in the catalogue. If both are of one
// partition, the search of that partition found the first of its rows; the search
// of a neighbour may have found another.
func (c candidate) compareOrder(o candidate) int {
	if c.owner == o.owner && c.searched != o.searched {
		switch c.owner {
		case c.searched:
			return -1
		case o.searched:
			return 1
		}
	}
	return cmp.Or(cmp.Compare(c.owner, o.owner), cmp.Compare(c.searched, o.searched))
}

// nearest returns the nearest of a position's candidates, which are in the order
// of the catalogue.
func (q *query) nearest(candidates []candidate) (candidate, error) {
	best := slices.MinFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.separation, b.separation) })
	limit := max(best.separation*(1+1e-12), 1e-100) // separations are rounded
	rivals := slices.DeleteFunc(candidates, func(c candidate) bool { return c.separation > limit })
	for _, c := range rivals {
		// Two partitions may have found the same row, one of them in its margin.
		if !c.coincides(rivals[0]) {
			return q.decide(rivals)
		}
	}
	return rivals[0], nil
}

func (c candidate) coincides(o candidate) bool {
	return c.ra == o.ra && c.dec == o.dec && c.pmRA == o.pmRA && c.pmDec == o.pmDec
}

// decide returns the nearest of rivals that are about equally near, with the exact
// arithmetic of a catalogue of these rows alone.
func (q *query) decide(rivals []candidate) (candidate, error) {
	rows := crossmatch.Rows{Epoch: q.catalog.epoch}
	for _, c := range rivals {
		rows.RA, rows.Dec = append(rows.RA, c.ra), append(rows.Dec, c.dec)
		if q.catalog.motion[0] >= 0 {
			rows.PMRA, rows.PMDec = append(rows.PMRA, c.pmRA), append(rows.PMDec, c.pmDec)
		}
	}
	catalog, err := crossmatch.NewCatalog(rows)
	if err != nil {
		return candidate{}, err
	}
	matches, err := catalog.AppendNearest(nil, q.positions.Pick([]int32{rivals[0].position}), q.radius)
	if err != nil {
		return candidate{}, err
	}
	if m := matches[0]; m.Status == crossmatch.StatusMatch { // always, as each was
		return rivals[m.Row], nil
	}
	return rivals[0], nil
}

// finish returns the row of each position, and clears the numbers of candidates,
// which mean nothing to the caller.
func (q *query) finish(ctx context.Context) (rows arrow.Record, err error) {
	if schema := q.catalog.schema; schema != nil {
		found, err := join(schema, q.rows, compute.GetAllocator(ctx))
		if err != nil {
			return nil, err
		}
		defer found.Release()
		numbers := make([]int32, len(q.matches))
		for i, m := range q.matches {
			numbers[i] = m.Row
		}
		if rows, err = crossmatch.Take(ctx, found, numbers); err != nil {
			return nil, err
		}
	}
	for i := range q.matches {
		q.matches[i].Row = -1
	}
	return rows, nil
}

// cause returns why partitions failed: the first one's reason, and how many more.
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
