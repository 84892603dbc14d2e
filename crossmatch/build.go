package crossmatch

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

const (
	// rowsPerCell is how many rows a cell has in the mean. Few make a lookup quick,
	// and cost four bytes each.
	rowsPerCell = 1
	// rowsPerField is how many rows a field would have if they were everywhere.
	// The fields of a large catalogue are still in the cache.
	rowsPerField = 64
	// Rows are sorted in two steps, so that what is written to is in the cache:
	// first by runs of cells, then each run by cell.
	mostRuns = 1 << 11
)

// newIndex sorts the rows of these numbers; nil: all. Those that are no
// position are left out.
func newIndex(ra, dec []float64, ids []uint32) *index {
	if ids == nil {
		ids = allOf(ra, dec)
	} else {
		ids = validOf(ra, dec, ids)
	}
	x := &index{grid: newGrid(len(ids) / rowsPerField)}
	cells := makeHuge[uint32](len(ids)) // of each row; its field at first
	count := make([]uint32, len(x.fields))
	for i, id := range ids {
		r, _ := x.row(dec[id])
		b := &x.bands[r]
		c, _ := b.column(wrap(ra[id]))
		cells[i] = b.first + c
		count[cells[i]]++
	}
	all := x.cut(count)
	shift := 0
	for all>>shift >= mostRuns {
		shift++
	}
	from := make([]uint32, all>>shift+2) // of each run
	for i, id := range ids {
		f := &x.fields[cells[i]]
		r, up := x.row(dec[id])
		_, along := x.bands[r].column(wrap(ra[id]))
		cells[i] = f.first + f.step(up)*f.side + f.step(along)
		from[cells[i]>>shift+1]++
	}
	for i := 1; i < len(from); i++ {
		from[i] += from[i-1]
	}
	runs, of := makeHuge[row](len(ids)), makeHuge[uint32](len(ids))
	next := append([]uint32(nil), from...)
	for i, id := range ids {
		k := &next[cells[i]>>shift]
		runs[*k], of[*k] = row{wrap(ra[id]), dec[id], id}, cells[i]
		*k++
	}
	x.rows, x.start = makeHuge[row](len(runs)), makeHuge[uint32](int(all)+1)
	for run := range len(from) - 1 {
		x.sortRun(runs[from[run]:from[run+1]], of[from[run]:from[run+1]], uint32(run)<<shift, min(uint32(run+1)<<shift, all), from[run])
	}
	x.start[all] = uint32(len(runs))
	return x
}

func allOf(ra, dec []float64) []uint32 {
	ids := make([]uint32, 0, len(ra))
	for i := range ra {
		if valid(ra[i], dec[i]) {
			ids = append(ids, uint32(i))
		}
	}
	return ids
}

func validOf(ra, dec []float64, ids []uint32) []uint32 {
	var out []uint32
	for _, id := range ids {
		if valid(ra[id], dec[id]) {
			out = append(out, id)
		}
	}
	return out
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
	copy(count[1:], count)
	count[0] = before - uint32(len(rows))
}
