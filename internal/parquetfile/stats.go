package parquetfile

import (
	"bytes"
	"encoding/binary"
	"math"
)

// maxTextBound is the length of the longest string in the statistics.
const maxTextBound = 64

// bounds finds the least and the greatest value of a column chunk.
type bounds struct {
	order sortOrder
	valid bool // a value was added: NaN is not

	minInt, maxInt     int64
	minFloat, maxFloat float64
	min, max           []byte // strings, and decimals as encoded in the file
}

func (b *bounds) reset(o sortOrder) {
	*b = bounds{order: o, min: b.min[:0], max: b.max[:0],
		minInt: math.MaxInt64, maxInt: math.MinInt64,
		minFloat: math.Inf(1), maxFloat: math.Inf(-1)}
}

// addFixed adds the encoded values of a page.
func (b *bounds) addFixed(vals []byte, width int) {
	if len(vals) == 0 {
		return
	}
	switch b.order {
	case orderInt32:
		b.valid = true
		for ; len(vals) >= 4; vals = vals[4:] {
			v := int64(int32(binary.LittleEndian.Uint32(vals)))
			b.minInt, b.maxInt = min(b.minInt, v), max(b.maxInt, v)
		}
	case orderInt64:
		b.valid = true
		for ; len(vals) >= 8; vals = vals[8:] {
			v := int64(binary.LittleEndian.Uint64(vals))
			b.minInt, b.maxInt = min(b.minInt, v), max(b.maxInt, v)
		}
	case orderFloat32:
		b.addFloat32(vals)
	case orderFloat64:
		b.addFloat64(vals)
	case orderDecimal:
		b.addDecimal(vals, width)
	}
}

// addFloat32 ignores NaN, which is neither less nor greater than anything.
func (b *bounds) addFloat32(vals []byte) {
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for ; len(vals) >= 4; vals = vals[4:] {
		v := math.Float32frombits(binary.LittleEndian.Uint32(vals))
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	b.floats(float64(lo), float64(hi))
}

func (b *bounds) addFloat64(vals []byte) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for ; len(vals) >= 8; vals = vals[8:] {
		v := math.Float64frombits(binary.LittleEndian.Uint64(vals))
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	b.floats(lo, hi)
}

// floats adds the bounds of a page. They are +Inf and -Inf if it has no values but
// NaN.
func (b *bounds) floats(lo, hi float64) {
	if math.IsInf(lo, 1) && math.IsInf(hi, -1) {
		return
	}
	b.valid = true
	b.minFloat, b.maxFloat = min(b.minFloat, lo), max(b.maxFloat, hi)
}

func (b *bounds) addDecimal(vals []byte, width int) {
	for ; len(vals) >= width; vals = vals[width:] {
		v := vals[:width]
		if !b.valid {
			b.valid = true
			b.min, b.max = append(b.min, v...), append(b.max, v...)
		}
		if lessDecimal(v, b.min) {
			b.min = append(b.min[:0], v...)
		}
		if lessDecimal(b.max, v) {
			b.max = append(b.max[:0], v...)
		}
	}
}

// lessDecimal compares two's complement numbers. With inverted sign bits they
// sort as bytes.
func lessDecimal(a, b []byte) bool {
	if x, y := a[0]^0x80, b[0]^0x80; x != y {
		return x < y
	}
	return bytes.Compare(a, b) < 0
}

func (b *bounds) addBools(vals []byte) {
	for _, v := range vals {
		b.valid = true
		b.minInt, b.maxInt = min(b.minInt, int64(v)), max(b.maxInt, int64(v))
	}
}

func (b *bounds) addText(vals [][]byte) {
	if len(vals) == 0 {
		return
	}
	lo, hi := b.min, b.max
	if !b.valid {
		lo, hi = vals[0], vals[0]
	}
	for _, v := range vals {
		if bytes.Compare(v, lo) < 0 {
			lo = v
		}
		if bytes.Compare(v, hi) > 0 {
			hi = v
		}
	}
	b.valid = true
	// One byte too many shows that a bound is too long; values may be megabytes.
	lo, hi = lo[:min(len(lo), maxTextBound+1)], hi[:min(len(hi), maxTextBound+1)]
	b.min, b.max = append(b.min[:0], lo...), append(b.max[:0], hi...)
}

// encoded appends the bounds as encoded in the footer, and reports whether there
// are any.
func (b *bounds) encoded(lower, upper []byte) ([]byte, []byte, bool) {
	if !b.valid {
		return lower, upper, false
	}
	le := binary.LittleEndian
	switch b.order {
	case orderBool:
		return append(lower, byte(b.minInt)), append(upper, byte(b.maxInt)), true
	case orderInt32:
		return le.AppendUint32(lower, uint32(b.minInt)), le.AppendUint32(upper, uint32(b.maxInt)), true
	case orderInt64:
		return le.AppendUint64(lower, uint64(b.minInt)), le.AppendUint64(upper, uint64(b.maxInt)), true
	case orderFloat32:
		lo, hi := signedZeros(b.minFloat, b.maxFloat)
		return le.AppendUint32(lower, math.Float32bits(float32(lo))),
			le.AppendUint32(upper, math.Float32bits(float32(hi))), true
	case orderFloat64:
		lo, hi := signedZeros(b.minFloat, b.maxFloat)
		return le.AppendUint64(lower, math.Float64bits(lo)), le.AppendUint64(upper, math.Float64bits(hi)), true
	case orderText:
		if len(b.min) > maxTextBound || len(b.max) > maxTextBound {
			return lower, upper, false
		}
	}
	return append(lower, b.min...), append(upper, b.max...), true
}

// signedZeros widens bounds of 0 to include both -0 and +0, as Parquet requires:
// readers may compare them as equal or not.
func signedZeros(lo, hi float64) (float64, float64) {
	if lo == 0 {
		lo = math.Copysign(0, -1)
	}
	if hi == 0 {
		hi = 0
	}
	return lo, hi
}
