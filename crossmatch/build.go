package crossmatch

// row is a row of a catalogue: its position, wrapped, and its number.
type row struct {
	ra, dec float64
	id      uint32
	cell    uint32 // while rows are sorted; 0 after that
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
	// nowhere is the cell of a row that is no position.
	nowhere = 1<<32 - 1
)

// newIndex sorts the rows of these numbers; nil: all. Those that are no
// position are left out.
func newIndex(ra, dec []float64, ids []uint32) *index {
	n := len(ra)
	if ids != nil {
		n = len(ids)
	}
	s := sorter{ra: ra, dec: dec, ids: ids, cells: makeHuge[uint32](n)}
	x := &index{grid: newGrid(n / rowsPerField)}
	all := x.cut(s.byField(&x.grid))
	shift := 0
	for all>>shift >= mostRuns {
		shift++
	}
	from := s.byCell(&x.grid, shift, int(all>>shift)+1)
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

// sorter brings rows in the order of cells.
type sorter struct {
	ra, dec []float64
	ids     []uint32 // which rows; nil: all
	cells   []uint32 // of each; its field at first
}

func (s *sorter) id(i int) uint32 {
	if s.ids != nil {
		return s.ids[i]
	}
	return uint32(i)
}

// byField finds the field of each row, and returns how many each field has.
func (s *sorter) byField(g *grid) []uint32 {
	count := make([]uint32, len(g.fields))
	for i := range s.cells {
		id := s.id(i)
		if !valid(s.ra[id], s.dec[id]) {
			s.cells[i] = nowhere
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

// byCell finds the cell of each row, and returns where each run of cells
// begins, and the end.
func (s *sorter) byCell(g *grid, shift, runs int) (from []uint32) {
	from = make([]uint32, runs+1)
	for i, field := range s.cells {
		if field == nowhere {
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
		if cell == nowhere {
			continue
		}
		id := s.id(i)
		k := &next[cell>>shift]
		rows[*k] = row{wrap(s.ra[id]), s.dec[id], id, cell}
		*k++
	}
}

// sortRun puts the rows of the cells from one to another where they belong,
// behind so many of other cells.
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
	// each is now where the next one begins
	copy(count[1:], count)
	count[0] = before - uint32(len(rows))
}
