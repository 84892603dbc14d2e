package inspect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
)

// values is what was found in a column chunk.
type values struct {
	entries, rows, nulls int64
	bounds               func() (lower, upper []byte, known bool) // as in extremes
}

// extremes finds the least and the greatest of the values that are added.
type extremes[T any] interface {
	add(vals []T)
	// bounds returns them as statistics encode them, and whether there are any.
	bounds() (lower, upper []byte, known bool)
}

// noExtremes is for values without an order.
type noExtremes[T any] struct{}

func (noExtremes[T]) add([]T)                                   {}
func (noExtremes[T]) bounds() (lower, upper []byte, known bool) { return nil, nil, false }

// orderedExtremes are those of numbers. NaN is neither.
type orderedExtremes[T cmp.Ordered] struct {
	known    bool
	min, max T
}

func (e *orderedExtremes[T]) add(vals []T) {
	for _, v := range vals {
		switch {
		case v != v:
		case !e.known:
			e.known, e.min, e.max = true, v, v
		case v < e.min:
			e.min = v
		case v > e.max:
			e.max = v
		}
	}
}

func (e *orderedExtremes[T]) bounds() (lower, upper []byte, known bool) {
	return encode(e.min, -1), encode(e.max, 1), e.known
}

// encode encodes a bound. Zeros of floats have the sign that widens the range.
func encode(v any, sign float64) []byte {
	le := binary.LittleEndian
	switch v := v.(type) {
	case int32:
		return le.AppendUint32(nil, uint32(v))
	case int64:
		return le.AppendUint64(nil, uint64(v))
	case float32:
		if v == 0 {
			v = float32(math.Copysign(0, sign))
		}
		return le.AppendUint32(nil, math.Float32bits(v))
	case float64:
		if v == 0 {
			v = math.Copysign(0, sign)
		}
		return le.AppendUint64(nil, math.Float64bits(v))
	}
	return nil
}

// boolExtremes are those of booleans.
type boolExtremes struct{ seen [2]bool } // false, true

func (e *boolExtremes) add(vals []bool) {
	for _, v := range vals {
		if v {
			e.seen[1] = true
		} else {
			e.seen[0] = true
		}
	}
}

func (e *boolExtremes) bounds() (lower, upper []byte, known bool) {
	lower, upper = []byte{1}, []byte{0}
	if e.seen[0] {
		lower[0] = 0
	}
	if e.seen[1] {
		upper[0] = 1
	}
	return lower, upper, e.seen[0] || e.seen[1]
}

// byteExtremes are those of byte strings.
type byteExtremes[T ~[]byte] struct {
	signed   bool // as two's complement of equal lengths, the highest byte first
	known    bool
	min, max []byte
}

func (e *byteExtremes[T]) add(vals []T) {
	for _, v := range vals {
		switch {
		case !e.known:
			e.known = true
			e.min, e.max = append(e.min, v...), append(e.max, v...)
		case e.less(v, e.min):
			e.min = append(e.min[:0], v...)
		case e.less(e.max, v):
			e.max = append(e.max[:0], v...)
		}
	}
}

func (e *byteExtremes[T]) less(a, b []byte) bool {
	if e.signed && len(a) > 0 && len(b) > 0 && a[0]^b[0] >= 0x80 {
		return a[0] >= 0x80
	}
	return bytes.Compare(a, b) < 0
}

func (e *byteExtremes[T]) bounds() (lower, upper []byte, known bool) { return e.min, e.max, e.known }
