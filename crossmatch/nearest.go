package crossmatch

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"sync"
)

// A lookup waits for memory three times: for its field, for where the rows of its
// cells begin, and for the rows. So many positions are worked on side by side, and
// what a step of some needs was asked of memory while others were in hand.

const (
	blockSize = 128 // positions
	groupSize = 64  // spans

	mostYears = 1e6     // of an epoch
	mostKept  = 1 << 16 // pairs, between searches
)

// span is cells of a band that a position has to do with, and then their rows.
type span struct {
	from, to uint32
	pos      uint32 // of the block
}

type group struct {
	n     int
	spans [groupSize]span
}

// place is a position of the block, and what was found for it.
type place struct {
	ra, dec float64
	lon     float64 // how far a row may be in right ascension
	seen    uint32  // rows of the layer
	number  int32   // of the position

	field                    uint32
	found, beyond            bool    // the window goes beyond the field
	left, right, bottom, top float64 // the window, in sides of the field

	years     float64 // since the catalogue's epoch
	haversine float64 // of the nearest row
	row       row     // the nearest, where it was
}

// search is a search for rows near positions.
type search struct {
	*Catalog
	radius Angle
	limit  float64    // haversine of the radius
	edge   *big.Float // and so to many bits, once it was needed

	all   bool // rows are wanted, not the nearest
	pairs []pair
	most  int // of a place
	full  int // when it is time to drop those beyond

	x       *index
	reach   float64 // of the rows of x, in degrees, margin included
	places  [blockSize]place
	valid   int                    // of them
	groups  [3]group               // the new one, the one whose cells are looked up, the one whose rows are
	turn    int                    // which is which
	lines   [2 * groupSize]uintptr // of memory
	damaged bool                   // what is not possible stands in the index
}

// searches keeps what a search needs between calls, which may be of few
// positions.
var searches = sync.Pool{New: func() any { return new(search) }}

func (c *Catalog) begin(radius Angle, all bool) *search {
	s := searches.Get().(*search)
	s.Catalog, s.radius, s.limit, s.edge = c, radius, toHaversine(radius), nil
	s.all, s.pairs, s.damaged = all, s.pairs[:0], false
	for i := range s.groups { // the last search may have ended in the midst, by a file that could not be read
		s.groups[i].n = 0
	}
	return s
}

func (s *search) end() {
	s.Catalog, s.x = nil, nil
	if cap(s.pairs) > mostKept {
		s.pairs = nil
	}
	searches.Put(s)
}

// block looks for what is near the positions from one on, a block of them, and
// returns their number. Those that are none are left out of the places.
func (s *search) block(p Positions, from int) (positions int) {
	positions = min(len(p.RA)-from, blockSize)
	n, years := 0, 0.
	for i := from; i < from+positions; i++ {
		ra, dec := p.RA[i], p.Dec[i]
		if !valid(ra, dec) {
			continue
		}
		at := &s.places[n]
		n++
		at.number, at.ra, at.dec = int32(i), wrap(ra), dec
		at.years, at.found = 0, false
		if s.motions != nil && p.Epoch != nil && math.Abs(p.Epoch[i]) <= mostYears { // NaN is not
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
				s.window(uint32(pos), &s.places[pos])
			}
		}
		for range s.groups { // what is left
			s.step()
		}
	}
	return positions
}

// locate finds the fields of some places, and asks memory for them.
func (s *search) locate(from, to int) {
	x := s.x
	high := s.reach * x.perDegree
	places := s.places[from:to]
	for i := range places {
		p := &places[i]
		p.seen = 0
		at, up := x.bandOf(p.dec)
		b := &x.bands[at]
		if z := s.reach * b.sec; z < 5 {
			p.lon = 1.002*z + margin // the arc sine of a small one
		} else {
			p.lon = lonReach(p.dec, s.reach)
		}
		column, along := b.fieldOf(p.ra)
		wide := p.lon * b.perDegree
		p.left, p.right, p.bottom, p.top = along-wide, along+wide, up-high, up+high
		p.field = b.first + column
		p.beyond = p.left < 0 || p.right >= 1 || p.bottom < 0 || p.top >= 1
	}
	s.fetchFields(places)
}

// window finds the spans of a position.
func (s *search) window(pos uint32, p *place) {
	if p.beyond {
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
		s.add(span{row + left, row + right, pos})
	}
}

// windows is window across borders of fields.
func (s *search) windows(pos uint32, p *place) {
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
		low, high := p.ra-p.lon, p.ra+p.lon
		switch {
		case p.lon >= 89: // its ends may lie in the same cell
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

// strip is what a window has of a band.
type strip struct {
	x           *index
	band        *band
	bottom, top float64 // of the band, from 0 to 1
	pos         uint32
}

// strip finds the spans of a strip between two right ascensions.
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
		if from == 0 && to == f.side-1 { // all that lies between is one piece
			s.add(span{f.first + row*f.side, f.first + (end+1)*f.side, w.pos})
			continue
		}
		for ; row <= end; row++ {
			s.add(span{f.first + row*f.side + from, f.first + row*f.side + to + 1, w.pos})
		}
	}
}

