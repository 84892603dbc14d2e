package avroarrow

import (
	"fmt"
	"unicode/utf8"
)

// Skip returns the length of the datum at the start of data. It refuses what
// [Builder.Append] would, so that what it measured can be appended.
func (s *Schema) Skip(data []byte) (n int, err error) {
	budget := freeBudget(len(data))
	w := walker{data: data, free: budget}
	n, err = w.skip(s.root, 0)
	if err == nil && budget-w.free > freeBudget(n) {
		err = errFree // what follows the datum does not pay for it
	}
	if err != nil {
		return 0, fmt.Errorf("avroarrow: %w", err)
	}
	return n, nil
}

// walker goes over a datum without keeping anything.
type walker struct {
	data []byte
	free int
}

// skip returns the position behind the datum of n at pos.
func (w *walker) skip(n *node, pos int) (int, error) {
	switch n.kind {
	case kindNull:
		return pos, nil
	case kindBoolean:
		if pos < len(w.data) && w.data[pos] > 1 {
			return 0, errBoolean
		}
		return w.advance(pos, 1)
	case kindFloat:
		return w.advance(pos, 4)
	case kindDouble:
		return w.advance(pos, 8)
	case kindFixed:
		return w.advance(pos, n.size)
	case kindInt, kindLong, kindEnum:
		return w.number(n, pos)
	case kindBytes, kindString:
		begin, end, err := span(w.data, pos)
		if err == nil && n.kind == kindString && !utf8.Valid(w.data[begin:end]) {
			err = errNotUTF8
		}
		return end, err
	case kindDecimal:
		begin, end, err := n.decimalSpan(w.data, pos)
		if err == nil {
			_, _, err = decimal(w.data[begin:end], n.limit)
		}
		return end, err
	case kindRecord:
		return w.record(n, pos)
	case kindUnion:
		return w.union(n, pos)
	}
	return w.list(n, pos)
}

// pathError is an error and the field it was found in.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// within puts the name of what holds it before an error's path.
func within(name string, err error) error {
	e, ok := err.(*pathError)
	if !ok {
		return &pathError{name, err}
	}
	if e.path[0] != '[' {
		name += "."
	}
	e.path = name + e.path
	return e
}

func (w *walker) advance(pos, n int) (int, error) {
	if len(w.data)-pos < n {
		return 0, errShort
	}
	return pos + n, nil
}

func (w *walker) number(n *node, pos int) (int, error) {
	v, next := long(w.data, pos)
	switch {
	case next < 0:
		return 0, codeErr(next)
	case n.kind == kindInt && v != int64(int32(v)):
		return 0, errInt
	case n.kind == kindEnum && uint64(v) >= uint64(len(n.symbols)):
		return 0, errEnum
	}
	return next, nil
}

func (w *walker) record(n *node, pos int) (_ int, err error) {
	for i := range n.fields {
		if pos, err = w.skip(n.fields[i].node, pos); err != nil {
			return 0, within(n.fields[i].name, err)
		}
	}
	return pos, nil
}

func (w *walker) union(n *node, pos int) (int, error) {
	v, pos := long(w.data, pos)
	if pos < 0 {
		return 0, codeErr(pos)
	}
	if uint64(v) >= uint64(len(n.branches)) {
		return 0, errUnion
	}
	b := n.branches[v]
	if b.kind == kindNull {
		if w.free -= n.cost; w.free < 0 {
			return 0, errFree
		}
	}
	return w.skip(b, pos)
}

// list skips an array or a map.
func (w *walker) list(n *node, pos int) (int, error) {
	for {
		count, next, err := blockCount(w.data, pos)
		if err != nil {
			return 0, err
		}
		if pos = next; count == 0 {
			return pos, nil
		}
		if err := checkBlock(count, n, len(w.data)-pos, &w.free); err != nil {
			return 0, err
		}
		for ; count > 0; count-- {
			if pos, err = w.element(n, pos); err != nil {
				return 0, err
			}
		}
	}
}

func (w *walker) element(n *node, pos int) (_ int, err error) {
	name := "[]"
	if n.kind == kindMap {
		if pos, err = w.skip(&mapKey, pos); err != nil {
			return 0, within("[].key", err)
		}
		name = "[].value"
	}
	if pos, err = w.skip(n.elem, pos); err != nil {
		return 0, within(name, err)
	}
	return pos, nil
}
