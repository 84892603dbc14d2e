package table

import "errors"

// The metadata of Parquet is in Thrift's compact form. It is walked before the
// library reads it, because the library makes room for whatever it claims.

var errThrift = errors.New("its metadata is damaged")

// maxThrift bounds how deep metadata nests: a page header does four levels.
const maxThrift = 32

// thriftWalk goes over a structure, and keeps what numbers it finds.
type thriftWalk struct {
	b  []byte
	at int
	// number is told the whole numbers and booleans of the structure, and of
	// those right in it: outer is 0 or the field those are in.
	number func(outer, field int16, value int64)
}

func (w *thriftWalk) byte() (byte, error) {
	if w.at >= len(w.b) {
		return 0, errThrift
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *thriftWalk) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c, err := w.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
	return 0, errThrift
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// structure walks the fields of one. outer is the field it is in.
func (w *thriftWalk) structure(depth int, outer int16) error {
	if depth > maxThrift {
		return errThrift
	}
	field := int16(0)
	for {
		head, err := w.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		if delta := head >> 4; delta != 0 {
			field += int16(delta)
		} else {
			v, err := w.varint()
			if err != nil {
				return err
			}
			field = int16(zigzag(v))
		}
		if err := w.value(head&0x0f, depth, outer, field); err != nil {
			return err
		}
	}
}

// value walks a field of a type.
func (w *thriftWalk) value(typ byte, depth int, outer, field int16) error {
	switch typ {
	case 1, 2: // true and false
		w.tell(depth, outer, field, int64(2-typ))
		return nil
	case 3:
		_, err := w.byte()
		return err
	case 4, 5, 6:
		v, err := w.varint()
		w.tell(depth, outer, field, zigzag(v))
		return err
	case 7:
		return w.skip(8)
	case 8:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case 9, 10:
		return w.list(depth)
	case 12:
		return w.structure(depth+1, field)
	}
	return errThrift // maps: Parquet has none
}

func (w *thriftWalk) tell(depth int, outer, field int16, v int64) {
	if w.number == nil || depth > 1 {
		return
	}
	if depth == 0 {
		outer = 0
	}
	w.number(outer, field, v)
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.b)-w.at) {
		return errThrift
	}
	w.at += int(n)
	return nil
}

// list walks elements, each of which takes a byte at least.
func (w *thriftWalk) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.b)-w.at) {
		return errThrift
	}
	for range n {
		typ := head & 0x0f
		if typ == 1 || typ == 2 {
			typ = 3 // booleans of a list are bytes
		}
		if err := w.value(typ, max(depth, 1)+1, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