func (s *search) add(p span) {
	g := &s.groups[s.turn]
	g.spans[g.n] = p
	g.n++
	if g.n == groupSize {
		s.step()
	}
}

// step does a step of each group.
func (s *search) step() {
	begun, found, looked := &s.groups[s.turn], &s.groups[(s.turn+2)%3], &s.groups[(s.turn+1)%3]
	s.fetchStarts(begun.spans[:begun.n])
	start, rows := s.x.start, uint32(len(s.x.rows))
	for i := range found.spans[:found.n] {
		p := &found.spans[i]
		p.from, p.to = start[p.from], start[p.to]
		if p.from > p.to || p.to > rows {
			p.from, p.to, s.damaged = 0, 0, true
		}
	}
	s.fetchRows(found.spans[:found.n])
	for _, p := range looked.spans[:looked.n] {
		s.look(p)
	}
	looked.n = 0
	s.turn = (s.turn + 1) % 3 // the one just looked at is the next
}

// look compares the rows of a span.
func (s *search) look(p span) {
	at := &s.places[p.pos]
	reach := s.reach
	rows := s.x.rows[p.from:p.to]
	if at.seen += uint32(len(rows)); int(at.seen) > len(s.x.rows) { // some were seen twice
		s.damaged = true
		return
	}
	for i := range rows {
		r := &rows[i]
		if math.Abs(r.dec-at.dec) <= reach && lonBetween(r.ra, at.ra) <= at.lon {
			s.compare(p.pos, at, r)
		}
	}
}

// compare takes a row if it is near enough.
func (s *search) compare(pos uint32, at *place, r *row) {
	if int(r.id) >= s.rows || !wrapped(r.ra, r.dec) {
		s.damaged = true
		return
	}
	moved := *r
	if at.years != 0 {
		s.motions[r.id].move(&moved, at.years)
	}
	h := haversine(moved.dec, at.dec, lonBetween(moved.ra, at.ra))
	if !s.within(h, at, &moved) {
		return
	}
	switch {
	case s.all:
		s.addPair(pair{pos, h, moved})
	case !at.found || at.nearer(h, &moved):
		at.haversine, at.row, at.found = h, moved, true
	}
}

// within reports whether a row is within the radius: its own, if it has one.
func (s *search) within(h float64, at *place, r *row) bool {
	radius, limit := s.radius, s.limit
	own := s.radii != nil && !math.IsNaN(s.radii[r.id])
	if own {
		radius = Angle(s.radii[r.id])
		if !(radius >= 0 && radius <= 180) {
			s.damaged = true
			return false
		}
		limit = toHaversine(radius)
	}
	if !doubtful(h, limit) {
		return h < limit
	}
	if samePlace(&row{ra: at.ra, dec: at.dec}, r) {
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
	return compareExact(at.exactly(r), edge) <= 0
}

// separation is the angle to a row whose haversine is known.
func (at *place) separation(h float64, r *row) Angle {
	if h <= 0.5 {
		return fromHaversine(h)
	}
	return separationOf(at.ra, at.dec, r.ra, r.dec)
}

// samePlace reports whether two rows are at the same place, for certain.
func samePlace(a, b *row) bool {
	return a.dec == b.dec && (lonBetween(a.ra, b.ra) == 0 || math.Abs(a.dec) == 90)
}

// nearer reports whether a row is nearer than the nearest so far. Of two that are
// equally near it is the lower one.
func (at *place) nearer(h float64, r *row) bool {
	if !doubtful(h, at.haversine) {
		return h < at.haversine
	}
	if c := at.compare(r, &at.row); c != 0 {
		return c < 0
	}
	return r.id < at.row.id
}

// compare compares the distances of two rows exactly: -1, 0 or 1.
func (at *place) compare(a, b *row) int {
	switch {
	case samePlace(a, b):
		return 0
	case at.dec == 90: // no right ascension counts
		return cmp.Compare(b.dec, a.dec)
	case at.dec == -90:
		return cmp.Compare(a.dec, b.dec)
	default:
		return compareExact(at.exactly(a), at.exactly(b))
	}
}

func (at *place) exactly(r *row) *big.Float { return exactHaversine(at.ra, at.dec, r.ra, r.dec) }

// AppendNearest appends to dst, for each position, the nearest row within a
// radius of 0 to 180 degrees, which is included; of rows that are equally near it
// is the first. Where float64 can tell which is nearest it allocates nothing else.
// An error is of positions or a radius that make no sense, of an index file that
// is damaged (ErrBadIndex), or of a catalogue that is closed; dst then has nothing
// new.
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
				out[i] = Match{Row: -1, Status: Invalid, Separation: nan}
			}
		}
		for i := range s.places[:s.valid] {
			if at := &s.places[i]; at.found {
				out[at.number] = Match{Row: int32(at.row.id), Status: Matched, Separation: at.separation(at.haversine, &at.row)}
			} else {
				out[at.number] = Match{Row: -1, Status: None, Separation: nan}
			}
		}
		if s.damaged {
			return errDamaged
		}
	}
	return nil
}

var nan = Angle(math.NaN())
