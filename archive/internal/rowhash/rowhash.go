// Package rowhash sums hashes of rows, so that two sets of rows can be compared
// whatever their order, their files and their encoding. archive/FORMAT.md specifies
// the sum.
package rowhash

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"
)

// Sum is the sum of the hashes of some rows. The zero value is that of no rows. A
// null value adds nothing, so rows keep their hashes when their table widens.
type Sum struct {
	low, high uint64
	rows      []uint64 // of the record under way
	err       error
}

// String returns the sum in hexadecimal.
func (s *Sum) String() string { return fmt.Sprintf("%016x%016x", s.high, s.low) }

// Add adds the rows of a record. After an error, which reports a column of a type
// that files of archives do not have, the sum is undefined.
func (s *Sum) Add(r arrow.Record) error {
	n := int(r.NumRows())
	if cap(s.rows) < n {
		s.rows = make([]uint64, n)
	}
	s.rows = s.rows[:n]
	clear(s.rows)
	for i, c := range r.Columns() {
		s.add(c, seed(0, r.ColumnName(i)), elements{n: n})
	}
	for _, h := range s.rows {
		h = mix(h ^ rowSalt)
		var carry uint64
		s.low, carry = bits.Add64(s.low, h, 0)
		s.high, _ = bits.Add64(s.high, mix(h^highSalt), carry)
	}
	return s.err
}

const (
	rowSalt  = 0x9e3779b97f4a7c15
	highSalt = 0xc2b2ae3d27d4eb4f
	// The hashes of a struct, and of the length of a list, as if they were fields of
	// these names.
	presence = "\x00"
)

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// seed returns the seed of a field of a struct, given the seed of the struct.
func seed(outer uint64, name string) uint64 { return mix(outer ^ xxh3.HashString(name)) }

// elements are consecutive elements of an array, and where they belong.
type elements struct {
	from, n int
	rows    []int32  // the row of each, or -1 if it is within a null; if nil, element i belongs to row i
	keys    []uint64 // the key of the place of each in its lists; if nil, 0
}

// key returns the hash of the place of an element.
func (e *elements) key(i int, seed uint64) uint64 {
	if e.keys == nil {
		return seed
	}
	return seed + e.keys[i]
}

// value adds the hash of a value.
func (s *Sum) value(e *elements, i int, seed, v uint64) {
	row := int32(i)
	if e.rows != nil {
		row = e.rows[i]
	}
	s.rows[row] += mix(e.key(i, seed) ^ mix(v+rowSalt))
}

// add adds the hashes of an array's values.
func (s *Sum) add(a arrow.Array, sd uint64, e elements) {
	if a.DataType().ID() == arrow.NULL || a.NullN() == a.Len() && a.Len() > 0 {
		return
	}
	switch a := a.(type) {
	case *array.Int32:
		addNumbers(s, a, a.Int32Values(), sd, &e, func(v int32) uint64 { return uint64(int64(v)) })
	case *array.Int64:
		addNumbers(s, a, a.Int64Values(), sd, &e, func(v int64) uint64 { return uint64(v) })
	case *array.Float32:
		addNumbers(s, a, a.Float32Values(), sd, &e, func(v float32) uint64 { return math.Float64bits(float64(v)) })
	case *array.Float64:
		addNumbers(s, a, a.Float64Values(), sd, &e, math.Float64bits)
	case *array.Date32:
		addNumbers(s, a, a.Date32Values(), sd, &e, func(v arrow.Date32) uint64 { return uint64(int64(v)) })
	case *array.Time32:
		addNumbers(s, a, a.Time32Values(), sd, &e, func(v arrow.Time32) uint64 { return uint64(int64(v)) })
	case *array.Time64:
		addNumbers(s, a, a.Time64Values(), sd, &e, func(v arrow.Time64) uint64 { return uint64(v) })
	case *array.Timestamp:
		addNumbers(s, a, a.TimestampValues(), sd, &e, func(v arrow.Timestamp) uint64 { return uint64(v) })
	case *array.Boolean:
		s.each(a, &e, func(i, k int) {
			v := uint64(0)
			if a.Value(k) {
				v = 1
			}
			s.value(&e, i, sd, v)
		})
	case *array.String:
		s.each(a, &e, func(i, k int) { s.value(&e, i, sd, xxh3.HashString(a.Value(k))) })
	case *array.StringView:
		s.each(a, &e, func(i, k int) { s.value(&e, i, sd, xxh3.HashString(a.Value(k))) })
	case *array.Binary:
		s.each(a, &e, func(i, k int) { s.value(&e, i, sd, xxh3.Hash(a.Value(k))) })
	case *array.BinaryView:
		s.each(a, &e, func(i, k int) { s.value(&e, i, sd, xxh3.Hash(a.Value(k))) })
	case *array.FixedSizeBinary:
		s.each(a, &e, func(i, k int) { s.value(&e, i, sd, xxh3.Hash(a.Value(k))) })
	case *array.Decimal128:
		s.each(a, &e, func(i, k int) {
			v := a.Value(k)
			s.value(&e, i, sd, v.LowBits()^mix(uint64(v.HighBits())))
		})
	case *array.Struct:
		s.structs(a, sd, e)
	case *array.Map:
		s.lists(a.ListValues(), a, sd, e)
	case *array.List:
		s.lists(a.ListValues(), a, sd, e)
	default:
		s.err = fmt.Errorf("archive: values of type %s cannot be hashed", a.DataType())
	}
}

