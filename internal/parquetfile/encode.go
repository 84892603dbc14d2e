package parquetfile

import (
	"fmt"
	"math"
)

// pageLimits are the sizes at which a page ends, after its current row.
type pageLimits struct {
	entries int
	bytes   int // of values
}

// defaultPageLimits returns limits of 1 MiB for doubles and any other values.
func defaultPageLimits() pageLimits { return pageLimits{entries: 128 << 10, bytes: 1 << 20} }

// encoder encodes columns into chunks. Each worker has one.
type encoder struct {
	limits  pageLimits
	buffers *buffers // of pages
	codec   compressor
	thrift  thriftWriter
	stats   bounds
	dict    dictionary

	raw   []byte   // a page before compression
	def   []byte   // definition levels
	valid []byte   // of the current entries: 1, or 0 for null
	bools []byte   // one byte a value
	vals  [][]byte // of a page
}

// encode encodes the column's chunk into c.
func (e *encoder) encode(col *column, codec int32, c *chunk) error {
	c.reset(codec)
	e.codec.noEntropy = 0
	e.stats.reset(col.leaf.order)
	var err error
	switch {
	case col.leaf.phys != physBytes:
		err = e.fixed(col, c)
	case col.leaf.order == orderText:
		err = e.text(col, c)
	default:
		err = e.binary(col, c)
	}
	if err != nil {
		return fmt.Errorf("parquetfile: %s: %w", col.leaf.node.path, err)
	}
	c.lower, c.upper, c.bounded = e.stats.encoded(c.lower, c.upper)
	return nil
}

// entryRange is a range of a column's entries: a page.
type entryRange struct {
	from, to int
	present  int
	valid    []byte // of the present entries: 1, or 0 for null; nil if none is null
	shared   *page  // the layout's page, if the range is all of it
}

// header returns the header of a data page in PLAIN encoding.
func (r entryRange) header() pageHeader {
	return pageHeader{pageData, r.to - r.from, encodingPlain}
}

// fixed encodes a column of values of equal size.
func (e *encoder) fixed(col *column, c *chunk) error {
	l := col.layout
	limit := e.limits.entries
	if col.leaf.width > 16 {
		limit = max(1, e.limits.bytes/col.leaf.width)
	}
	values, nulls := cursor{ranges: l.ranges}, cursor{ranges: l.ranges}
	for i := range l.pages {
		pg := &l.pages[i]
		for from := pg.from; from < pg.to; {
			st := pg.entries()
			if to := l.nextRow(from + limit); from > pg.from || to < pg.to {
				to = min(to, pg.to)
				st = entryRange{from: from, to: to, present: l.presentIn(from, to)}
			}
			if err := e.fixedPage(col, c, st, &values, &nulls); err != nil {
				return err
			}
			from = st.to
		}
	}
	return nil
}

func (e *encoder) fixedPage(col *column, c *chunk, st entryRange, values, nulls *cursor) error {
	have := e.loadValid(col, &st, nulls)
	c.nulls += int64(st.to - st.from - have)
	if size := have * col.leaf.width; size > math.MaxInt32 {
		return tooLarge(size)
	}
	e.raw = e.appendPageLevels(e.raw[:0], col, st)
	at := len(e.raw)
	var err error
	if col.leaf.phys == physBool {
		e.raw = e.appendBools(e.raw, col, st, values)
	} else if e.raw, err = appendFixed(e.raw, col, st, have, values); err != nil {
		return err
	}
	e.stats.addFixed(e.raw[at:], col.leaf.width)
	return e.addPage(c, st.header(), e.raw)
}

// loadValid sets st.valid if some present entries of st are null, and returns the
// number of the others.
func (e *encoder) loadValid(col *column, st *entryRange, at *cursor) int {
	if !col.mayNull {
		return st.present
	}
	e.valid = e.valid[:0]
	have := 0
	for n := st.present; n > 0; {
		s := at.take(n)
		var k int
		e.valid, k = col.sources[s.seg].appendValid(e.valid, s.from, s.to)
		have += k
		n -= s.to - s.from
	}
	if have < st.present {
		st.valid = e.valid
	}
	return have
}

// appendPageLevels appends the levels of a page.
func (e *encoder) appendPageLevels(dst []byte, col *column, st entryRange) []byte {
	l := col.layout
	if st.shared != nil {
		dst = append(dst, st.shared.rep...)
	} else {
		dst = l.appendRep(dst, st.from, st.to)
	}
	switch {
	case st.valid != nil:
		return e.appendNulls(dst, col, st)
	case st.shared != nil && col.leaf.optional:
		return append(dst, st.shared.def...)
	}
	return l.appendDef(dst, st.from, st.to, col.leaf.maxDef, &e.def)
}

