package parquetfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// place is where a node is in the levels of the leaves below it.
type place struct {
	def  uint8 // level from which the node's parent is not null
	rep  uint8 // level up to which an entry begins a value of the node
	slot uint8 // definition level from which an entry is a value, null or not, of the node
}

// assemble returns the array of a node with the given number of values.
func (g *groupReader) assemble(n *node, at place, values int) (*array.Data, error) {
	if n.optional {
		at.def++
	}
	switch n.shape {
	case shapeLeaf:
		v := g.leaves[n.id]
		if v.rep != nil && at.rep < v.leaf.maxRep {
			return nil, errors.New("its levels are inconsistent")
		}
		return v.array(at.slot, values)
	case shapeStruct:
		return g.assembleStruct(n, at, values)
	}
	return g.assembleList(n, at, values)
}

func (g *groupReader) assembleStruct(n *node, at place, values int) (*array.Data, error) {
	valid, nulls, err := (*memory.Buffer)(nil), 0, error(nil)
	if n.optional {
		if valid, nulls, err = g.leaves[g.leader(n).node.id].validity(at, values); err != nil {
			return nil, err
		}
	}
	var fields []arrow.Field
	var children []arrow.ArrayData
	for _, c := range n.children {
		if !g.wants(c) {
			continue
		}
		data, err := g.assemble(c, at, values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		fields = append(fields, arrow.Field{Name: c.name, Type: data.DataType(), Nullable: c.optional})
		children = append(children, data)
	}
	return array.NewData(arrow.StructOf(fields...), values, []*memory.Buffer{valid}, children, nulls, 0), nil
}

// validity returns the validity of the structs or lists at a place, nil if all are
// valid, and the number of nulls.
func (v *leafValues) validity(at place, values int) (*memory.Buffer, int, error) {
	if v.def == nil && v.rep == nil {
		if v.entries != values {
			return nil, 0, v.countError(v.entries, values)
		}
		return nil, 0, nil
	}
	if values > v.entries {
		return nil, 0, v.countError(v.entries, values)
	}
	out := bitmap{bits: make([]byte, bitutil.BytesForBits(int64(values)))}
	for i := range v.entries {
		if v.rep != nil && v.rep[i] > at.rep || v.def != nil && v.def[i] < at.slot {
			continue
		}
		if out.n == values {
			return nil, 0, v.countError(values+1, values)
		}
		out.add(v.def == nil || v.def[i] >= at.def)
	}
	if out.n != values {
		return nil, 0, v.countError(out.n, values)
	}
	return out.buffer(), out.nulls, nil
}

func (v *leafValues) countError(got, want int) error {
	return fmt.Errorf("its levels make %d values, not %d", got, want)
}

// bitmap collects validity bits. It must be long enough.
type bitmap struct {
	bits     []byte
	n, nulls int
}

func (b *bitmap) add(valid bool) {
	if valid {
		b.bits[b.n>>3] |= 1 << (b.n & 7)
	} else {
		b.nulls++
	}
	b.n++
}

// buffer returns nil if there are no nulls.
func (b *bitmap) buffer() *memory.Buffer {
	if b.nulls == 0 {
		return nil
	}
	return memory.NewBufferBytes(b.bits)
}

func (g *groupReader) assembleList(n *node, at place, values int) (*array.Data, error) {
	v := g.leaves[g.leader(n).node.id]
	if values > v.entries {
		return nil, v.countError(v.entries, values)
	}
	if v.rep == nil && v.entries > 0 {
		return nil, errors.New("it has no repetition levels")
	}
	offsets := make([]int32, 1, values+1)
	valid := bitmap{bits: make([]byte, bitutil.BytesForBits(int64(values)))}
	elements := int32(0)
	for i := range v.entries {
		rep, def := v.rep[i], v.leaf.maxDef
		if v.def != nil {
			def = v.def[i]
		}
		if rep > at.rep+1 || def < at.slot {
			continue
		}
		if rep <= at.rep { // a list begins
			if valid.n == values {
				return nil, v.countError(values+1, values)
			}
			if valid.n > 0 {
				offsets = append(offsets, elements)
			}
			valid.add(def >= at.def)
		} else if valid.n == 0 {
			return nil, errors.New("its levels begin within a list")
		}
		if def > at.def {
			elements++
		}
	}
	if valid.n != values {
		return nil, v.countError(valid.n, values)
	}
	if values > 0 {
		offsets = append(offsets, elements)
	}
	inside := place{def: at.def + 1, rep: at.rep + 1, slot: at.def + 1}
	var typ arrow.DataType
	var child *array.Data
	if n.typ.ID() == arrow.MAP {
		entries := &node{name: "entries", typ: n.typ, shape: shapeStruct, children: n.children}
		data, err := g.assembleStruct(entries, inside, int(elements))
		if err != nil {
			return nil, err
		}
		kv := data.DataType().(*arrow.StructType).Fields()
		m := arrow.MapOf(kv[0].Type, kv[1].Type)
		m.SetItemNullable(kv[1].Nullable)
		typ, child = m, array.NewData(m.Elem(), data.Len(), data.Buffers(), data.Children(), data.NullN(), 0)
	} else {
		element := n.children[0]
		data, err := g.assemble(element, inside, int(elements))
		if err != nil {
			return nil, err
		}
		typ, child = arrow.ListOfField(arrow.Field{Name: element.name, Type: data.DataType(), Nullable: element.optional}), data
	}
	buffers := []*memory.Buffer{valid.buffer(), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}
	return array.NewData(typ, values, buffers, []arrow.ArrayData{child}, valid.nulls, 0), nil
}

// array returns the array of a leaf, which has a value, null or not, for each entry
// whose definition level is at least slot.
func (v *leafValues) array(slot uint8, values int) (*array.Data, error) {
	valid := v.leafValidity(slot)
	if valid.n != values || values-valid.nulls != v.count {
		return nil, v.countError(valid.n, values)
	}
	typ := v.leaf.node.typ
	buffers := []*memory.Buffer{valid.buffer()}
	switch typ.ID() {
	case arrow.NULL:
		return array.NewData(arrow.Null, values, []*memory.Buffer{nil}, nil, values, 0), nil
	case arrow.BOOL:
		bits := bitmap{bits: make([]byte, bitutil.BytesForBits(int64(values)))}
		next := 0
		for i := range values {
			if valid.isSet(i) {
				bits.add(v.bools[next] != 0)
				next++
			} else {
				bits.n++
			}
		}
		buffers = append(buffers, memory.NewBufferBytes(bits.bits))
	case arrow.STRING:
		return v.strings(buffers, valid, values), nil
	case arrow.BINARY_VIEW:
		return v.binary(buffers, valid, values), nil
	case arrow.DECIMAL128:
		wide := make([]byte, 0, 16*v.count)
		for from := 0; from < len(v.fixed); from += v.leaf.width {
			n := bigEndian(v.fixed[from : from+v.leaf.width])
			wide = append(wide, unsafe.Slice((*byte)(unsafe.Pointer(&n)), 16)...)
		}
		buffers = append(buffers, memory.NewBufferBytes(spread(wide, 16, valid, values)))
	default:
		buffers = append(buffers, memory.NewBufferBytes(spread(v.fixed, v.leaf.width, valid, values)))
	}
	return array.NewData(typ, values, buffers, nil, valid.nulls, 0), nil
}

// bigEndian returns a two's complement of at most 16 bytes.
func bigEndian(b []byte) decimal128.Num {
	var wide [16]byte
	if len(b) > 0 && b[0]&0x80 != 0 {
		fill(wide[:], 0xff)
	}
	copy(wide[16-len(b):], b)
	return decimal128.New(int64(binary.BigEndian.Uint64(wide[:8])), binary.BigEndian.Uint64(wide[8:]))
}

func (b *bitmap) isSet(i int) bool { return b.nulls == 0 || b.bits[i>>3]>>(i&7)&1 != 0 }

// spread returns values of a size with room for nulls.
func spread(packed []byte, width int, valid *bitmap, values int) []byte {
	if valid.nulls == 0 {
		return packed
	}
	out := make([]byte, values*width)
	switch width {
	case 4:
		spreadWords(arrow.Uint32Traits.CastFromBytes(out), arrow.Uint32Traits.CastFromBytes(packed), valid)
	case 8:
		spreadWords(arrow.Uint64Traits.CastFromBytes(out), arrow.Uint64Traits.CastFromBytes(packed), valid)
	default:
		for i := range values {
			if valid.isSet(i) {
				copy(out[i*width:], packed[:width])
				packed = packed[width:]
			}
		}
	}
	return out
}

func spreadWords[T uint32 | uint64](out, packed []T, valid *bitmap) {
	for i := 0; i < len(out); i += 8 {
		set := valid.bits[i>>3]
		if set == 0xff {
			*(*[8]T)(out[i:]) = [8]T(packed)
			packed = packed[8:]
			continue
		}
		for ; set != 0; set &= set - 1 {
			out[i+bits.TrailingZeros8(set)] = packed[0]
			packed = packed[1:]
		}
	}
}

func (v *leafValues) strings(buffers []*memory.Buffer, valid *bitmap, values int) *array.Data {
	offsets := make([]int32, values+1)
	if valid.nulls == 0 {
		copy(offsets[1:], v.ends)
	} else {
		next := 0
		for i := range values {
			offsets[i+1] = offsets[i]
			if valid.isSet(i) {
				offsets[i+1] = v.ends[next]
				next++
			}
		}
	}
	buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(v.text))
	return array.NewData(arrow.BinaryTypes.String, values, buffers, nil, valid.nulls, 0)
}

func (v *leafValues) binary(buffers []*memory.Buffer, valid *bitmap, values int) *array.Data {
	headers := make([]arrow.ViewHeader, values)
	next := 0
	for i := range headers {
		if !valid.isSet(i) {
			continue
		}
		w := v.views[next]
		next++
		headers[i].SetBytes(v.pages[w.page][w.offset : w.offset+w.size])
		if !headers[i].IsInline() {
			headers[i].SetIndexOffset(w.page, w.offset)
		}
	}
	buffers = append(buffers, memory.NewBufferBytes(arrow.ViewHeaderTraits.CastToBytes(headers)))
	for _, p := range v.pages {
		buffers = append(buffers, memory.NewBufferBytes(p))
	}
	return array.NewData(arrow.BinaryTypes.BinaryView, values, buffers, nil, valid.nulls, 0)
}
