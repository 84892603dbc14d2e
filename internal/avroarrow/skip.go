package avroarrow

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// Skip returns the length of the datum at the start of data. It refuses what
// [Builder.Append] refuses, so the datum can be appended.
func (s *Schema) Skip(data []byte) (n int, err error) { return s.Walk(data, nil) }

// Value is the position of a scalar value in a datum.
type Value struct {
	Type     arrow.DataType // an enum is an int32, the index of its symbol
	From, To int            // its bytes, without the length of text and bytes
}

// Walk is [Schema.Skip], and calls found for each scalar value outside arrays and
// maps. path names its field, as in "candidate.jd", and is valid only during the
// call.
func (s *Schema) Walk(data []byte, found func(path []byte, v Value)) (n int, err error) {
	budget := memoryBudget(len(data))
	w := walker{data: data, budget: budget, found: found}
	n, err = w.skip(s.root, 0)
	if err == nil && budget-w.budget > memoryBudget(n) {
		err = errMemory // bytes after the datum do not count for its budget
	}
	if err != nil {
		return 0, fmt.Errorf("avroarrow: %w", err)
	}
	return n, nil
}

// walker visits the values of a datum.
type walker struct {
	data   []byte
	budget int // what is left of memoryBudget
	found  func(path []byte, v Value)
	path   []byte // if found is not nil
}

// skip returns the position after the datum of n at pos.
func (w *walker) skip(n *node, pos int) (int, error) {
	switch n.kind {
	case kindRecord:
		return w.record(n, pos)
	case kindUnion:
		return w.union(n, pos)
	case kindArray, kindMap:
		return w.list(n, pos)
	}
	begin, end, err := w.scalar(n, pos)
	if err == nil && w.found != nil {
		v := Value{n.typ, begin, end}
		if n.kind == kindEnum {
			v.Type = arrow.PrimitiveTypes.Int32
		}
		w.found(w.path, v)
	}
	return end, err
}

// scalar returns where the bytes of a scalar value begin and end.
func (w *walker) scalar(n *node, pos int) (begin, end int, err error) {
	size := 0
	switch n.kind {
	case kindBoolean:
		if size = 1; pos < len(w.data) && w.data[pos] > 1 {
			return 0, 0, errBoolean
		}
	case kindFloat:
		size = 4
	case kindDouble:
		size = 8
	case kindFixed:
		size = n.size
	case kindInt, kindLong, kindEnum:
		end, err = w.number(n, pos)
		return pos, end, err
	case kindBytes, kindString:
		begin, end, err = lengthPrefixed(w.data, pos)
		if err == nil && n.kind == kindString && !utf8.Valid(w.data[begin:end]) {
			err = errNotUTF8
		}
		return begin, end, err
	case kindDecimal:
		begin, end, err = n.decimalBytes(w.data, pos)
		if err == nil {
			_, _, err = decimal(w.data[begin:end], n.limit)
		}
		return begin, end, err
	}
	if len(w.data)-pos < size {
		return 0, 0, errShort
	}
	return pos, pos + size, nil
}

// pathError is an error and the path of its field.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// within prepends the name of the parent to an error's path.
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

func (w *walker) number(n *node, pos int) (int, error) {
	v, next := long(w.data, pos)
	switch {
	case next < 0:
		return 0, posError(next)
	case n.kind == kindInt && v != int64(int32(v)):
		return 0, errInt
	case n.kind == kindEnum && uint64(v) >= uint64(len(n.symbols)):
		return 0, errEnum
	case n.kind == kindEnum:
		return next, chargeSymbol(n.symbols[v], &w.budget)
	}
	return next, nil
}

func (w *walker) record(n *node, pos int) (_ int, err error) {
	parent := len(w.path)
	for i := range n.fields {
		f := &n.fields[i]
		if w.found != nil {
			if w.path = w.path[:parent]; parent > 0 {
				w.path = append(w.path, '.')
			}
			w.path = append(w.path, f.name...)
		}
		if pos, err = w.skip(f.node, pos); err != nil {
			return 0, within(f.name, err)
		}
	}
	return pos, nil
}

func (w *walker) union(n *node, pos int) (int, error) {
	v, pos := long(w.data, pos)
	if pos < 0 {
		return 0, posError(pos)
	}
	if uint64(v) >= uint64(len(n.branches)) {
		return 0, errUnion
	}
	return w.skip(n.branches[v], pos)
}

// list skips an array or a map, the values of which are not found.
func (w *walker) list(n *node, pos int) (int, error) {
	found := w.found
	w.found = nil
	for {
		count, next, err := blockCount(w.data, pos)
		if err != nil {
			return 0, err
		}
		if pos = next; count == 0 {
			w.found = found
			return pos, nil
		}
		if err := checkBlock(count, n, len(w.data)-pos, n.element, &w.budget); err != nil {
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
