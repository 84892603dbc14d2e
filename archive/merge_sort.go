package archive

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/archive/internal/spill"
	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// writeSorted writes n rows in another order, and appends to the file which row is
// where.
func (m *merger) writeSorted(ctx context.Context, n int64, rows, keys iter.Seq2[arrow.Record, error]) error {
	places, err := m.places(n, keys)
	if err != nil {
		return err
	}
	s := &sorter{merger: m, places: places, from: make([]uint32, n)}
	defer s.close()
	for rank, p := range places {
		s.from[p] = uint32(rank)
	}
	for rec, err := range rows {
		if err == nil {
			err = s.add(rec)
		}
		if err != nil {
			return err
		}
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	block := order.Append(nil, places)
	offset, err := m.file.AppendBlock(block)
	if err != nil {
		return err
	}
	m.file.SetMetadata(order.Key, order.Block{Name: m.Order.String(), Offset: offset, Size: int64(len(block))}.String())
	return nil
}

// places returns the place in the next new file of each of its n rows, by row number.
func (m *merger) places(n int64, rows iter.Seq2[arrow.Record, error]) ([]uint32, error) {
	keys := make([]sortKey, 0, n)
	for rec, err := range rows {
		if err != nil {
			return nil, err
		}
		keys = m.Order.appendKeys(keys, rec)
		rec.Release()
	}
	ranks, places := make([]uint32, n), make([]uint32, n)
	for i := range ranks {
		ranks[i] = uint32(i)
	}
	slices.SortStableFunc(ranks, func(a, b uint32) int { return keys[a].compare(keys[b]) })
	for place, rank := range ranks {
		places[rank] = uint32(place)
	}
	return places, nil
}

// sorter takes the rows of a file by row number and writes them in their order. They
// stay in memory if they fit; otherwise they are spilled, each with those of its row
// group.
type sorter struct {
	*merger
	places []uint32 // of the rows in the file, by their rank among its row numbers
	from   []uint32 // the inverse
	held   group
	at     int64 // the rank of the next row to be spilled

	groupRows int64 // of a row group, if rows are spilled
	spilled   *spill.File
}

func (s *sorter) close() {
	s.held.release()
	s.spilled.Close()
}

// add moves the next rows into the sorter.
func (s *sorter) add(rec arrow.Record) error {
	s.held.add(rec)
	if err := s.read.Add(rec); err != nil {
		return err
	}
	if s.spilled == nil && s.held.bytes <= s.memory() {
		return nil
	}
	return s.spillHeld()
}

// spillHeld spills the rows that are held. The first ones tell the size of all.
func (s *sorter) spillHeld() (err error) {
	if s.spilled == nil {
		held := int64(0)
		for _, r := range s.held.rows {
			held += r.Record.NumRows()
		}
		all := int64(len(s.places))
		groups := max(int64(float64(s.held.bytes)/float64(held)*float64(all)*2/float64(s.memory())), 1)
		s.groupRows = (all + groups - 1) / groups
		if s.spilled, err = spill.New(s.spill(), columns.Plain(s.schema)); err != nil {
			return fmt.Errorf("spill rows to be sorted: %w", err)
		}
	}
	all := int64(len(s.places))
	for _, r := range s.held.rows {
		parts := make([][]int32, (all+s.groupRows-1)/s.groupRows)
		for i, p := range s.places[s.at : s.at+r.Record.NumRows()] {
			k := int64(p) / s.groupRows
			parts[k] = append(parts[k], int32(i))
		}
		if err := s.spilled.Write(memory.DefaultAllocator, r.Record, parts); err != nil {
			return fmt.Errorf("spill rows to be sorted: %w", err)
		}
		s.at += r.Record.NumRows()
	}
	s.held.release()
	return nil
}

// write writes the row groups.
func (s *sorter) write(ctx context.Context) error {
	if s.spilled == nil {
		var records []arrow.Record
		for _, r := range s.held.rows {
			records = append(records, r.Record)
		}
		return s.writeSortedGroup(ctx, records, s.from)
	}
	at := 0
	for ranks := range slices.Chunk(s.from, int(s.groupRows)) {
		records, err := s.readSpilled(at)
		if err == nil {
			err = s.writeSortedGroup(ctx, records, ranks)
		} else {
			err = fmt.Errorf("read spilled rows: %w", err)
		}
		for _, r := range records {
			r.Release()
		}
		if err != nil {
			return err
		}
		at++
	}
	return nil
}

// readSpilled returns the spilled rows of a row group. Bytes are views, so that they are
// not copied again when the rows are put in order.
func (s *sorter) readSpilled(group int) ([]arrow.Record, error) {
	records, err := s.spilled.Read(group)
	for i, r := range records {
		if err != nil {
			break
		}
		var views arrow.Record
		if views, err = columns.Conform(memory.DefaultAllocator, r, columns.Views(s.schema)); err == nil {
			r.Release()
			records[i] = views
		}
	}
	return records, err
}

// writeSortedGroup writes a row group of rows with the given ranks. The records have
// them by ascending rank.
func (m *merger) writeSortedGroup(ctx context.Context, records []arrow.Record, ranks []uint32) error {
	type cell struct{ record, row int32 }
	cells := make([]cell, 0, len(ranks))
	for i, r := range records {
		for row := range int32(r.NumRows()) {
			cells = append(cells, cell{int32(i), row})
		}
	}
	if len(cells) != len(ranks) {
		return fmt.Errorf("%d rows to be sorted, not %d", len(cells), len(ranks))
	}
	byRank := make([]int32, len(ranks)) // positions in ranks, by rank
	for i := range byRank {
		byRank[i] = int32(i)
	}
	slices.SortFunc(byRank, func(a, b int32) int { return cmp.Compare(ranks[a], ranks[b]) })
	sorted := make([]cell, len(ranks))
	for i, at := range byRank {
		sorted[at] = cells[i]
	}
	var rows []gather.Rows
	for _, c := range sorted {
		if k := len(rows); k == 0 || rows[k-1].Record != records[c.record] {
			rows = append(rows, gather.Rows{Record: records[c.record]})
		}
		last := &rows[len(rows)-1]
		last.Index = append(last.Index, c.row)
	}
	rec, err := gather.Records(memory.DefaultAllocator, records[0].Schema(), rows...)
	if err != nil {
		return err
	}
	defer rec.Release()
	return m.writeGroup(ctx, []parquetfile.Rows{{Record: rec}})
}
