package filter

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

const (
	tileRows     = 2048
	tileElements = 1 << 16 // of a list, in a tile of more than one row
	maxElements  = 1 << 20 // of a list of one row
	maxValues    = 1 << 24 // of all elements, in a tile of more than one row; of one filter, in one row
)

// vector holds the values of a term for the rows of a tile, or for the elements of
// a list in them. Bits beyond the last value are zero.
type vector struct {
	n      int
	valid  []uint64 // a bit for each value: it is not null
	truth  []uint64 // a bit for each true value
	ints   []int64
	floats []float64
	texts  []string
}

// run computes the terms of a set over one record, tile by tile. Each term is
// computed once in a tile, when it is first needed.
type run struct {
	set     *Set
	columns []column // of terms, by id
	lists   []listTile
	from, n int // the rows of the tile
	rows    int // the most that a tile has
	most    int // the most elements of a list, in a tile of more than one row
	vectors []vector
	tile    int
	done    []int // by term: the tile of its vector
	sorted  []float64
}

// listTile is a list column and its elements in the tile.
type listTile struct {
	list     column
	offsets  func(i int) (from, to int64)
	lo       int     // the first element
	n        int     // the number of elements
	from, to []int32 // of each row, relative to lo
}

// column is an array, and the arrays of structs around it.
type column struct {
	leaf   arrow.Array // nil: all null
	around []arrow.Array
	err    error // the column has another type than it was compiled for
}

// failure is the panic of a term that cannot be computed.
type failure struct{ error }

func newRun(s *Set) *run {
	elements := 1
	for _, t := range s.terms {
		elements += int(bit(t.scope > 0))
	}
	return &run{set: s, columns: make([]column, len(s.terms)), lists: make([]listTile, len(s.lists)), vectors: make([]vector, len(s.terms)), done: make([]int, len(s.terms)),
		rows: max(64, min(tileRows, maxValues/max(1, len(s.terms)))), most: min(tileElements, maxValues/elements)}
}

// open takes the columns of a record.
func (r *run) open(rec arrow.Record) {
	root := func(name string) arrow.Array {
		if i := rec.Schema().FieldIndices(name); len(i) > 0 {
			return rec.Column(i[0])
		}
		return nil
	}
	for i, l := range r.set.lists {
		t := &r.lists[i]
		t.list = descend(root(l.column[0]), l.column[1:])
		t.offsets = nil
		if a, ok := t.list.leaf.(array.ListLike); ok {
			t.offsets = a.ValueOffsets
		} else if a := t.list.leaf; a != nil && a.DataType().ID() != arrow.NULL {
			t.list.err = fmt.Errorf("filter: column %s is %v, which is not a list", strings.Join(l.column, "."), a.DataType())
		}
	}
	for _, t := range r.set.terms {
		if t.op != "column" {
			continue
		}
		if t.scope == 0 {
			r.columns[t.id] = descend(root(t.column[0]), t.column[1:])
		} else if a, ok := r.lists[t.scope-1].list.leaf.(array.ListLike); ok {
			r.columns[t.id] = descend(a.ListValues(), t.column)
		} else {
			r.columns[t.id] = column{}
		}
		c := &r.columns[t.id]
		if c.leaf != nil && kindOf(c.leaf.DataType()) != t.kind && c.leaf.DataType().ID() != arrow.NULL {
			c.err = fmt.Errorf("filter: column %s is %v, which is not the type that it was compiled for", strings.Join(t.column, "."), c.leaf.DataType())
		}
	}
	r.tile++
}

// close drops the record's memory.
func (r *run) close() {
	clear(r.columns)
	for i := range r.lists {
		r.lists[i].list, r.lists[i].offsets = column{}, nil
	}
	for i := range r.vectors {
		if texts := r.vectors[i].texts; r.set.terms[i].op != "constant" { // constants stay
			clear(texts[:cap(texts)])
		}
	}
}

