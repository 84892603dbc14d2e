package parquetfile

import "bytes"

// presentLevel marks, among definition levels, an entry that no container leaves
// null or empty. Each column replaces it by its own level, so that a struct
// without nulls shares the levels of its parent.
const presentLevel = 0xff

// valueRange is a range of values in the array of one segment.
type valueRange struct {
	seg      int
	from, to int
}

// layout holds what all columns directly in one container share: the entries,
// their levels, and the ranges of their values. A segment is one Rows of the row
// group.
type layout struct {
	levels
	entries int
	present int    // entries that are present: the length of all ranges
	def     []byte // nil if every entry is present
	rep     []byte // nil if every entry begins a row
	ranges  []valueRange
	shift   []int // per segment: what to add to a range for the children's arrays
	ends    []int // per segment: the entry after its last
	pages   []page
	limit   int // entries after which a page ends

	// The slices above may be the parent's. These are the layout's own, kept
	// for later row groups.
	defBuf, repBuf []byte
	rangeBuf       []valueRange
	endBuf         []int
	pageBuf        []page
	scratch        []byte
}

// page is a range of whole rows, with its levels encoded as most columns need
// them.
type page struct {
	from, to int // entries
	present  int
	rep      []byte // repetition levels, empty if there are none
	def      []byte // definition levels of an optional column without nulls
}

// entries returns the page's range of a column's entries.
func (p *page) entries() entryRange {
	return entryRange{from: p.from, to: p.to, present: p.present, shared: p}
}

// root lays out the rows of a row group.
func (l *layout) root(rows []Rows) {
	l.levels, l.def, l.rep, l.entries = levels{}, nil, nil, 0
	l.ranges, l.ends, l.shift = l.rangeBuf[:0], l.endBuf[:0], l.shift[:0]
	for seg, r := range rows {
		n := r.len()
		if r.Index == nil {
			l.addRange(seg, 0, n)
		}
		for _, i := range r.Index {
			l.addRange(seg, int(i), int(i)+1)
		}
		l.entries += n
		l.ends = append(l.ends, l.entries)
		l.shift = append(l.shift, 0)
	}
	l.present = l.entries
	l.rangeBuf, l.endBuf = l.ranges, l.ends
	l.paginate()
}

// addRange appends a range of values, merging it with an adjacent one.
func (l *layout) addRange(seg, from, to int) {
	if from == to {
		return
	}
	if n := len(l.ranges); n > 0 {
		if last := &l.ranges[n-1]; last.seg == seg && last.to == from {
			last.to = to
			return
		}
	}
	l.ranges = append(l.ranges, valueRange{seg, from, to})
}

// share makes l the layout of a struct without nulls in p.
func (l *layout) share(p *layout) {
	l.levels, l.entries, l.present = p.levels, p.entries, p.present
	l.def, l.rep, l.ranges, l.ends = p.def, p.rep, p.ranges, p.ends
}

// structure lays out a struct in p, and reports whether any value is null.
func (l *layout) structure(p *layout, optional bool, srcs []source) (hasNulls bool) {
	l.share(p)
	l.shift = l.shift[:0]
	for _, s := range srcs {
		l.shift = append(l.shift, s.base)
	}
	if hasNulls = anyNull(p.ranges, srcs); hasNulls {
		l.dropNulls(p, srcs)
	}
	if optional {
		l.levels.def++
	}
	l.paginate()
	return hasNulls
}

// anyNull reports whether a value of the ranges is null.
func anyNull(ranges []valueRange, srcs []source) bool {
	for _, r := range ranges {
		if srcs[r.seg].hasNull(r.from, r.to) {
			return true
		}
	}
	return false
}

// dropNulls sets the levels and ranges of l to those of p without nulls.
func (l *layout) dropNulls(p *layout, srcs []source) {
	def := grown(l.defBuf, p.entries)
	if p.def == nil {
		fill(def, presentLevel)
	} else {
		copy(def, p.def)
	}
	l.ranges = l.rangeBuf[:0]
	l.present = 0
	e := 0
	for _, s := range p.ranges {
		src := &srcs[s.seg]
		for i := s.from; i < s.to; i++ {
			for def[e] != presentLevel {
				e++
			}
			if src.isNull(i) {
				def[e] = p.levels.def
			} else {
				l.addRange(s.seg, i, i+1)
				l.present++
			}
			e++
		}
	}
	l.def, l.defBuf, l.rangeBuf = def, def, l.ranges
}

