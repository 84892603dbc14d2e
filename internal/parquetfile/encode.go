package parquetfile

import (
	"fmt"
	"math"
)

// pageLimits say where a page ends, at the next row.
type pageLimits struct {
	entries int
	bytes   int // of values
}

// usualPages are 1 MiB of doubles, or of anything else.
func usualPages() pageLimits { return pageLimits{entries: 128 << 10, bytes: 1 << 20} }

// encoder turns columns into chunks, with buffers it keeps. Each worker has
// one.
type encoder struct {
	limits  pageLimits
	buffers *buffers // of pages
	codec   compressor
	thrift  compact
	stats   bounds
	dict    dictionary

	raw   []byte   // a page before compression
	def   []byte   // definition levels
	valid []byte   // of the values at hand, 1 or 0
	bools []byte   // a byte a value
	vals  [][]byte // of a page
}

// encode fills c with the column's chunk.
func (e *encoder) encode(col *column, codec int32, c *chunk) error {
	c.reset(codec)
	e.codec.light = 0
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

// stretch is a page's part of a column.
type stretch struct {
	from, to int
	present  int
	valid    []byte // of the present entries, nil: none is null
	shared   *page  // the layout's page, when the stretch is all of it
}

// fixed encodes columns whose values have one size.
func (e *encoder) fixed(col *column, c *chunk) error {
	l := col.layout
	limit := e.limits.entries
	if col.leaf.width > 16 {
		limit = max(1, e.limits.bytes/col.leaf.width)
	}
	values, nulls := cursor{spans: l.spans}, cursor{spans: l.spans}
	for i := range l.pages {
		pg := &l.pages[i]
		for from := pg.from; from < pg.to; {
			st := stretch{from: from, to: min(pg.to, l.nextRow(from+limit))}
			if st.present = pg.present; st.from == pg.from && st.to == pg.to {
				st.shared = pg
			} else {
				st.present = l.presentIn(st.from, st.to)
			}
			if err := e.fixedPage(col, c, st, &values, &nulls); err != nil {
				return err
			}
			from = st.to
		}
	}
	return nil
}

func (e *encoder) fixedPage(col *column, c *chunk, st stretch, values, nulls *cursor) error {
	have := e.loadValid(col, &st, nulls)
	c.nulls += int64(st.to - st.from - have)
	if size := have * col.leaf.width; size > math.MaxInt32 {
		return tooLarge(size)
	}
	e.raw = e.appendStretch(e.raw[:0], col, st)
	at := len(e.raw)
	var err error
	if col.leaf.phys == physBool {
		e.raw = e.appendBools(e.raw, col, st, values)
	} else if e.raw, err = appendFixed(e.raw, col, st, have, values); err != nil {
		return err
	}
	e.stats.addFixed(e.raw[at:], col.leaf.width)
	return e.addPage(c, pageHeader{pageData, st.to - st.from, encodingPlain}, e.raw)
}

// loadValid finds the nulls among the present entries of st and answers how
// many values are left.
func (e *encoder) loadValid(col *column, st *stretch, at *cursor) int {
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

// appendStretch appends the levels of a page.
func (e *encoder) appendStretch(dst []byte, col *column, st stretch) []byte {
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

// appendNulls appends definition levels where some present entries are null.
func (e *encoder) appendNulls(dst []byte, col *column, st stretch) []byte {
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
		if d == present {
			d = null + st.valid[i]
			i++
		}
		e.def[k] = d
	}
	return appendLevels(dst, e.def, col.leaf.maxDef)
}

// loadValues gathers the values of a text or binary column's page. It appends
// to vals and marks the nulls in st.
func (e *encoder) loadValues(col *column, st *stretch, values, nulls *cursor, vals [][]byte) ([][]byte, error) {
	e.loadValid(col, st, nulls)
	valid := st.valid
	for n := st.present; n > 0; {
		s := values.take(n)
		k := s.to - s.from
		var part []byte
		if valid != nil {
			part, valid = valid[:k], valid[k:]
		}
		n -= k
		src := &col.sources[s.seg]
		if src.reading == readAbsent {
			continue
		}
		var err error
		if vals, err = src.appendValues(vals, s.from, s.to, part); err != nil {
			return vals, err
		}
	}
	return vals, nil
}

// text encodes a string column, with a dictionary when one pays.
func (e *encoder) text(col *column, c *chunk) error {
	ok, err := e.buildDictionary(col)
	if err != nil {
		return err
	}
	if ok {
		e.stats.addText(e.dict.vals)
		return e.indexed(col, c)
	}
	return e.eachPage(col, func(st stretch) error {
		e.stats.addText(e.vals)
		return e.divide(col, st, e.vals, c, func(st stretch, from, to int) error {
			return e.plainPage(col, c, st, e.vals[from:to])
		})
	})
}

// binary encodes a column of bytes, which are only compressed where it pays.
func (e *encoder) binary(col *column, c *chunk) error {
	trial := c.codec != codecUncompressed
	return e.eachPage(col, func(st stretch) error {
		if trial && len(e.vals) > 0 {
			trial = false
			pays, err := e.codec.pays(e.vals, c.codec, &e.raw)
			if err != nil {
				return err
			}
			if !pays && c.values == 0 {
				c.codec = codecUncompressed
			}
		}
		at := len(c.vals)
		if c.codec == codecUncompressed {
			c.vals = append(c.vals, e.vals...)
		}
		return e.divide(col, st, e.vals, c, func(st stretch, from, to int) error {
			if c.codec != codecUncompressed {
				return e.binaryPage(col, c, st, e.vals[from:to])
			}
			e.raw = e.appendStretch(e.raw[:0], col, st)
			h := pageHeader{pageData, st.to - st.from, encodingPlain}
			return e.addValues(c, h, e.raw, at+from, at+to)
		})
	})
}

// lightPages is how many pages must follow one that is compressed twice, to see
// how, before that pays.
const lightPages = 4

// binaryPage writes a compressed page. What the first one shows goes for those
// that follow, if they are many.
func (e *encoder) binaryPage(col *column, c *chunk, st stretch, vals [][]byte) error {
	first, before := c.values == 0, c.stored
	if err := e.plainPage(col, c, st, vals); err != nil {
		return err
	}
	many := col.layout.entries > lightPages*(st.to-st.from)
	if !first || !many || c.codec != codecZstd || len(e.raw) < e.limits.bytes || len(e.raw) > 2*e.limits.bytes {
		return nil
	}
	scratch := e.buffers.get(compressedRoom(len(e.raw), codecZstd))
	defer e.buffers.put(scratch)
	return e.codec.lighten(e.raw, int(c.stored-before), scratch)
}

// letGo forgets the values of the last row group, so that the encoder does
// not keep its records from being freed.
func (e *encoder) letGo() {
	clear(e.vals[:cap(e.vals)])
	e.dict.letGo()
}
