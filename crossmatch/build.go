package crossmatch

// row is a row of a catalogue: its wrapped position and its number.
type row struct {
	ra, dec float64
	id      uint32
	cell    uint32 // used while rows are sorted, then 0
}

// index holds rows, ordered by the cells of a grid.
type index struct {
	grid
	start []uint32 // start[i]:start[i+1] are the rows of cell i
	rows  []row
}

const (
	// rowsPerCell is the mean number of rows in a cell. Small cells make lookups
	// fast, and cost four bytes each.
	rowsPerCell = 1
	// rowsPerField is the mean number of rows in a field. It is so large that the
	// fields of a large catalogue fit the cache.
	rowsPerField = 64
	// Rows are sorted by runs of cells, and then each run by cell, so that writes
	// hit the cache.
	maxRuns = 1 << 11
	// noCell is the cell of a row with an invalid position.
	noCell = 1<<32 - 1
)

// newIndex returns an index of the rows with the given numbers, or of all if ids is
// nil. It leaves out rows with invalid positions.
func newIndex(ra, dec []float64, ids []uint32) *index {
	n := len(ra)
	if ids != nil {
		n = len(ids)
	}
	s := sorter{ra: ra, dec: dec, ids: ids, cells: makeHuge[uint32](n)}
	x := &index{grid: newGrid(n / rowsPerField)}
	all := x.subdivide(s.assignFields(&x.grid))
	shift := 0
	for all>>shift >= maxRuns {
		shift++
	}
	from := s.assignCells(&x.grid, shift, int(all>>shift)+1)
	x.rows, x.start = makeHuge[row](int(from[len(from)-1])), makeHuge[uint32](int(all)+1)
	s.scatter(x.rows, from, shift)
	var scratch []row
	for run := range len(from) - 1 {
		first := uint32(run) << shift
		scratch = append(scratch[:0], x.rows[from[run]:from[run+1]]...)
		x.sortRun(scratch, first, min(first+1<<shift, all), from[run])
	}
	x.start[all] = uint32(len(x.rows))
	return x
}

// sorter sorts rows by cell.
type sorter struct {
	ra, dec []float64
	ids     []uint32 // numbers of the rows to sort; if nil, all
	cells   []uint32 // the field of each row, and then its cell
}

func (s *sorter) id(i int) uint32 {
	if s.ids != nil {
		return s.ids[i]
	}
	return uint32(i)
}

// assignFields finds the field of each row, and returns the number of rows per field.
func (s *sorter) assignFields(g *grid) []uint32 {
	count := make([]uint32, len(g.fields))
	for i := range s.cells {
		id := s.id(i)
		if !Valid(s.ra[id], s.dec[id]) {
			s.cells[i] = noCell
			continue
		}
		r, _ := g.bandOf(s.dec[id])
		b := &g.bands[r]
		c, _ := b.fieldOf(wrap(s.ra[id]))
		s.cells[i] = b.first + c
		count[b.first+c]++
	}
	return count
}

// assignCells finds the cell of each row, and returns where each run of cells begins,
// and the end.
func (s *sorter) assignCells(g *grid, shift, runs int) (from []uint32) {
	from = make([]uint32, runs+1)
	for i, field := range s.cells {
		if field == noCell {
			continue
		}
		id := s.id(i)
		r, up := g.bandOf(s.dec[id])
		_, along := g.bands[r].fieldOf(wrap(s.ra[id]))
		f := &g.fields[field]
		cell := f.first + f.step(up)*f.side + f.step(along)
		s.cells[i] = cell
		from[cell>>shift+1]++
	}
	for i := 1; i < len(from); i++ {
		from[i] += from[i-1]
	}
	return from
}

// scatter sorts the rows by run.
func (s *sorter) scatter(rows []row, from []uint32, shift int) {
	next := append([]uint32(nil), from...)
	for i, cell := range s.cells {
		if cell == noCell {
			continue
		}
		id := s.id(i)
		k := &next[cell>>shift]
		rows[*k] = row{wrap(s.ra[id]), s.dec[id], id, cell}
		*k++
	}
}

// sortRun moves the rows of the cells from first to end to their places, after the
// rows of earlier cells, whose number is before.
func (x *index) sortRun(rows []row, first, end, before uint32) {
	if first >= end {
		return
	}
	count := x.start[first:end]
	for i := range rows {
		count[rows[i].cell-first]++
	}
	for i, n := range count {
		count[i] = before
		before += n
	}
	for _, r := range rows {
		k := &count[r.cell-first]
		r.cell = 0
		x.rows[*k] = r
		*k++
	}
	// count[i] is now where the rows of the next cell begin
	copy(count[1:], count)
	count[0] = before - uint32(len(rows))
}
