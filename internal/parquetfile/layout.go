package parquetfile

// present marks, among definition levels, an entry whose value is there as
// far as the container knows. It is no level of its own: what stands below
// turns it into one, so that a struct without nulls shares its parent's.
const present = 0xff

// span is a stretch of values of one segment's array, in order.
type span struct {
	seg      int
	from, to int
}

// layout is what all columns directly in one container share: the entries,
// their levels, and where the values stand that are there. A segment is one
// Rows of the row group.
type layout struct {
	levels
	entries int
	present int    // entries that are there: the length of all spans
	def     []byte // nil: every entry is there
	rep     []byte // nil: every entry is a row
	spans   []span
	shift   []int // per segment, from a span to places in the children's arrays
	ends    []int // per segment, the entry after its last
	pages   []page
	limit   int // entries of a page at which it ends

	// The slices above may be those of the container around; these are ours,
	// kept from one row group to the next.
	defBuf, repBuf []byte
	spanBuf        []span
	endBuf         []int
	pageBuf        []page
	scratch        []byte
}

// page is a stretch of whole rows, with its levels encoded as most columns
// need them.
type page struct {
	from, to int // entries
	present  int
	rep      []byte // the section of repetition levels, empty when there is none
	def      []byte // the definition levels of an optional column without nulls
}

// root lays out the rows of a row group.
func (l *layout) root(rows []Rows) {
	l.levels, l.def, l.rep, l.entries = levels{}, nil, nil, 0
	l.spans, l.ends, l.shift = l.spanBuf[:0], l.endBuf[:0], l.shift[:0]
	for seg, r := range rows {
		n := r.len()
		if r.Index == nil {
			l.addSpan(seg, 0, n)
		}
		for _, i := range r.Index {
			l.addSpan(seg, int(i), int(i)+1)
		}
		l.entries += n
		l.ends = append(l.ends, l.entries)
		l.shift = append(l.shift, 0)
	}
	l.present = l.entries
	l.spanBuf, l.endBuf = l.spans, l.ends
	l.paginate()
}

// addSpan joins what follows without a gap.
func (l *layout) addSpan(seg, from, to int) {
	if from == to {
		return
	}
	if n := len(l.spans); n > 0 {
		if last := &l.spans[n-1]; last.seg == seg && last.to == from {
			last.to = to
			return
		}
	}
	l.spans = append(l.spans, span{seg, from, to})
}

// share makes l a struct's layout in which no value is null.
func (l *layout) share(p *layout) {
	l.levels, l.entries, l.present = p.levels, p.entries, p.present
	l.def, l.rep, l.spans, l.ends = p.def, p.rep, p.spans, p.ends
}

// structure lays out a struct that stands in p. It answers whether a value
// is null.
func (l *layout) structure(p *layout, optional bool, srcs []source) (hasNulls bool) {
	l.share(p)
	l.shift = l.shift[:0]
	for _, s := range srcs {
		l.shift = append(l.shift, s.base)
	}
	for _, s := range p.spans {
		if srcs[s.seg].hasNull(s.from, s.to) {
			hasNulls = true
			break
		}
	}
	hasNulls = hasNulls || absentRows(p, srcs)
	if hasNulls {
		l.dropNulls(p, srcs)
	}
	if optional {
		l.levels.def++
	}
	l.paginate()
	return hasNulls
}

// absentRows tells whether a segment that has values in p lacks the column.
func absentRows(p *layout, srcs []source) bool {
	for _, s := range p.spans {
		if srcs[s.seg].reading == readAbsent {
			return true
		}
	}
	return false
}

// dropNulls makes l's own levels and spans out of p's.
func (l *layout) dropNulls(p *layout, srcs []source) {
	def := grown(l.defBuf, p.entries)
	if p.def == nil {
		fill(def, present)
	} else {
		copy(def, p.def)
	}
	l.spans = l.spanBuf[:0]
	l.present = 0
	e := 0
	for _, s := range p.spans {
		src := &srcs[s.seg]
		for i := s.from; i < s.to; i++ {
			for def[e] != present {
				e++
			}
			if src.isNull(i) {
				def[e] = p.levels.def
			} else {
				l.addSpan(s.seg, i, i+1)
				l.present++
			}
			e++
		}
	}
	l.def, l.defBuf, l.spanBuf = def, def, l.spans
}

