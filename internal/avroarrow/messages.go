package avroarrow

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// messages are the buffers that views point into, each retained once.
type messages struct {
	bufs []*memory.Buffer
	rows []int // the row that first pointed into each

	current *memory.Buffer // the message being read
	index   int            // its place in bufs, or -1
	base    int            // where its datum begins
	row     int
}

// begin makes buf the message that row i is read from.
func (m *messages) begin(buf *memory.Buffer, base, i int) {
	m.current, m.base, m.row, m.index = buf, base, i, -1
	if last := len(m.bufs) - 1; last >= 0 && m.bufs[last] == buf {
		m.index = last // records of one container share it
	}
}

const inlined = 12 // bytes that fit into a view itself

// put writes the view of value, which lies at pos in the datum.
func (m *messages) put(view, value []byte, pos int) {
	clear(view)
	binary.NativeEndian.PutUint32(view, uint32(len(value)))
	if len(value) <= inlined {
		copy(view[4:], value)
		return
	}
	if m.index < 0 {
		m.current.Retain()
		m.index = len(m.bufs)
		m.bufs = append(m.bufs, m.current)
		m.rows = append(m.rows, m.row)
	}
	copy(view[4:8], value)
	binary.NativeEndian.PutUint32(view[8:], uint32(m.index))
	binary.NativeEndian.PutUint32(view[12:], uint32(m.base+pos))
}

// get returns the bytes of a view.
func (m *messages) get(view []byte) []byte {
	n := int(binary.NativeEndian.Uint32(view))
	if n <= inlined {
		return view[4 : 4+n : 4+n]
	}
	buf := m.bufs[binary.NativeEndian.Uint32(view[8:])].Bytes()
	at := int(binary.NativeEndian.Uint32(view[12:]))
	return buf[at : at+n : at+n]
}

// cut lets go of the messages that only rows from n on point into.
func (m *messages) cut(n int) {
	for last := len(m.bufs) - 1; last >= 0 && m.rows[last] >= n; last-- {
		m.bufs[last].Release()
		m.bufs[last] = nil
		m.bufs, m.rows = m.bufs[:last], m.rows[:last]
	}
	m.current = nil
}