// descend follows a path through structs.
func descend(a arrow.Array, path []string) (c column) {
	for _, name := range path {
		s, ok := a.(*array.Struct)
		if !ok && a != nil && a.DataType().ID() != arrow.NULL {
			return column{err: fmt.Errorf("filter: there is no %s in a column of %v", strings.Join(path, "."), a.DataType())}
		}
		if !ok {
			return column{}
		}
		i, found := s.DataType().(*arrow.StructType).FieldIdx(name)
		if !found {
			return column{}
		}
		c.around = append(c.around, a)
		a = s.Field(i)
	}
	c.leaf = a
	return c
}

// move moves to the tile of at most n rows that begins at row from, and returns how
// many rows it has.
func (r *run) move(from, n int) int {
	for n = min(n, r.rows); ; n /= 2 {
		most := 0
		for i := range r.lists {
			most = max(most, r.lists[i].move(from, n, r.most))
		}
		if most <= r.most || n == 1 {
			break
		}
	}
	r.from, r.n = from, n
	r.tile++
	return n
}

// move finds the elements of rows.
func (l *listTile) move(from, n, most int) int {
	l.from, l.to = grow(l.from, n), grow(l.to, n)
	l.lo, l.n = 0, 0
	clear(l.from)
	clear(l.to)
	if l.offsets == nil {
		return 0
	}
	lo, hi := int64(math.MaxInt64), int64(0)
	for i := range n {
		if a, b := l.offsets(from + i); b > a && l.list.valid(from+i) {
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	if hi <= lo {
		return 0
	}
	l.lo, l.n = int(lo), int(hi-lo)
	if l.n > most && n > 1 || l.n > maxElements {
		return l.n
	}
	for i := range n {
		if a, b := l.offsets(from + i); b > a && l.list.valid(from+i) {
			l.from[i], l.to[i] = int32(a-lo), int32(b-lo)
		}
	}
	return l.n
}

func (c *column) valid(i int) bool {
	for _, a := range c.around {
		if a.IsNull(i) {
			return false
		}
	}
	return c.leaf != nil && c.leaf.IsValid(i)
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// values returns the vector of a term in the tile.
func (r *run) values(t *term) *vector {
	v := &r.vectors[t.id]
	if r.done[t.id] == r.tile {
		return v
	}
	n, from := r.n, r.from
	if t.scope > 0 {
		l := &r.lists[t.scope-1]
		n, from = l.n, l.lo
	}
	if t.op != "constant" || v.n != n || v.valid == nil { // constants stay
		words := (n + 63) / 64
		v.n, v.valid, v.truth = n, grow(v.valid, words), grow(v.truth, words)
		switch t.kind {
		case kindInt, kindTime:
			v.ints = grow(v.ints, n)
		case kindFloat:
			v.floats = grow(v.floats, n)
		case kindText:
			v.texts = grow(v.texts, n)
		}
		r.compute(t, v, from)
	}
	r.done[t.id] = r.tile
	return v
}

// all sets the bits of n values.
func all(b []uint64, n int) {
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
}

func (r *run) compute(t *term, v *vector, from int) {
	switch t.op {
	case "constant":
		r.constant(t, v)
	case "column":
		r.columns[t.id].load(v, from)
	case "spread":
		r.spread(t, v)
	case "null":
		clear(v.valid)
		clear(v.truth)
	case "and", "or":
		r.logic(t, v)
	case "not":
		a := r.values(t.args[0])
		for i := range v.valid {
			v.valid[i], v.truth[i] = a.valid[i], a.valid[i]&^a.truth[i]
		}
	case "is null":
		a := r.values(t.args[0])
		all(v.valid, v.n)
		for i := range v.truth {
			v.truth[i] = v.valid[i] &^ a.valid[i]
		}
	case "=", "<>", "<", "<=", ">", ">=":
		r.compare(t, v)
	case "float":
		a := r.values(t.args[0])
		copy(v.valid, a.valid)
		for i, x := range a.ints[:min(v.n, len(a.ints))] {
			v.floats[i] = float64(x)
		}
	case "+", "-", "*", "/", "%", "negative":
		r.arithmetic(t, v)
	case "like", "regexp_matches":
		a := r.values(t.args[0])
		each(v, a, func(i int) bool { return t.like(a.texts[i]) })
	case "in":
		a := r.values(t.args[0])
		switch t.args[0].kind {
		case kindInt, kindTime:
			each(v, a, func(i int) bool { return t.ints[a.ints[i]] })
		case kindFloat:
			each(v, a, func(i int) bool { return t.floats[a.floats[i]] })
		default:
			each(v, a, func(i int) bool { return t.texts[a.texts[i]] })
		}
	case "among":
		r.among(t, v)
	case "case":
		r.choice(t, v)
	case "coalesce":
		clear(v.valid)
		clear(v.truth)
		for _, a := range t.args {
			a := r.values(a)
			v.take(a, func(w int) uint64 { return a.valid[w] &^ v.valid[w] })
		}
	case "nullif":
		r.compare(&term{op: "=", args: t.args}, v)
		equal := slices.Clone(v.truth)
		clear(v.valid)
		clear(v.truth)
		a := r.values(t.args[0])
		v.take(a, func(w int) uint64 { return a.valid[w] &^ equal[w] })
	case "lag":
		r.lag(t, v)
	case "least", "greatest":
		r.extreme(t, v)
	default:
		if _, ok := aggregates[t.op]; ok {
			r.aggregate(t, v)
		} else {
			r.call(t, v)
		}
	}
}

func (r *run) constant(t *term, v *vector) {
	clear(v.truth)
	if t.kind == kindNull {
		clear(v.valid)
		return
	}
	all(v.valid, v.n)
	if t.kind == kindBool && t.int != 0 {
		all(v.truth, v.n)
	}
	for i := range v.ints {
		v.ints[i] = t.int
	}
	for i := range v.floats {
		v.floats[i] = t.number
	}
	for i := range v.texts {
		v.texts[i] = t.text
	}
}

// load takes n values of a column.
func (c *column) load(v *vector, from int) {
	if c.err != nil {
		panic(failure{c.err})
	}
	clear(v.truth)
	if c.leaf == nil {
		clear(v.valid)
		return
	}
	all(v.valid, v.n)
	for _, a := range append(c.around[:len(c.around):len(c.around)], c.leaf) {
		switch {
		case a.DataType().ID() == arrow.NULL:
			clear(v.valid)
		case a.NullN() > 0:
			andBits(v.valid, a.NullBitmapBytes(), a.Data().Offset()+from)
		}
	}
	switch a := c.leaf.(type) {
	case *array.Boolean:
		bitsOf(v.truth, a.Data().Buffers()[1].Bytes(), a.Data().Offset()+from, v.n)
		for i := range v.truth {
			v.truth[i] &= v.valid[i]
		}
	case *array.Int8:
		widen(v.ints, a.Int8Values()[from:])
	case *array.Int16:
		widen(v.ints, a.Int16Values()[from:])
	case *array.Int32:
		widen(v.ints, a.Int32Values()[from:])
	case *array.Int64:
		copy(v.ints, a.Int64Values()[from:])
	case *array.Uint8:
		widen(v.ints, a.Uint8Values()[from:])
	case *array.Uint16:
		widen(v.ints, a.Uint16Values()[from:])
	case *array.Uint32:
		widen(v.ints, a.Uint32Values()[from:])
	case *array.Uint64:
		widen(v.floats, a.Uint64Values()[from:])
	case *array.Float32:
		widen(v.floats, a.Float32Values()[from:])
		v.dropNaN()
	case *array.Float64:
		copy(v.floats, a.Float64Values()[from:])
		v.dropNaN()
	case *array.Timestamp:
		unit, values := a.DataType().(*arrow.TimestampType).Unit, a.TimestampValues()[from:]
		for i := range v.ints {
			switch x := int64(values[i]); unit {
			case arrow.Second:
				v.ints[i] = x * 1e6
			case arrow.Millisecond:
				v.ints[i] = x * 1e3
			case arrow.Nanosecond:
				v.ints[i] = x / 1e3
			default:
				v.ints[i] = x
			}
		}
	case interface{ Value(int) string }:
		for i := range v.texts {
			v.texts[i] = a.Value(from + i)
		}
	case *array.Dictionary:
		if texts, ok := a.Dictionary().(interface{ Value(int) string }); ok {
			v.each(func(i int) { v.texts[i] = texts.Value(a.GetValueIndex(from + i)) })
		}
	}
}

func widen[To int64 | float64, From int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64 | float32](to []To, from []From) {
	from = from[:len(to)]
	for i, x := range from {
		to[i] = To(x)
	}
}

// dropNaN makes NaN null.
func (v *vector) dropNaN() {
	for w := range v.valid {
		var nan uint64
		for i, x := range v.floats[w*64 : min(w*64+64, v.n)] {
			nan |= bit(x != x) << i
		}
		v.valid[w] &^= nan
	}
}

// bit is 1 for true.
func bit(b bool) uint64 { return uint64(*(*uint8)(unsafe.Pointer(&b))) }

// word returns the 64 bits from bit at on.
func word(b []byte, at int) uint64 {
	i, shift := at/8, at%8
	var x uint64
	for k := 0; k < 8 && i+k < len(b); k++ {
		x |= uint64(b[i+k]) << (8 * k)
	}
	x >>= shift
	if shift > 0 && i+8 < len(b) {
		x |= uint64(b[i+8]) << (64 - shift)
	}
	return x
}

func andBits(to []uint64, b []byte, at int) {
	for w := range to {
		to[w] &= word(b, at+64*w)
	}
}

func bitsOf(to []uint64, b []byte, at, n int) {
	all(to, n)
	andBits(to, b, at)
}

// each calls f with the number of each value that is not null.
func (v *vector) each(f func(i int)) {
	for w, x := range v.valid {
		for ; x != 0; x &= x - 1 {
			f(w*64 + bits.TrailingZeros64(x))
		}
	}
}

// each sets v to what f says of each value of a that is not null.
func each(v, a *vector, f func(i int) bool) {
	copy(v.valid, a.valid)
	clear(v.truth)
	a.each(func(i int) { v.truth[i/64] |= bit(f(i)) << (i % 64) })
}

// spread repeats the value of a row for each element of its list.
func (r *run) spread(t *term, v *vector) {
	a, l := r.values(t.args[0]), &r.lists[t.scope-1]
	clear(v.valid)
	clear(v.truth)
	for row := range r.n {
		from, to := int(l.from[row]), int(l.to[row])
		if from == to || a.valid[row/64]>>(row%64)&1 == 0 {
			continue
		}
		truth := a.truth[row/64] >> (row % 64) & 1
		for i := from; i < to; i++ {
			v.valid[i/64] |= 1 << (i % 64)
			v.truth[i/64] |= truth << (i % 64)
		}
		switch t.kind {
		case kindInt, kindTime:
			fill(v.ints[from:to], a.ints[row])
		case kindFloat:
			fill(v.floats[from:to], a.floats[row])
		case kindText:
			fill(v.texts[from:to], a.texts[row])
		}
	}
}

func fill[T any](to []T, x T) {
	for i := range to {
		to[i] = x
	}
}

// logic joins conditions by Kleene's logic. It stops when all is decided.
func (r *run) logic(t *term, v *vector) {
	or := t.op == "or"
	all(v.valid, v.n)
	clear(v.truth)
	if !or {
		copy(v.truth, v.valid)
	}
	for _, arg := range t.args {
		a := r.values(arg)
		decided := 0
		for i := range v.valid {
			yes, no := v.truth[i], v.valid[i]&^v.truth[i]
			if or {
				yes, no = yes|a.truth[i], no&(a.valid[i]&^a.truth[i])
			} else {
				yes, no = yes&a.truth[i], no|a.valid[i]&^a.truth[i]
			}
			v.truth[i], v.valid[i] = yes, yes|no
			if or {
				decided += bits.OnesCount64(yes)
			} else {
				decided += bits.OnesCount64(no)
			}
		}
		if decided == v.n {
			return
		}
	}
}

func (r *run) compare(t *term, v *vector) {
	a, b := r.values(t.args[0]), r.values(t.args[1])
	for i := range v.valid {
		v.valid[i] = a.valid[i] & b.valid[i]
	}
	switch t.args[0].kind {
	case kindInt, kindTime:
		compare(t.op, v.truth, a.ints[:v.n], b.ints[:v.n])
	case kindFloat:
		compare(t.op, v.truth, a.floats[:v.n], b.floats[:v.n])
	case kindText:
		compare(t.op, v.truth, a.texts[:v.n], b.texts[:v.n])
	case kindBool:
		for i := range v.truth {
			switch x, y := a.truth[i], b.truth[i]; t.op {
			case "=":
				v.truth[i] = ^(x ^ y)
			case "<>":
				v.truth[i] = x ^ y
			case "<":
				v.truth[i] = ^x & y
			case "<=":
				v.truth[i] = ^x | y
			case ">":
				v.truth[i] = x &^ y
			case ">=":
				v.truth[i] = x | ^y
			}
		}
	default:
		clear(v.truth)
	}
	for i := range v.truth {
		v.truth[i] &= v.valid[i]
	}
}

// among computes IN of values that are not all constant.
func (r *run) among(t *term, v *vector) {
	all(v.valid, v.n)
	clear(v.truth)
	equal := vector{n: v.n, valid: make([]uint64, len(v.valid)), truth: make([]uint64, len(v.valid))}
	for _, a := range t.args[1:] {
		r.compare(&term{op: "=", args: []*term{t.args[0], a}}, &equal)
		for i := range v.valid {
			no := v.valid[i] &^ v.truth[i] & (equal.valid[i] &^ equal.truth[i])
			v.truth[i] |= equal.truth[i]
			v.valid[i] = v.truth[i] | no
		}
	}
}

func compare[T int64 | float64 | string](op string, truth []uint64, a, b []T) {
	swap, not := false, false
	switch op {
	case "<>":
		op, not = "=", true
	case ">":
		op, swap = "<", true
	case "<=":
		op, swap, not = "<", true, true
	case ">=":
		op, not = "<", true
	}
	if swap {
		a, b = b, a
	}
	for w := range truth {
		x := a[w*64 : min(w*64+64, len(a))]
		y := b[w*64:][:len(x)]
		var m uint64
		if op == "=" {
			for i := range x {
				m |= bit(x[i] == y[i]) << i
			}
		} else {
			for i := range x {
				m |= bit(x[i] < y[i]) << i
			}
		}
		if not {
			m = ^m
		}
		truth[w] = m
	}
}

func (r *run) arithmetic(t *term, v *vector) {
	a := r.values(t.args[0])
	if t.op == "negative" {
		copy(v.valid, a.valid)
		for i, x := range a.floats[:v.n] {
			v.floats[i] = -x
		}
		return
	}
	b := r.values(t.args[1])
	for i := range v.valid {
		v.valid[i] = a.valid[i] & b.valid[i]
	}
	if t.kind == kindInt { // %
		clear(v.ints)
		zero := make([]uint64, len(v.valid))
		v.each(func(i int) {
			if b.ints[i] == 0 {
				zero[i/64] |= 1 << (i % 64)
			} else {
				v.ints[i] = a.ints[i] % b.ints[i]
			}
		})
		for i := range zero {
			v.valid[i] &^= zero[i]
		}
		return
	}
	x, y, out := a.floats[:v.n], b.floats[:v.n], v.floats[:v.n]
	switch t.op {
	case "+":
		for i := range out {
			out[i] = x[i] + y[i]
		}
	case "-":
		for i := range out {
			out[i] = x[i] - y[i]
		}
	case "*":
		for i := range out {
			out[i] = x[i] * y[i]
		}
	case "/":
		for i := range out {
			out[i] = x[i] / y[i]
		}
	case "%":
		for i := range out {
			out[i] = math.Mod(x[i], y[i])
		}
	}
	v.dropNaN()
}

// take takes the values of a whose bits are set in the words that from returns.
func (v *vector) take(a *vector, from func(w int) uint64) {
	for w := range v.valid {
		for x := from(w); x != 0; x &= x - 1 {
			i := w*64 + bits.TrailingZeros64(x)
			v.set(i, a, i)
		}
	}
}

func (r *run) choice(t *term, v *vector) {
	clear(v.valid)
	clear(v.truth)
	open := make([]uint64, len(v.valid))
	all(open, v.n)
	for i := 0; i < len(t.args); i += 2 {
		if i+1 == len(t.args) { // ELSE
			a := r.values(t.args[i])
			v.take(a, func(w int) uint64 { return open[w] & a.valid[w] })
			break
		}
		c, a := r.values(t.args[i]), r.values(t.args[i+1])
		v.take(a, func(w int) uint64 { return open[w] & c.truth[w] & a.valid[w] })
		for w := range open {
			open[w] &^= c.truth[w]
		}
	}
}

// extreme computes least and greatest, which ignore nulls.
func (r *run) extreme(t *term, v *vector) {
	clear(v.valid)
	for _, arg := range t.args {
		a := r.values(arg)
		a.each(func(i int) {
			set := v.valid[i/64]>>(i%64)&1 == 1
			if t.kind == kindInt {
				if x, y := a.ints[i], v.ints[i]; !set || t.op == "least" && x < y || t.op == "greatest" && x > y {
					v.ints[i] = a.ints[i]
				}
			} else if t.kind == kindFloat { // of 0 and -0 the first
				if x, y := a.floats[i], v.floats[i]; !set || t.op == "least" && x < y || t.op == "greatest" && x > y {
					v.floats[i] = x
				}
			}
			v.valid[i/64] |= 1 << (i % 64)
		})
	}
}

// lagKey is a value of any kind.
type lagKey struct {
	number int64
	text   string
}

func (v *vector) key(k kind, i int) lagKey {
	switch k {
	case kindBool:
		return lagKey{number: int64(v.truth[i/64] >> (i % 64) & 1)}
	case kindInt, kindTime:
		return lagKey{number: v.ints[i]}
	case kindFloat:
		return lagKey{number: int64(math.Float64bits(v.floats[i] + 0))} // -0 is 0
	case kindText:
		return lagKey{text: v.texts[i]}
	}
	return lagKey{}
}

// lag takes, for each element of a list, the value of the nearest one before it that
// has a value and the same key.
func (r *run) lag(t *term, v *vector) {
	a, k, l := r.values(t.args[0]), r.values(t.args[1]), &r.lists[t.scope-1]
	clear(v.valid)
	clear(v.truth)
	last := map[lagKey]int{}
	for row := range r.n {
		clear(last)
		for i := int(l.from[row]); i < int(l.to[row]); i++ {
			if k.valid[i/64]>>(i%64)&1 == 0 {
				continue
			}
			key := k.key(t.args[1].kind, i)
			if j, ok := last[key]; ok {
				v.set(i, a, j)
			}
			if a.valid[i/64]>>(i%64)&1 == 1 {
				last[key] = i
			}
		}
	}
}

// set sets value i to value j of a, which is not null.
func (v *vector) set(i int, a *vector, j int) {
	v.valid[i/64] |= 1 << (i % 64)
	v.truth[i/64] = v.truth[i/64]&^(1<<(i%64)) | a.truth[j/64]>>(j%64)&1<<(i%64)
	if len(v.floats) > 0 {
		v.floats[i] = a.floats[j]
	}
	if len(v.ints) > 0 {
		v.ints[i] = a.ints[j]
	}
	if len(v.texts) > 0 {
		v.texts[i] = a.texts[j]
	}
}

func (r *run) call(t *term, v *vector) {
	args := make([]*vector, len(t.args))
	all(v.valid, v.n)
	for k, arg := range t.args {
		args[k] = r.values(arg)
		for i := range v.valid {
			v.valid[i] &= args[k].valid[i]
		}
	}
	clear(v.truth)
	switch f := t.fn; {
	case f.text != nil:
		v.each(func(i int) { v.texts[i] = f.text(args[0].texts[i]) })
	case f.time != nil:
		v.each(func(i int) { v.floats[i] = f.time(args[0].ints[i]) })
	default:
		x := make([]float64, len(args))
		nan := make([]uint64, len(v.valid))
		v.each(func(i int) {
			for k := range x {
				x[k] = args[k].floats[i]
			}
			y := f.float(x)
			nan[i/64] |= bit(y != y) << (i % 64)
			if t.kind == kindBool {
				v.truth[i/64] |= bit(y <= 0) << (i % 64)
			} else {
				v.floats[i] = y
			}
		})
		for i := range nan {
			v.valid[i] &^= nan[i]
		}
	}
}

// aggregate computes a function of a list for each row.
func (r *run) aggregate(t *term, v *vector) {
	of := t.args[0]
	a, l := r.values(of), &r.lists[of.scope-1]
	all(v.valid, v.n)
	clear(v.truth)
	for row := range v.n {
		from, to := int(l.from[row]), int(l.to[row])
		switch t.op {
		case "any", "all", "count":
			n := count(a.truth, from, to)
			switch t.op {
			case "any":
				v.truth[row/64] |= bit(n > 0) << (row % 64)
			case "all":
				v.truth[row/64] |= bit(n == to-from) << (row % 64)
			default:
				v.ints[row] = int64(n)
			}
		default:
			x, ok := a.fold(t.op, from, to)
			if t.op == "median" {
				x, ok = r.median(a, from, to)
			}
			if ok {
				v.floats[row] = x
			} else {
				v.valid[row/64] &^= 1 << (row % 64)
			}
		}
	}
}

// count returns how many of the bits from one to another are set.
func count(b []uint64, from, to int) (n int) {
	for from < to {
		w, at := from/64, from%64
		x := b[w] >> at
		if k := to - from; k < 64-at {
			x &= 1<<k - 1
		}
		n += bits.OnesCount64(x)
		from += 64 - at
	}
	return n
}

// median returns the median of the values that are not null: the mean of the middle
// two if their number is even.
func (r *run) median(v *vector, from, to int) (x float64, ok bool) {
	r.sorted = r.sorted[:0]
	for i := from; i < to; i++ {
		if v.valid[i/64]>>(i%64)&1 == 1 {
			r.sorted = append(r.sorted, v.floats[i])
		}
	}
	n := len(r.sorted)
	if n == 0 {
		return 0, false
	}
	slices.Sort(r.sorted)
	x = r.sorted[n/2]
	if n%2 == 0 {
		x = r.sorted[n/2-1]*0.5 + x*0.5 // as DuckDB does
	}
	return x, x == x
}

// fold returns the min, max, sum, mean, first or last of the values that are not
// null, unless there are none.
func (v *vector) fold(op string, from, to int) (x float64, ok bool) {
	n := 0
	for i := from; i < to; i++ {
		if v.valid[i/64]>>(i%64)&1 == 0 {
			continue
		}
		y := v.floats[i]
		switch {
		case n == 0 || op == "last":
			x = y
		case op == "min" && y <= x || op == "max" && y >= x: // of 0 and -0 the last, as DuckDB does
			x = y
		case op == "sum" || op == "mean":
			x += y
		}
		n++
	}
	if op == "mean" {
		x /= float64(n)
	}
	return x, n > 0 && x == x
}