// list lays out the elements of a list, or the entries of a map, in p. It reports
// whether any list or map is null.
func (l *layout) list(p *layout, optional bool, srcs []source) (hasNulls bool, err error) {
	l.levels = levels{p.levels.def + 1, p.levels.rep + 1}
	if optional {
		l.levels.def++
	}
	l.ranges, l.ends, l.present = l.rangeBuf[:0], l.endBuf[:0], 0
	l.shift = append(l.shift[:0], make([]int, len(srcs))...) // list offsets count from the child's beginning
	w := levelWriter{def: l.defBuf[:0], rep: l.repBuf[:0], within: l.levels.rep}
	null, empty := p.levels.def, l.levels.def-1

	seg := 0 // of entry e
	closeSegments := func(e int) {
		for seg < len(p.ends) && p.ends[seg] == e {
			l.ends = append(l.ends, len(w.def))
			seg++
		}
	}
	at := cursor{ranges: p.ranges}
	for e := range p.entries {
		closeSegments(e)
		var first uint8
		if p.rep != nil {
			first = p.rep[e]
		}
		if p.def != nil && p.def[e] != presentLevel {
			w.one(p.def[e], first)
			continue
		}
		i := at.next()
		src := &srcs[seg]
		if src.isNull(i) {
			hasNulls = true
			w.one(null, first)
			continue
		}
		from, to, err := src.elements(i)
		if err != nil {
			return false, err
		}
		if from == to {
			w.one(empty, first)
			continue
		}
		w.many(to-from, first)
		l.addRange(seg, from, to)
		l.present += to - from
	}
	closeSegments(p.entries)
	l.entries, l.rep, l.def = len(w.def), w.rep, w.def
	l.defBuf, l.repBuf, l.rangeBuf, l.endBuf = w.def, w.rep, l.ranges, l.ends
	if l.present == l.entries {
		l.def = nil
	}
	l.paginate()
	return hasNulls, nil
}

// levelWriter appends the levels of a list's elements.
type levelWriter struct {
	def, rep []byte
	within   uint8 // repetition level of elements after the first
}

// one appends the entry of a null or empty list.
func (w *levelWriter) one(def, rep uint8) {
	w.def = append(w.def, def)
	w.rep = append(w.rep, rep)
}

// many appends the entries of n elements.
func (w *levelWriter) many(n int, first uint8) {
	at := len(w.def)
	w.def = grown(w.def, at+n)
	w.rep = grown(w.rep, at+n)
	fill(w.def[at:], presentLevel)
	fill(w.rep[at:], w.within)
	w.rep[at] = first
}

// paginate splits the entries into pages of whole rows, and encodes the levels
// that the columns of a page share.
func (l *layout) paginate() {
	pages := l.pageBuf[:0]
	for from := 0; from < l.entries; {
		to := l.nextRow(from + l.limit)
		if n := len(pages); n < cap(pages) {
			pages = pages[:n+1] // reuses the buffers of an earlier page
		} else {
			pages = append(pages, page{})
		}
		pg := &pages[len(pages)-1]
		pg.from, pg.to = from, to
		pg.present = l.presentIn(from, to)
		pg.rep = l.appendRep(pg.rep[:0], from, to)
		pg.def = l.appendDef(pg.def[:0], from, to, l.levels.def+1, &l.scratch)
		from = to
	}
	l.pages, l.pageBuf = pages, pages
}

// nextRow returns the first entry at or after e that begins a row, or the number
// of entries.
func (l *layout) nextRow(e int) int {
	for e < l.entries && l.rep != nil && l.rep[e] != 0 {
		e++
	}
	return min(e, l.entries)
}

func (l *layout) appendRep(dst []byte, from, to int) []byte {
	if l.rep == nil {
		return dst
	}
	return appendLevels(dst, l.rep[from:to], l.levels.rep)
}

// appendDef appends the definition levels of a column in which every present
// entry has level maxDef. It uses *scratch as a buffer.
func (l *layout) appendDef(dst []byte, from, to int, maxDef uint8, scratch *[]byte) []byte {
	if maxDef == 0 {
		return dst
	}
	if l.def == nil {
		return appendLevelRun(dst, maxDef, to-from, maxDef)
	}
	levels := grown((*scratch)[:0], to-from)
	for i, d := range l.def[from:to] {
		if d == presentLevel {
			d = maxDef
		}
		levels[i] = d
	}
	*scratch = levels
	return appendLevels(dst, levels, maxDef)
}

// presentIn counts the present entries in a range of entries.
func (l *layout) presentIn(from, to int) int {
	if l.def == nil {
		return to - from
	}
	return bytes.Count(l.def[from:to], []byte{presentLevel})
}

// cursor iterates over ranges, by value or by range.
type cursor struct {
	ranges []valueRange
	done   int // values of ranges[0] already passed
}

func (c *cursor) next() int {
	for c.ranges[0].from+c.done == c.ranges[0].to {
		c.ranges, c.done = c.ranges[1:], 0
	}
	i := c.ranges[0].from + c.done
	c.done++
	return i
}

// take passes up to n values of the first remaining range, and returns their
// range. There must be a value left.
func (c *cursor) take(n int) valueRange {
	for c.ranges[0].from+c.done == c.ranges[0].to {
		c.ranges, c.done = c.ranges[1:], 0
	}
	s := c.ranges[0]
	s.from += c.done
	s.to = min(s.to, s.from+n)
	c.done += s.to - s.from
	return s
}

// grown returns b with length n. It keeps the values of b; any others are
// arbitrary.
func grown[T any](b []T, n int) []T {
	if n <= cap(b) {
		return b[:n]
	}
	bigger := make([]T, n, n+n/4)
	copy(bigger, b)
	return bigger
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}
