// Package thrift reads numbers and strings from Thrift's compact protocol, in
// which Parquet writes its metadata and page headers.
package thrift

import "errors"

var (
	// ErrShort reports input that ends within the struct.
	ErrShort = errors.New("thrift: the struct is cut short")
	// ErrInvalid reports input that is not a struct as Parquet writes them.
	ErrInvalid = errors.New("thrift: not a valid struct")
)

// maxDepth bounds nesting. Page headers nest four levels deep.
const maxDepth = 32

// Numbers reads the struct at the beginning of b and returns its size in bytes.
// It calls f, which may be nil, with the integers, the booleans (1 and 0) and the
// lengths of lists of the struct, for which outer is 0, and with those of the
// structs directly in it, for which outer is the id of the field that holds
// them. It allocates nothing that depends on the counts and lengths in b.
func Numbers(b []byte, f func(outer, field int16, value int64)) (size int, err error) {
	r := reader{b: b, number: f}
	err = r.structure(0, 0)
	return r.at, err
}

// Walk reads the struct at the beginning of b, as Numbers does, and calls f with
// each integer, boolean (1 and 0) and byte string in it, at any depth, and with 0
// for a struct without fields. If the value is a number, text is nil. path holds the id of each field that leads to
// the value and, after that of a list, the index of the element. It must not be
// retained. text shares memory with b.
func Walk(b []byte, f func(path []int, number int64, text []byte)) (size int, err error) {
	r := reader{b: b, walk: f}
	err = r.structure(0, 0)
	return r.at, err
}

type reader struct {
	b      []byte
	at     int
	number func(outer, field int16, value int64)       // nil for Walk
	walk   func(path []int, number int64, text []byte) // nil for Numbers
	path   []int                                       // for walk
}

// enter appends a field or an element to the path, and leave removes it.
func (r *reader) enter(i int) {
	if r.walk != nil {
		r.path = append(r.path, i)
	}
}

func (r *reader) leave() {
	if r.walk != nil {
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *reader) byte() (byte, error) {
	if r.at >= len(r.b) {
		return 0, ErrShort
	}
	r.at++
	return r.b[r.at-1], nil
}

func (r *reader) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
	return 0, ErrInvalid
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// structure reads the fields of a struct, which is the value of field outer.
func (r *reader) structure(depth int, outer int16) error {
	if depth > maxDepth {
		return ErrInvalid
	}
	field := int16(0)
	for begun := r.at; ; {
		head, err := r.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			if r.walk != nil && r.at == begun+1 {
				r.walk(r.path, 0, nil)
			}
			return nil
		}
		if delta := head >> 4; delta != 0 {
			field += int16(delta)
		} else {
			v, err := r.varint()
			if err != nil {
				return err
			}
			field = int16(zigzag(v))
		}
		r.enter(int(field))
		if err := r.value(head&0x0f, depth, outer, field); err != nil {
			return err
		}
		r.leave()
	}
}

func (r *reader) value(typ byte, depth int, outer, field int16) error {
	switch typ {
	case 1, 2: // true and false
		r.report(depth, outer, field, int64(2-typ))
		return nil
	case 3: // a byte
		c, err := r.byte()
		if err == nil && r.walk != nil {
			r.walk(r.path, int64(int8(c)), nil)
		}
		return err
	case 4, 5, 6: // 16, 32 and 64 bits
		v, err := r.varint()
		if err != nil {
			return err
		}
		r.report(depth, outer, field, zigzag(v))
		return nil
	case 7: // a double
		return r.skip(8)
	case 8: // bytes
		n, err := r.varint()
		if err != nil {
			return err
		}
		from := r.at
		if err := r.skip(n); err != nil {
			return err
		}
		if r.walk != nil {
			r.walk(r.path, 0, r.b[from:r.at:r.at])
		}
		return nil
	case 9, 10: // a list or a set
		return r.list(depth, outer, field)
	case 12:
		return r.structure(depth+1, field)
	}
	return ErrInvalid // Parquet's metadata has no maps
}

// report reports an integer or a boolean.
func (r *reader) report(depth int, outer, field int16, v int64) {
	if r.walk != nil {
		r.walk(r.path, v, nil)
	}
	r.reportNumber(depth, outer, field, v)
}

// reportNumber reports a number that only Numbers wants.
func (r *reader) reportNumber(depth int, outer, field int16, v int64) {
	if r.number != nil && depth <= 1 {
		r.number(outer, field, v)
	}
}

func (r *reader) skip(n uint64) error {
	if n > uint64(len(r.b)-r.at) {
		return ErrShort
	}
	r.at += int(n)
	return nil
}

func (r *reader) list(depth int, outer, field int16) error {
	head, err := r.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = r.varint(); err != nil {
			return err
		}
	}
	if n > uint64(len(r.b)-r.at) { // each element takes a byte at least
		return ErrShort
	}
	r.reportNumber(depth, outer, field, int64(n))
	typ := head & 0x0f
	if typ == 1 || typ == 2 {
		typ = 3 // booleans in a list are bytes
	}
	for i := range int(n) {
		r.enter(i)
		if err := r.value(typ, max(depth, 1)+1, 0, 0); err != nil {
			return err
		}
		r.leave()
	}
	return nil
}
