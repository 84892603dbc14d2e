package crossmatch

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"sync"
)

// A lookup waits for memory three times: for its field, for the start of its cells'
// rows, and for the rows. So a block of positions is processed together, and memory
// that a step of some will read is prefetched while others are processed.

const (
	blockSize = 128 // positions
	groupSize = 64  // cell ranges

	maxPooledPairs = 1 << 16 // kept between searches
)

// cellRange is consecutive cells that a query overlaps, and then their rows.
type cellRange struct {
	from, to uint32
	pos      uint32 // number of the query in its block
}

type group struct {
	n      int
	ranges [groupSize]cellRange
}

// query is a position of the block, and the nearest row so far.
type query struct {
	ra, dec float64
	maxLon  float64 // largest difference in right ascension of a row within reach
	seen    uint32  // number of rows of the layer that were compared
	number  int32   // of the position

	field                    uint32
	hit                      bool    // there is a nearest row
	crossesField             bool    // the window extends beyond the field
	left, right, bottom, top float64 // the window, in sides of the field

	years     float64 // since the catalogue's epoch
	haversine float64 // of the nearest row
	row       row     // the nearest row, at the position's epoch
}

// search is a search for rows near positions.
type search struct {
	*Catalog
	radius Angle
	limit  float64    // haversine of the radius
	edge   *big.Float // the same in 320 bits; nil until it is needed

	findAll  bool // find pairs, not only the nearest row
	pairs    []pair
	maxPairs int // limit for each query
	trimAt   int // length of pairs at which to drop those beyond the limit

	x         *index
	reach     float64 // of the rows of x, in degrees, including margin
	queries   [blockSize]query
	valid     int                    // number of queries
	groups    [3]group               // one is being filled, one waits for its cells, one for its rows
	filling   int                    // number of the group that is being filled
	addresses [2 * groupSize]uintptr // to prefetch
	damaged   bool                   // the index has impossible contents
}

// searches pools what a search needs, for calls with few positions.
var searches = sync.Pool{New: func() any { return new(search) }}

func (c *Catalog) begin(radius Angle, findAll bool) *search {
	s := searches.Get().(*search)
	s.Catalog, s.radius, s.limit, s.edge = c, radius, toHaversine(radius), nil
	s.findAll, s.pairs, s.damaged = findAll, s.pairs[:0], false
	for i := range s.groups { // a fault of the file may have ended the last search early
		s.groups[i].n = 0
	}
	return s
}

func (s *search) end() {
	s.Catalog, s.x = nil, nil
	if cap(s.pairs) > maxPooledPairs {
		s.pairs = nil
	}
	searches.Put(s)
}

// block searches for the block of positions that begins at from, and returns their
// number. Invalid positions are left out of the queries.
func (s *search) block(p Positions, from int) (positions int) {
	positions = min(len(p.RA)-from, blockSize)
	n, years := 0, 0.
	for i := from; i < from+positions; i++ {
		ra, dec := p.RA[i], p.Dec[i]
		if !Valid(ra, dec) {
			continue
		}
		at := &s.queries[n]
		n++
		at.number, at.ra, at.dec = int32(i), wrap(ra), dec
		at.years, at.hit = 0, false
		if s.motions != nil && p.Epoch != nil && math.Abs(p.Epoch[i]-2000) < 1000 { // false for NaN
			at.years = p.Epoch[i] - s.epoch
			years = max(years, math.Abs(at.years))
		}
	}
	s.valid = n
	for i := range s.layers {
		l := &s.layers[i]
		s.x, s.reach = &l.index, max(float64(s.radius), l.radius)+min(1.001*l.speed*years, 180)+margin
		s.locate(0, min(n, groupSize))
		for k := 0; k < n; k += groupSize {
			s.locate(min(n, k+groupSize), min(n, k+2*groupSize))
			for pos := k; pos < min(n, k+groupSize); pos++ {
				s.window(uint32(pos), &s.queries[pos])
			}
		}
		for range s.groups { // finish the pending ones
			s.step()
		}
	}
	return positions
}

// locate finds the fields of some queries, and prefetches them.
func (s *search) locate(from, to int) {
	x := s.x
	high := s.reach * x.bandsPerDegree
	queries := s.queries[from:to]
	for i := range queries {
		p := &queries[i]
		p.seen = 0
		at, up := x.bandOf(p.dec)
		b := &x.bands[at]
		if z := s.reach * b.sec; z < 5 {
			p.maxLon = 1.002*z + margin // the arc sine of a small value
		} else {
			p.maxLon = lonReach(p.dec, s.reach)
		}
		column, along := b.fieldOf(p.ra)
		wide := p.maxLon * b.fieldsPerDegree
		p.left, p.right, p.bottom, p.top = along-wide, along+wide, up-high, up+high
		p.field = b.first + column
		p.crossesField = p.left < 0 || p.right >= 1 || p.bottom < 0 || p.top >= 1
	}
	s.fetchFields(queries)
}