// addNumbers adds the hashes of numbers.
func addNumbers[T any](s *Sum, a arrow.Array, values []T, sd uint64, e *elements, word func(T) uint64) {
	for i, v := range values[e.from : e.from+e.n] {
		if (e.rows == nil || e.rows[i] >= 0) && a.IsValid(e.from+i) {
			s.value(e, i, sd, word(v))
		}
	}
}

// each calls f with the number among the elements, and in the array, of each element
// that is not null.
func (s *Sum) each(a arrow.Array, e *elements, f func(i, k int)) {
	for i := range e.n {
		if k := e.from + i; (e.rows == nil || e.rows[i] >= 0) && a.IsValid(k) {
			f(i, k)
		}
	}
}

// structs adds the hashes of structs and of their fields.
func (s *Sum) structs(a *array.Struct, sd uint64, e elements) {
	here := seed(sd, presence)
	s.each(a, &e, func(i, _ int) { s.value(&e, i, here, 1) })
	if a.NullN() > 0 {
		rows := make([]int32, e.n)
		for i := range rows {
			rows[i] = -1
		}
		s.each(a, &e, func(i, _ int) {
			if rows[i] = int32(i); e.rows != nil {
				rows[i] = e.rows[i]
			}
		})
		e.rows = rows
	}
	typ := a.DataType().(*arrow.StructType)
	for c := range a.NumField() {
		s.add(a.Field(c), seed(sd, typ.Field(c).Name), e)
	}
}

// lists adds the hashes of lists or maps, and of their elements.
func (s *Sum) lists(inner arrow.Array, a array.ListLike, sd uint64, e elements) {
	here := seed(sd, presence)
	from, to := int64(-1), int64(0)
	s.each(a, &e, func(i, k int) {
		first, end := a.ValueOffsets(k)
		s.value(&e, i, here, uint64(end-first))
		if from < 0 {
			from = first
		}
		to = max(to, end)
	})
	if from < 0 || from == to {
		return
	}
	in := elements{from: int(from), n: int(to - from), rows: make([]int32, to-from), keys: make([]uint64, to-from)}
	for i := range in.rows {
		in.rows[i] = -1
	}
	s.each(a, &e, func(i, k int) {
		first, end := a.ValueOffsets(k)
		row, key := int32(i), e.key(i, 0)
		if e.rows != nil {
			row = e.rows[i]
		}
		for j := first; j < end; j++ {
			in.rows[j-from], in.keys[j-from] = row, mix(key+uint64(j-first)+highSalt)
		}
	})
	s.add(inner, sd, in)
}
