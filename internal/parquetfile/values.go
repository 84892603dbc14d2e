package parquetfile

import (
	"encoding/binary"
	"errors"
	"math"
)

var errDecimal = errors.New("a decimal has more digits than its type")

// appendFixed appends the values of a page, of which have are not null.
func appendFixed(dst []byte, col *column, st entryRange, have int, at *cursor) ([]byte, error) {
	width := col.leaf.width
	// Nulls are stored and then overwritten, so there is room for one more.
	dst = grown(dst, len(dst)+(have+1)*width)
	out := dst[len(dst)-(have+1)*width:]
	valid := st.valid
	for n := st.present; n > 0; {
		s := at.take(n)
		k := s.to - s.from
		n -= k
		var v []byte
		if valid != nil {
			v, valid = valid[:k], valid[k:]
		}
		src := &col.sources[s.seg]
		if src.mode == readAbsent {
			continue
		}
		if src.valid == nil {
			v = nil
		}
		written, err := src.put(out, s, v, width)
		if err != nil {
			return dst, err
		}
		out = out[written:]
	}
	return dst[:len(dst)-width], nil
}

// put writes the values in a range whose valid is not 0, or all if valid is nil,
// and returns the number of bytes written.
func (s *source) put(out []byte, at valueRange, valid []byte, width int) (int, error) {
	from, to := at.from+s.base, at.to+s.base
	switch s.mode {
	case readPlain:
		return putPlain(out, s.data[from*width:to*width], valid, width), nil
	case readInt32, readFloat32:
		return putWidened(out, s.data[from*4:to*4], valid, s.mode), nil
	case readDecimal:
		return putDecimal(out, s.data[from*16:to*16], valid, width)
	}
	return 0, nil
}

func putPlain(out, data, valid []byte, width int) int {
	if valid == nil {
		return copy(out, data)
	}
	n := 0
	switch width {
	case 4:
		for i, v := range valid {
			binary.LittleEndian.PutUint32(out[n:], binary.LittleEndian.Uint32(data[i*4:]))
			n += int(v) * 4
		}
	case 8:
		for i, v := range valid {
			binary.LittleEndian.PutUint64(out[n:], binary.LittleEndian.Uint64(data[i*8:]))
			n += int(v) * 8
		}
	default:
		for i, v := range valid {
			copy(out[n:], data[i*width:(i+1)*width])
			n += int(v) * width
		}
	}
	return n
}

// putWidened writes int32 as int64, or float32 as float64.
func putWidened(out, data, valid []byte, mode readMode) int {
	n := 0
	for i := range len(data) / 4 {
		narrow := binary.LittleEndian.Uint32(data[i*4:])
		wide := uint64(int32(narrow))
		if mode == readFloat32 {
			wide = math.Float64bits(float64(math.Float32frombits(narrow)))
		}
		binary.LittleEndian.PutUint64(out[n:], wide)
		n += step(valid, i) * 8
	}
	return n
}

// step returns 0 if value i is null, else 1.
func step(valid []byte, i int) int {
	if valid == nil {
		return 1
	}
	return int(valid[i])
}

// putDecimal writes decimals big-endian in width bytes.
func putDecimal(out, data, valid []byte, width int) (int, error) {
	n := 0
	var be [16]byte
	for i := range len(data) / 16 {
		if step(valid, i) == 0 {
			continue
		}
		lo := binary.LittleEndian.Uint64(data[i*16:])
		hi := binary.LittleEndian.Uint64(data[i*16+8:])
		binary.BigEndian.PutUint64(be[:], hi)
		binary.BigEndian.PutUint64(be[8:], lo)
		// The bytes left out must all repeat the sign.
		sign := byte(int8(be[16-width]) >> 7)
		for _, b := range be[:16-width] {
			if b != sign {
				return n, errDecimal
			}
		}
		n += copy(out[n:], be[16-width:])
	}
	return n, nil
}

// appendBools appends the values of a page of booleans, eight to a byte.
func (e *encoder) appendBools(dst []byte, col *column, st entryRange, at *cursor) []byte {
	e.bools = e.bools[:0]
	valid := st.valid
	for n := st.present; n > 0; {
		s := at.take(n)
		n -= s.to - s.from
		src := &col.sources[s.seg]
		for i := s.from; i < s.to; i++ {
			skip := src.mode == readAbsent
			if valid != nil {
				skip, valid = valid[0] == 0, valid[1:]
			}
			if !skip {
				j := i + src.base
				e.bools = append(e.bools, src.data[j>>3]>>(j&7)&1)
			}
		}
	}
	e.stats.addBools(e.bools)
	return packBits(dst, e.bools, 1)
}