// window adds the cell ranges of a query.
func (s *search) window(pos uint32, p *query) {
	if p.crossesField {
		s.windows(pos, p)
		return
	}
	f := s.x.fields[p.field]
	if f.side == 0 {
		return
	}
	side := float64(f.side)
	left, right := f.first+uint32(p.left*side), f.first+uint32(p.right*side)+1
	end := uint32(p.top*side) * f.side
	for row := uint32(p.bottom*side) * f.side; row <= end; row += f.side {
		s.add(cellRange{row + left, row + right, pos})
	}
}

// windows is window for a query whose window crosses borders of fields.
func (s *search) windows(pos uint32, p *query) {
	first, bottom := s.x.bandOf(p.dec - s.reach)
	last, top := s.x.bandOf(p.dec + s.reach)
	for i := first; i <= last; i++ {
		w := strip{s.x, &s.x.bands[i], 0, 1, pos}
		if i == first {
			w.bottom = bottom
		}
		if i == last {
			w.top = top
		}
		low, high := p.ra-p.maxLon, p.ra+p.maxLon
		switch {
		case p.maxLon >= 89: // both ends may be in the same cell
			low, high = -180, 180
		case low < -180:
			s.strip(&w, low+360, 180)
			low = -180
		case high > 180:
			s.strip(&w, -180, high-360)
			high = 180
		}
		s.strip(&w, low, high)
	}
}

// strip is the part of a window that is in a band.
type strip struct {
	x           *index
	band        *band
	bottom, top float64 // in the band, from 0 to 1
	pos         uint32
}

// strip adds the cell ranges of a strip between two right ascensions.
func (s *search) strip(w *strip, low, high float64) {
	first, left := w.band.fieldOf(low)
	last, right := w.band.fieldOf(high)
	for i := first; i <= last; i++ {
		f := &w.x.fields[w.band.first+i]
		if f.side == 0 {
			continue
		}
		from, to := uint32(0), f.side-1
		if i == first {
			from = f.step(left)
		}
		if i == last {
			to = f.step(right)
		}
		row, end := f.step(w.bottom), f.step(w.top)
		if from == 0 && to == f.side-1 { // all cells between are consecutive
			s.add(cellRange{f.first + row*f.side, f.first + (end+1)*f.side, w.pos})
			continue
		}
		for ; row <= end; row++ {
			s.add(cellRange{f.first + row*f.side + from, f.first + row*f.side + to + 1, w.pos})
		}
	}
}

func (s *search) add(p cellRange) {
	g := &s.groups[s.filling]
	g.ranges[g.n] = p
	g.n++
	if g.n == groupSize {
		s.step()
	}
}

// step advances each group by one step.
func (s *search) step() {
	filled, located, fetched := &s.groups[s.filling], &s.groups[(s.filling+2)%3], &s.groups[(s.filling+1)%3]
	s.fetchStarts(filled.ranges[:filled.n])
	start, rows := s.x.start, uint32(len(s.x.rows))
	for i := range located.ranges[:located.n] {
		p := &located.ranges[i]
		p.from, p.to = start[p.from], start[p.to]
		if p.from > p.to || p.to > rows {
			p.from, p.to, s.damaged = 0, 0, true
		}
	}
	s.fetchRows(located.ranges[:located.n])
	for _, p := range fetched.ranges[:fetched.n] {
		s.scan(p)
	}
	fetched.n = 0
	s.filling = (s.filling + 1) % 3 // the one just scanned is filled next
}

// scan compares the rows of a range.
func (s *search) scan(p cellRange) {
	at := &s.queries[p.pos]
	reach := s.reach
	rows := s.x.rows[p.from:p.to]
	if at.seen += uint32(len(rows)); int(at.seen) > len(s.x.rows) { // some were compared twice
		s.damaged = true
		return
	}
	for i := range rows {
		r := &rows[i]
		if math.Abs(r.dec-at.dec) <= reach && lonBetween(r.ra, at.ra) <= at.maxLon {
			s.compare(p.pos, at, r)
		}
	}
}