// appendNulls appends the definition levels of a page with null values.
func (e *encoder) appendNulls(dst []byte, col *column, st entryRange) []byte {
	null := col.leaf.maxDef - 1
	e.def = grown(e.def[:0], st.to-st.from)
	if col.layout.def == nil {
		for i, v := range st.valid {
			e.def[i] = null + v
		}
		return appendLevels(dst, e.def, col.leaf.maxDef)
	}
	i := 0
	for k, d := range col.layout.def[st.from:st.to] {
		if d == presentLevel {
			d = null + st.valid[i]
			i++
		}
		e.def[k] = d
	}
	return appendLevels(dst, e.def, col.leaf.maxDef)
}

// loadValues appends the values of a page of a text or binary column to vals, and
// sets st.valid as loadValid does.
func (e *encoder) loadValues(col *column, st *entryRange, values, nulls *cursor, vals [][]byte) ([][]byte, error) {
	e.loadValid(col, st, nulls)
	valid := st.valid
	for n := st.present; n > 0; {
		s := values.take(n)
		k := s.to - s.from
		var v []byte
		if valid != nil {
			v, valid = valid[:k], valid[k:]
		}
		n -= k
		src := &col.sources[s.seg]
		if src.mode == readAbsent {
			continue
		}
		var err error
		if vals, err = src.appendValues(vals, s.from, s.to, v); err != nil {
			return vals, err
		}
	}
	return vals, nil
}

// text encodes a string column, with a dictionary if that is worthwhile.
func (e *encoder) text(col *column, c *chunk) error {
	ok, err := e.buildDictionary(col)
	if err != nil {
		return err
	}
	if ok {
		e.stats.addText(e.dict.vals)
		return e.writeIndices(col, c)
	}
	return e.eachPage(col, func(st entryRange) error {
		e.stats.addText(e.vals)
		return e.splitPage(col, st, e.vals, c, func(st entryRange, from, to int) error {
			return e.plainPage(col, c, st, e.vals[from:to])
		})
	})
}

// minReferred is the mean size from which uncompressed values are written from where
// they are: a reference to a smaller one takes more memory than a copy.
const minReferred = 64

// binary encodes a binary column, compressed if that is worthwhile.
func (e *encoder) binary(col *column, c *chunk) error {
	trial := c.codec != codecUncompressed
	return e.eachPage(col, func(st entryRange) error {
		if len(c.pieces) == 0 { // all before are written
			clear(c.vals)
			c.vals = c.vals[:0]
		}
		if trial && len(e.vals) > 0 {
			trial = false
			worth, err := e.codec.worthCompressing(e.vals, c.codec, &e.raw)
			if err != nil {
				return err
			}
			if !worth && c.values == 0 {
				c.codec = codecUncompressed
			}
		}
		at := len(c.vals)
		refer := c.codec == codecUncompressed && plainSize(e.vals) >= minReferred*len(e.vals)
		if refer {
			c.vals = append(c.vals, e.vals...)
		}
		return e.splitPage(col, st, e.vals, c, func(st entryRange, from, to int) error {
			if !refer {
				return e.binaryPage(col, c, st, e.vals[from:to])
			}
			e.raw = e.appendPageLevels(e.raw[:0], col, st)
			return e.addValues(c, st.header(), e.raw, at+from, at+to)
		})
	})
}

// noEntropyPages is the number of pages that a column must have for the trial of
// its first page without entropy coding.
const noEntropyPages = 4

// binaryPage adds a compressed page. In a column of many pages, the first one
// decides whether the others are entropy-coded.
func (e *encoder) binaryPage(col *column, c *chunk, st entryRange, vals [][]byte) error {
	first, before := c.values == 0, c.stored
	if err := e.plainPage(col, c, st, vals); err != nil {
		return err
	}
	many := col.layout.entries > noEntropyPages*(st.to-st.from)
	if !first || !many || c.codec != codecZstd || len(e.raw) < e.limits.bytes || len(e.raw) > 2*e.limits.bytes {
		return nil
	}
	scratch := e.buffers.get(maxCompressed(len(e.raw), codecZstd))
	defer e.buffers.put(scratch)
	return e.codec.tryNoEntropy(e.raw, int(c.stored-before), scratch)
}

// clear drops all references to the records of a row group.
func (e *encoder) clear() {
	if cap(e.raw) > maxReused {
		e.raw = nil
	}
	if cap(e.vals) > maxReused/24 {
		e.vals = nil
	}
	clear(e.vals[:cap(e.vals)])
	e.dict.clear()
}
