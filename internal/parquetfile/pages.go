package parquetfile

import "math"

// eachPage gathers the values of each of the layout's pages into e.vals and
// calls f with the page.
func (e *encoder) eachPage(col *column, f func(stretch) error) error {
	l := col.layout
	values, nulls := cursor{spans: l.spans}, cursor{spans: l.spans}
	for i := range l.pages {
		pg := &l.pages[i]
		st := stretch{from: pg.from, to: pg.to, present: pg.present, shared: pg}
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

// divide cuts a page at row boundaries so that each part's values come to
// about a page, and calls emit with every part and the place of its values
// among vals.
func (e *encoder) divide(col *column, st stretch, vals [][]byte, c *chunk, emit func(st stretch, from, to int) error) error {
	c.nulls += int64(st.to - st.from - len(vals))
	size := 0
	for _, v := range vals {
		size += 4 + len(v)
	}
	if size <= e.limits.bytes {
		return emit(st, 0, len(vals))
	}
	l := col.layout
	part := stretch{from: st.from}
	size = 0
	begun, seen := 0, 0 // among the present entries
	from, to := 0, 0    // among the values
	flush := func(end int) error {
		part.to, part.present = end, seen-begun
		if st.valid != nil && part.present > to-from {
			part.valid = st.valid[begun:seen]
		}
		err := emit(part, from, to)
		part = stretch{from: end}
		begun, from, size = seen, to, 0
		return err
	}
	for k := st.from; k < st.to; k++ {
		if size >= e.limits.bytes && (l.rep == nil || l.rep[k] == 0) {
			if err := flush(k); err != nil {
				return err
			}
		}
		if l.def != nil && l.def[k] != present {
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

// plainPage writes values one after the other, each after its length.
func (e *encoder) plainPage(col *column, c *chunk, st stretch, vals [][]byte) error {
	size := 0
	for _, v := range vals {
		size += 4 + len(v)
	}
	if size > math.MaxInt32 {
		return tooLarge(size)
	}
	e.raw = appendPlain(e.appendStretch(e.raw[:0], col, st), vals)
	return e.addPage(c, pageHeader{pageData, st.to - st.from, encodingPlain}, e.raw)
}

// buildDictionary numbers the column's values, and answers whether that pays.
func (e *encoder) buildDictionary(col *column) (bool, error) {
	l := col.layout
	e.dict.reset(l.present)
	values, nulls := cursor{spans: l.spans}, cursor{spans: l.spans}
	for i := range l.pages {
		st := stretch{from: l.pages[i].from, to: l.pages[i].to, present: l.pages[i].present}
		var err error
		if e.vals, err = e.loadValues(col, &st, &values, &nulls, e.vals[:0]); err != nil {
			return false, err
		}
		if !e.dict.add(e.vals) {
			return false, nil
		}
	}
	return len(e.dict.vals) > 0 && e.dict.pays(), nil
}

// indexed writes the dictionary and pages of indices.
func (e *encoder) indexed(col *column, c *chunk) error {
	e.raw = appendPlain(e.raw[:0], e.dict.vals)
	if err := e.addPage(c, pageHeader{pageDictionary, len(e.dict.vals), encodingPlain}, e.raw); err != nil {
		return err
	}
	l := col.layout
	nulls := cursor{spans: l.spans}
	idx, width := e.dict.idx, e.dict.width()
	for i := range l.pages {
		pg := &l.pages[i]
		st := stretch{from: pg.from, to: pg.to, present: pg.present, shared: pg}
		have := e.loadValid(col, &st, &nulls)
		c.nulls += int64(st.to - st.from - have)
		e.raw = append(e.appendStretch(e.raw[:0], col, st), byte(width))
		e.raw = appendHybrid(e.raw, idx[:have], width)
		idx = idx[have:]
		if err := e.addPage(c, pageHeader{pageData, st.to - st.from, encodingDictionary}, e.raw); err != nil {
			return err
		}
	}
	return nil
}