// list lays out the elements of a list, or the entries of a map, that stands
// in p.
func (l *layout) list(p *layout, optional bool, srcs []source) (hasNulls bool, err error) {
	l.levels = levels{p.levels.def + 1, p.levels.rep + 1}
	if optional {
		l.levels.def++
	}
	l.spans, l.ends, l.shift = l.spanBuf[:0], l.endBuf[:0], l.shift[:0]
	l.present = 0
	w := levelWriter{def: l.defBuf[:0], rep: l.repBuf[:0], within: l.levels.rep}
	null, empty := p.levels.def, l.levels.def-1

	seg := 0 // of the entry at hand
	closeSegments := func(e int) {
		for seg < len(p.ends) && p.ends[seg] == e {
			l.ends = append(l.ends, len(w.def))
			seg++
		}
	}
	at := cursor{spans: p.spans}
	for e := range p.entries {
		closeSegments(e)
		var first uint8
		if p.rep != nil {
			first = p.rep[e]
		}
		if p.def != nil && p.def[e] != present {
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
		l.addSpan(seg, from, to)
		l.present += to - from
	}
	closeSegments(p.entries)
	for range srcs {
		l.shift = append(l.shift, 0) // offsets count from the child's beginning
	}
	l.entries, l.rep, l.def = len(w.def), w.rep, w.def
	l.defBuf, l.repBuf, l.spanBuf, l.endBuf = w.def, w.rep, l.spans, l.ends
	if l.present == l.entries {
		l.def = nil
	}
	l.paginate()
	return hasNulls, nil
}

// levelWriter appends the levels of a list's elements.
type levelWriter struct {
	def, rep []byte
	within   uint8 // repetition level of the elements after the first
}

// one appends the entry of a list that has no elements.
func (w *levelWriter) one(def, rep uint8) {
	w.def = append(w.def, def)
	w.rep = append(w.rep, rep)
}

// many appends n elements.
func (w *levelWriter) many(n int, first uint8) {
	at := len(w.def)
	w.def = grown(w.def, at+n)
	w.rep = grown(w.rep, at+n)
	fill(w.def[at:], present)
	fill(w.rep[at:], w.within)
	w.rep[at] = first
}

// paginate divides the entries into pages of whole rows and encodes what the
// columns of a page share.
func (l *layout) paginate() {
	pages := l.pageBuf[:0]
	for from := 0; from < l.entries; {
		to := l.nextRow(from + l.limit)
		if n := len(pages); n < cap(pages) {
			pages = pages[:n+1] // with the buffers of the page that was there
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

// nextRow answers the first entry from e on that begins a row, or the end.
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

// appendDef appends the levels of a column in which whatever may be there is
// there, at the level whole. The scratch belongs to whoever calls.
func (l *layout) appendDef(dst []byte, from, to int, whole uint8, scratch *[]byte) []byte {
	if whole == 0 {
		return dst
	}
	if l.def == nil {
		return appendLevelRun(dst, whole, to-from, whole)
	}
	*scratch = replaced(*scratch, l.def[from:to], whole)
	return appendLevels(dst, *scratch, whole)
}

// replaced writes the levels to dst, with level in place of the mark.
func replaced(dst, def []byte, level uint8) []byte {
	dst = grown(dst[:0], len(def))
	for i, d := range def {
		if d == present {
			d = level
		}
		dst[i] = d
	}
	return dst
}

// presentIn counts the present entries of a stretch.
func (l *layout) presentIn(from, to int) int {
	if l.def == nil {
		return to - from
	}
	return countPresent(l.def[from:to])
}

func countPresent(def []byte) int {
	n := 0
	for _, d := range def {
		if d == present {
			n++
		}
	}
	return n
}

// cursor walks through spans value by value, or stretch by stretch.
type cursor struct {
	spans []span
	done  int // values of spans[0] already passed
}

func (c *cursor) next() int {
	for c.spans[0].from+c.done == c.spans[0].to {
		c.spans, c.done = c.spans[1:], 0
	}
	i := c.spans[0].from + c.done
	c.done++
	return i
}

// take passes up to n values, which must be there, and answers where they
// stand.
func (c *cursor) take(n int) span {
	for c.spans[0].from+c.done == c.spans[0].to {
		c.spans, c.done = c.spans[1:], 0
	}
	s := c.spans[0]
	s.from += c.done
	s.to = min(s.to, s.from+n)
	c.done += s.to - s.from
	return s
}

// grown answers b with length n, its first values kept and the rest whatever
// was there.
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