// compare keeps a row if it is within the radius and, unless all are wanted, nearest.
func (s *search) compare(pos uint32, at *query, r *row) {
	if int(r.id) >= s.rows || !wrapped(r.ra, r.dec) {
		s.damaged = true
		return
	}
	moved := *r
	if at.years != 0 {
		s.motions[r.id].propagate(&moved, at.years)
	}
	h := haversine(moved.dec, at.dec, lonBetween(moved.ra, at.ra))
	if !s.within(h, at, &moved) {
		return
	}
	switch {
	case s.findAll:
		s.addPair(pair{pos, h, moved})
	case !at.hit || at.nearer(h, &moved):
		at.haversine, at.row, at.hit = h, moved, true
	}
}

// within reports whether a row is within the radius: its own if it has one.
func (s *search) within(h float64, at *query, r *row) bool {
	radius, limit := s.radius, s.limit
	own := s.radii != nil && !math.IsNaN(float64(s.radii[r.id]))
	if own {
		radius = s.radii[r.id]
		if !(radius >= 0 && radius <= 180) {
			s.damaged = true
			return false
		}
		limit = toHaversine(radius)
	}
	if !doubtful(h, limit) {
		return h < limit
	}
	if samePosition(&row{ra: at.ra, dec: at.dec}, r) {
		return radius >= 0
	}
	edge := s.edge
	if own || edge == nil {
		sin := exactSine(half(exact(float64(radius))))
		edge = mul(sin, sin)
	}
	if !own {
		s.edge = edge
	}
	return compareExact(at.exactHaversine(r), edge) <= 0
}

// separation returns the angle to a row with a known haversine.
func (at *query) separation(h float64, r *row) Angle {
	if h <= 0.5 {
		return fromHaversine(h)
	}
	return separationOf(at.ra, at.dec, r.ra, r.dec)
}

// samePosition reports whether two rows certainly have the same position.
func samePosition(a, b *row) bool {
	return a.dec == b.dec && (lonBetween(a.ra, b.ra) == 0 || math.Abs(a.dec) == 90)
}

// nearer reports whether a row is nearer than the nearest so far, or equally near
// with a lower number.
func (at *query) nearer(h float64, r *row) bool {
	if !doubtful(h, at.haversine) {
		return h < at.haversine
	}
	if c := at.compare(r, &at.row); c != 0 {
		return c < 0
	}
	return r.id < at.row.id
}

// compare compares the distances of two rows exactly, and returns -1, 0 or 1.
func (at *query) compare(a, b *row) int {
	switch {
	case samePosition(a, b):
		return 0
	case at.dec == 90: // right ascension does not matter
		return cmp.Compare(b.dec, a.dec)
	case at.dec == -90:
		return cmp.Compare(a.dec, b.dec)
	default:
		return compareExact(at.exactHaversine(a), at.exactHaversine(b))
	}
}

func (at *query) exactHaversine(r *row) *big.Float { return exactHaversine(at.ra, at.dec, r.ra, r.dec) }

// AppendNearest appends to dst, for each position, the nearest row with a separation
// up to and including radius, which is 0 to 180 degrees. Of equally near rows it is the
// one with the lowest number. AppendNearest allocates only to grow dst, and for ties that
// float64 cannot decide. It returns dst unchanged and an error if the arguments are
// invalid (see Positions.Check), the index file is damaged (ErrBadIndex), or the
// catalogue is closed.
func (c *Catalog) AppendNearest(dst []Match, p Positions, radius Angle) ([]Match, error) {
	if err := p.Check(radius); err != nil {
		return dst, err
	}
	if err := c.enter(); err != nil {
		return dst, err
	}
	defer c.leave()
	begin := len(dst)
	dst = slices.Grow(dst, len(p.RA))[:begin+len(p.RA)]
	s := c.begin(radius, false)
	defer s.end()
	var err error
	if c.file == nil {
		err = s.nearest(dst[begin:], p)
	} else {
		err = c.file.guard(func() error { return s.nearest(dst[begin:], p) })
	}
	if err != nil {
		return dst[:begin], err
	}
	return dst, nil
}

// nearest finds the match of each position.
func (s *search) nearest(out []Match, p Positions) error {
	for from, n := 0, 0; from < len(out); from += n {
		n = s.block(p, from)
		if s.valid < n {
			for i := from; i < from+n; i++ {
				out[i] = Match{Row: -1, Status: StatusInvalid, Separation: nan}
			}
		}
		for i := range s.queries[:s.valid] {
			if at := &s.queries[i]; at.hit {
				out[at.number] = Match{Row: int32(at.row.id), Status: StatusMatch, Separation: at.separation(at.haversine, &at.row)}
			} else {
				out[at.number] = Match{Row: -1, Status: StatusNone, Separation: nan}
			}
		}
		if s.damaged {
			return errDamaged
		}
	}
	return nil
}

var nan = Angle(math.NaN())
