package avroarrow

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// viewBuffers are the buffers that views point into, each retained once.
type viewBuffers struct {
	bufs []*memory.Buffer
	rows []int // the row that first pointed into each

	current *memory.Buffer // the message being read
	index   int            // of current in bufs, or -1
	base    int            // where the datum begins in current
	row     int            // being decoded
}

// begin sets the message, and the datum's start in it, that row i is read from.
func (m *viewBuffers) begin(buf *memory.Buffer, base, i int) {
	m.current, m.base, m.row, m.index = buf, base, i, -1
	if last := len(m.bufs) - 1; last >= 0 && m.bufs[last] == buf {
		m.index = last // records of one container share it
	}
}

const inlined = 12 // bytes of a value that fit into its view

// put writes the view of value, which is at pos in the datum.
func (m *viewBuffers) put(view, value []byte, pos int) {
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
func (m *viewBuffers) get(view []byte) []byte {
	n := int(binary.NativeEndian.Uint32(view))
	if n <= inlined {
		return view[4 : 4+n : 4+n]
	}
	buf := m.bufs[binary.NativeEndian.Uint32(view[8:])].Bytes()
	at := int(binary.NativeEndian.Uint32(view[12:]))
	return buf[at : at+n : at+n]
}

// truncate releases the messages that only rows n and above point into.
func (m *viewBuffers) truncate(n int) {
	for last := len(m.bufs) - 1; last >= 0 && m.rows[last] >= n; last-- {
		m.bufs[last].Release()
		m.bufs[last] = nil
		m.bufs, m.rows = m.bufs[:last], m.rows[:last]
	}
	m.current = nil
}
