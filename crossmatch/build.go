package crossmatch

import "slices"

// row is a row of a catalogue: its position, wrapped, and its number.
type row struct {
	ra, dec float64
	id      uint32
}

// index has rows in the order of a grid's cells.
type index struct {
	grid
	start []uint32 // of each cell's rows, and one behind the last
	rows  []row
}

// rowsPerCell is how many rows a cell has in the mean. Few make a lookup quick
// where the sky is crowded, and cost four bytes each.
const rowsPerCell = 1

// Rows are sorted in two steps, so that what is written to is in the cache:
// first by runs of cells, then each run by cell.
const mostRuns = 1 << 11

// newIndex sorts the rows of these numbers; nil: all. Those that are no
// position are left out.
func newIndex(ra, dec []float64, ids []uint32) *index {
	n := len(ra)
	if ids != nil {
		n = len(ids)
	}
	x := &index{grid: newGrid(n / rowsPerCell)}
	shift := 0
	for x.cells>>shift >= mostRuns {
		shift++
	}
	from := make([]uint32, x.cells>>shift+2) // of each run
	each := func(f func(r row, cell uint32)) {
		for i := range n {
			id := uint32(i)
			if ids != nil {
				id = ids[i]
			}
			if !valid(ra[id], dec[id]) {
				continue
			}
			r := row{wrap(ra[id]), dec[id], id}
			b := &x.bands[x.band(r.dec)]
			f(r, b.first+b.cell(r.ra))
		}
	}
	each(func(_ row, cell uint32) { from[cell>>shift+1]++ })
	for i := 1; i < len(from); i++ {
		from[i] += from[i-1]
	}
	runs := makeHuge[row](int(from[len(from)-1]))
	cells := makeHuge[uint32](len(runs))
	next := slices.Clone(from)
	each(func(r row, cell uint32) {
		k := &next[cell>>shift]
		runs[*k], cells[*k] = r, cell
		*k++
	})
	x.rows, x.start = makeHuge[row](len(runs)), makeHuge[uint32](int(x.cells)+1)
	for run := range len(from) - 1 {
		x.sortRun(runs[from[run]:from[run+1]], cells[from[run]:from[run+1]], uint32(run)<<shift, min(uint32(run+1)<<shift, x.cells), from[run])
	}
	x.start[x.cells] = uint32(len(runs))
	return x
}

// sortRun sorts the rows of the cells from one to another, which stand behind
// so many of other cells.
func (x *index) sortRun(rows []row, cells []uint32, first, end, before uint32) {
	if first >= end {
		return
	}
	count := x.start[first:end]
	for _, c := range cells {
		count[c-first]++
	}
	for i, n := range count {
		count[i] = before
		before += n
	}
	for i, c := range cells {
		k := &count[c-first]
		x.rows[*k] = rows[i]
		*k++
	}
	// each is now where the next one begins
	for i := len(count) - 1; i > 0; i-- {
		count[i] = count[i-1]
	}
	if len(count) > 0 {
		count[0] = before - uint32(len(rows))
	}
}
