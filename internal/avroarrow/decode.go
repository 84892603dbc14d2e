package avroarrow

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// run decodes count datums into the next rows of at, which must be reserved,
// and returns the position after them. After an error the rows may hold part of
// a datum; truncate removes it.
//
// Decoding spends its time in this loop. It is one long switch because a call
// per value would double that time.
func (b *Builder) run(ops []op, at *rows, count int, data []byte, pos int) (int, error) {
	for ; count > 0; count-- {
		i := at.n
		for pc := 0; pc < len(ops); pc++ {
			o := &ops[pc]
			c := o.col
			if o.nullable {
				isNull := false
				if uint(pos) < uint(len(data)) && data[pos] == o.value {
					pos++
				} else if uint(pos) < uint(len(data)) && data[pos] == o.null {
					pos++
					isNull = true
				} else {
					var err error
					if isNull, pos, err = o.branch(data, pos); err != nil {
						return 0, err
					}
				}
				if isNull {
					c.null(b.mem, i, at)
					pc += int(o.skip)
					continue
				}
			}
			switch o.code {
			case opDouble:
				if len(data)-pos < 8 {
					return 0, o.fail(errShort)
				}
				binary.NativeEndian.PutUint64(c.data[i*8:], binary.LittleEndian.Uint64(data[pos:]))
				pos += 8
			case opFloat:
				if len(data)-pos < 4 {
					return 0, o.fail(errShort)
				}
				binary.NativeEndian.PutUint32(c.data[i*4:], binary.LittleEndian.Uint32(data[pos:]))
				pos += 4
			case opFloatWide:
				if len(data)-pos < 4 {
					return 0, o.fail(errShort)
				}
				f := float64(math.Float32frombits(binary.LittleEndian.Uint32(data[pos:])))
				binary.NativeEndian.PutUint64(c.data[i*8:], math.Float64bits(f))
				pos += 4
			case opLong:
				v, next := long(data, pos)
				if next < 0 {
					return 0, o.fail(posError(next))
				}
				binary.NativeEndian.PutUint64(c.data[i*8:], uint64(v))
				pos = next
			case opInt, opIntWide:
				v, next := long(data, pos)
				if next < 0 {
					return 0, o.fail(posError(next))
				}
				if v != int64(int32(v)) {
					return 0, o.fail(errInt)
				}
				if o.code == opInt {
					binary.NativeEndian.PutUint32(c.data[i*4:], uint32(v))
				} else {
					binary.NativeEndian.PutUint64(c.data[i*8:], uint64(v))
				}
				pos = next
			case opBoolean:
				if uint(pos) >= uint(len(data)) {
					return 0, o.fail(errShort)
				}
				switch data[pos] {
				case 0:
					c.data[i>>3] &^= 1 << (i & 7)
				case 1:
					c.data[i>>3] |= 1 << (i & 7)
				default:
					return 0, o.fail(errBoolean)
				}
				pos++
			case opString:
				begin, end, err := lengthPrefixed(data, pos)
				if err != nil {
					return 0, o.fail(err)
				}
				s := data[begin:end]
				if !utf8.Valid(s) {
					return 0, o.fail(errNotUTF8)
				}
				if err := c.appendText(b.mem, i, s); err != nil {
					return 0, o.fail(err)
				}
				pos = end
			case opRecord:
			case opNull:
				c.null(b.mem, i, at)
			case opList:
				var err error
				if pos, err = b.list(o, data, pos); err != nil {
					return 0, err
				}
				c.setOffset(i, c.elems.n)
			default:
				var err error
				if pos, err = b.decodeUncommon(o, at, data, pos); err != nil {
					return 0, err
				}
			}
		}
		at.n++
	}
	return pos, nil
}

// branch reads a union's index that is not one of the expected bytes: a longer
// encoding, or an invalid index.
func (o *op) branch(data []byte, pos int) (isNull bool, next int, err error) {
	n, next := long(data, pos)
	switch {
	case next < 0:
		return false, 0, o.fail(posError(next))
	case n < 0:
	case n == int64(o.more.null):
		return true, next, nil
	case n == int64(o.more.only):
		return false, next, nil
	}
	return false, 0, o.fail(errUnion)
}

// list decodes the elements of an array or a map.
func (b *Builder) list(o *op, data []byte, pos int) (int, error) {
	in := o.col.elems
	for {
		n, next, err := blockCount(data, pos)
		if err != nil {
			return 0, o.fail(err)
		}
		if pos = next; n == 0 {
			return pos, nil
		}
		if err := checkBlock(n, o.more.node, len(data)-pos, in.width, &b.budget); err != nil {
			return 0, o.fail(err)
		}
		// The datum may claim more elements than it has, but no more than its
		// budget allows.
		if err := in.reserve(b.mem, int(n)); err != nil {
			return 0, o.fail(err)
		}
		if pos, err = b.run(o.more.body, in, int(n), data, pos); err != nil {
			return 0, err
		}
	}
}

// decodeUncommon decodes types that are rare in alerts.
func (b *Builder) decodeUncommon(o *op, at *rows, data []byte, pos int) (next int, err error) {
	if o.code == opUnion {
		return b.union(o, at, data, pos)
	}
	i, c := at.n, o.col
	var begin int
	switch o.code {
	case opBinary:
		if begin, next, err = lengthPrefixed(data, pos); err == nil {
			err = c.appendText(b.mem, i, data[begin:next])
		}
	case opView:
		if begin, next, err = lengthPrefixed(data, pos); err == nil {
			b.views.put(c.data[i*c.width:(i+1)*c.width], data[begin:next], begin)
		}
	case opFixed:
		if next = pos + c.width; next > len(data) {
			return 0, o.fail(errShort)
		}
		copy(c.data[i*c.width:(i+1)*c.width], data[pos:])
	case opTime:
		var v int64
		if v, next = long(data, pos); next < 0 {
			return 0, o.fail(posError(next))
		}
		if v < o.more.times.from || v >= o.more.times.to {
			return 0, o.fail(o.more.times.err)
		}
		if c.width == 4 {
			binary.NativeEndian.PutUint32(c.data[i*4:], uint32(v))
		} else {
			binary.NativeEndian.PutUint64(c.data[i*8:], uint64(v))
		}
	case opEnum:
		var n int64
		if n, next = long(data, pos); next < 0 {
			return 0, o.fail(posError(next))
		}
		if uint64(n) >= uint64(len(o.more.node.symbols)) {
			return 0, o.fail(errEnum)
		}
		symbol := o.more.node.symbols[n]
		if err = chargeSymbol(symbol, &b.budget); err == nil {
			err = c.appendText(b.mem, i, []byte(symbol))
		}
	case opDecimal:
		var lo, hi uint64
		if begin, next, err = o.more.node.decimalBytes(data, pos); err == nil {
			lo, hi, err = decimal(data[begin:next], o.more.node.limit)
		}
		if err == nil {
			binary.NativeEndian.PutUint64(c.data[i*16:], lo)
			binary.NativeEndian.PutUint64(c.data[i*16+8:], hi)
		}
	}
	if err != nil {
		return 0, o.fail(err)
	}
	return next, nil
}

// union decodes a number of either width.
func (b *Builder) union(o *op, at *rows, data []byte, pos int) (int, error) {
	n, pos := long(data, pos)
	if pos < 0 {
		return 0, o.fail(posError(pos))
	}
	if uint64(n) >= uint64(len(o.more.branches)) {
		return 0, o.fail(errUnion)
	}
	row := *at // a copy: the caller counts the row
	return b.run(o.more.branches[n:n+1], &row, 1, data, pos)
}
