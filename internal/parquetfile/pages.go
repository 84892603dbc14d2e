package parquetfile

import "math"

// eachPage calls f with each of the layout's pages, its values in e.vals.
func (e *encoder) eachPage(col *column, f func(entryRange) error) error {
	l := col.layout
	values, nulls := cursor{ranges: l.ranges}, cursor{ranges: l.ranges}
	for i := range l.pages {
		st := l.pages[i].entries()
		var err error
		if e.vals, err = e.loadValues(col, &st, &values, &nulls, e.vals[:0]); err != nil {
			return err
		}
		if err := f(st); err != nil {
			return err
		}
	}
	return nil
}

// splitPage splits a page at row boundaries into pages of about e.limits.bytes,
// and calls emit with each and the range of its values in vals.
func (e *encoder) splitPage(col *column, st entryRange, vals [][]byte, c *chunk, emit func(st entryRange, from, to int) error) error {
	c.nulls += int64(st.to - st.from - len(vals))
	if plainSize(vals) <= e.limits.bytes {
		return emit(st, 0, len(vals))
	}
	l := col.layout
	page := entryRange{from: st.from}
	size := 0
	begun, seen := 0, 0 // counts of present entries
	from, to := 0, 0    // indices in vals
	flush := func(end int) error {
		page.to, page.present = end, seen-begun
		if st.valid != nil && page.present > to-from {
			page.valid = st.valid[begun:seen]
		}
		err := emit(page, from, to)
		page = entryRange{from: end}
		begun, from, size = seen, to, 0
		return err
	}
	for k := st.from; k < st.to; k++ {
		if size >= e.limits.bytes && (l.rep == nil || l.rep[k] == 0) {
			if err := flush(k); err != nil {
				return err
			}
		}
		if l.def != nil && l.def[k] != presentLevel {
			continue
		}
		if st.valid == nil || st.valid[seen] == 1 {
			size += 4 + len(vals[to])
			to++
		}
		seen++
	}
	return flush(st.to)
}

// plainPage adds a page of values in PLAIN encoding.
func (e *encoder) plainPage(col *column, c *chunk, st entryRange, vals [][]byte) error {
	if size := plainSize(vals); size > math.MaxInt32 {
		return tooLarge(size)
	}
	e.raw = e.appendPageLevels(e.raw[:0], col, st)
	if c.codec == codecZstd && plainSize(vals) > maxReused {
		return e.addLarge(c, st.header(), e.raw, vals)
	}
	e.raw = appendPlain(e.raw, vals)
	return e.addPage(c, st.header(), e.raw)
}

// maxIndexed is the number of values up to which a dictionary is tried: the indices
// of more, which are a few bytes long, would take more memory than the values.
const maxIndexed = 4 << 20

// buildDictionary numbers the column's values in e.dict, and reports whether a
// dictionary is worthwhile.
func (e *encoder) buildDictionary(col *column) (bool, error) {
	l := col.layout
	if l.present > maxIndexed {
		return false, nil
	}
	e.dict.reset(l.present)
	values, nulls := cursor{ranges: l.ranges}, cursor{ranges: l.ranges}
	for i := range l.pages {
		st := l.pages[i].entries()
		var err error
		if e.vals, err = e.loadValues(col, &st, &values, &nulls, e.vals[:0]); err != nil {
			return false, err
		}
		if !e.dict.add(e.vals) {
			return false, nil
		}
	}
	return len(e.dict.vals) > 0 && e.dict.worthwhile(), nil
}

// writeIndices adds the dictionary page and the pages of indices.
func (e *encoder) writeIndices(col *column, c *chunk) error {
	e.raw = appendPlain(e.raw[:0], e.dict.vals)
	if err := e.addPage(c, pageHeader{pageDictionary, len(e.dict.vals), encodingPlain}, e.raw); err != nil {
		return err
	}
	l := col.layout
	nulls := cursor{ranges: l.ranges}
	idx, width := e.dict.idx, e.dict.width()
	for i := range l.pages {
		st := l.pages[i].entries()
		have := e.loadValid(col, &st, &nulls)
		c.nulls += int64(st.to - st.from - have)
		e.raw = append(e.appendPageLevels(e.raw[:0], col, st), byte(width))
		e.raw = appendHybrid(e.raw, idx[:have], width)
		idx = idx[have:]
		if err := e.addPage(c, pageHeader{pageData, st.to - st.from, encodingDictionary}, e.raw); err != nil {
			return err
		}
	}
	return nil
}
