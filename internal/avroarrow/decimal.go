package avroarrow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
)

// decimalNode returns the node of a decimal in bytes (size 0) or in a fixed.
func decimalNode(m map[string]any, size int, name string) (*node, error) {
	precision, ok := integer(m["precision"])
	if !ok || precision < 1 || precision > 38 {
		return nil, fmt.Errorf("decimal of precision %v: it must be 1 to 38", m["precision"])
	}
	scale := 0
	if v, there := m["scale"]; there {
		if scale, ok = integer(v); !ok || scale < 0 || scale > precision {
			return nil, fmt.Errorf("decimal(%d) of scale %v", precision, v)
		}
	}
	n := &node{kind: kindDecimal, name: name, size: size,
		typ: &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}}
	n.limit[0] = 1
	for range precision {
		hi, lo := bits.Mul64(n.limit[0], 10)
		n.limit = [2]uint64{lo, n.limit[1]*10 + hi}
	}
	return newNode(n)
}

// decimalBytes returns where the bytes of the decimal at pos begin and end.
func (n *node) decimalBytes(data []byte, pos int) (begin, end int, err error) {
	if n.size == 0 {
		return lengthPrefixed(data, pos)
	}
	if len(data)-pos < n.size {
		return 0, 0, errShort
	}
	return pos, pos + n.size, nil
}

var errDecimal = errors.New("decimal beyond its precision")

// decimal returns the low and high words of a big-endian two's complement
// number of any length. The error is errDecimal if its magnitude reaches limit.
func decimal(b []byte, limit [2]uint64) (lo, hi uint64, err error) {
	sign := byte(0)
	if len(b) > 0 && b[0] >= 0x80 {
		sign = 0xff
	}
	for len(b) > 16 {
		if b[0] != sign {
			return 0, 0, errDecimal
		}
		b = b[1:]
	}
	var full [16]byte
	for i := range full {
		full[i] = sign
	}
	copy(full[16-len(b):], b)
	hi, lo = binary.BigEndian.Uint64(full[:]), binary.BigEndian.Uint64(full[8:])
	// If dropping leading bytes changed the sign, the magnitude is 2^127 or more,
	// which no precision allows.
	mlo, mhi := lo, hi
	if sign == 0xff {
		var carry uint64
		mlo, carry = bits.Add64(^lo, 1, 0)
		mhi = ^hi + carry
	}
	if mhi > limit[1] || mhi == limit[1] && mlo >= limit[0] {
		return 0, 0, errDecimal
	}
	return lo, hi, nil
}
