package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/archive/internal/rowhash"
	"github.com/skyfinch/skyfinch/archive/internal/spill"
	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/filestats"
	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// merger merges the rows of some files of a directory into new files, which it
// stages. Each new file takes the next row numbers in ascending order; within it the
// rows may be sorted.
type merger struct {
	*compactor
	table, dir string
	schema     *arrow.Schema // of the new files
	number     int           // of the schema in its chain
	inputs     []index.File
	id         string
	begun      time.Time

	format *parquetfile.Format
	files  []ledger.File // staged
	out    store.Writer
	file   *parquetfile.Writer
	runs   []index.Run // of the row numbers that no new file has taken yet
	read   rowhash.Sum // of the rows that were read
}

func (c *Compaction) codec() parquetfile.Codec { return parquetfile.Codec(c.Compression) }

// memory returns how many bytes of rows a row group may have.
func (c *Compaction) memory() int64 {
	if c.Memory > 0 {
		return c.Memory
	}
	return 128 << 20
}

func (c *Compaction) spill() string {
	if c.Spill != "" || c.Dir == "" {
		return c.Spill
	}
	return filepath.Join(c.Dir, layout.Staging)
}

func (m *merger) merge(ctx context.Context) (err error) {
	m.begun = time.Now()
	m.format, err = parquetfile.NewFormat(m.schema, parquetfile.Options{Codec: m.codec(), Workers: m.Workers, Bounds: statsColumns})
	if err != nil {
		return err
	}
	var rows int64
	for _, f := range m.inputs {
		m.runs, rows = append(m.runs, f.Runs...), rows+f.Rows
	}
	slices.SortFunc(m.runs, func(a, b index.Run) int { return cmp.Compare(a.First, b.First) })
	files := max((totalBytes(m.inputs)+m.size()/2)/m.size(), 1) // each is from 2/3 to 3/2 of the size
	next, stop := iter.Pull2(m.rows(ctx))
	defer stop()
	var rest arrow.Record // of a record that ends in the next file
	defer func() {
		if rest != nil {
			rest.Release()
		}
	}()
	for i := range files {
		n := rows*(i+1)/files - rows*i/files
		part := func(yield func(arrow.Record, error) bool) {
			for left := n; left > 0; {
				r, err, ok := rest, error(nil), true
				if rest = nil; r == nil {
					if r, err, ok = next(); !ok {
						err = fmt.Errorf("%d rows are missing", left)
					}
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if r.NumRows() > left {
					rest = r.NewSlice(left, r.NumRows())
					head := r.NewSlice(0, left)
					r.Release()
					r = head
				}
				left -= r.NumRows()
				if !yield(r, nil) {
					return
				}
			}
		}
		if n > 0 {
			if err := m.write(ctx, n, part); err != nil {
				return err
			}
		}
	}
	return m.verify(ctx)
}

// rows yields the rows of the inputs by ascending row number. The consumer must
// release the records.
func (m *merger) rows(ctx context.Context) iter.Seq2[arrow.Record, error] {
	type piece struct {
		index.Run
		file int
		at   int64 // the place in the file's commit order
		last bool  // of the file
	}
	var pieces []piece
	for i, f := range m.inputs {
		at := int64(0)
		for k, r := range f.Runs {
			pieces = append(pieces, piece{r, i, at, k == len(f.Runs)-1})
			at += r.Rows
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.First, b.First) })
	return func(yield func(arrow.Record, error) bool) {
		open := map[int]*blocks{}
		defer func() {
			for _, b := range open {
				b.close()
			}
		}()
		for _, p := range pieces {
			b := open[p.file]
			if b == nil {
				f, err := rowfile.Open(ctx, m.store, m.inputs[p.file].File, rowfile.Options{
					Schema: columns.Views(m.schema), Memory: m.memory() / 2, Spill: m.spill(), Mem: memory.DefaultAllocator})
				if err != nil {
					yield(nil, fmt.Errorf("%s: %w", m.inputs[p.file].Path, err))
					return
				}
				b = &blocks{File: f, number: -1}
				open[p.file] = b
			}
			for at, end := p.at, p.at+p.Rows; at < end; {
				rec, err := b.slice(ctx, at, end)
				if err != nil {
					yield(nil, fmt.Errorf("%s: %w", m.inputs[p.file].Path, err))
					return
				}
				at += rec.NumRows()
				if !yield(rec, nil) {
					return
				}
			}
			if p.last {
				b.close()
				delete(open, p.file)
			}
		}
	}
}

// blocks reads a file block by block.
type blocks struct {
	*rowfile.File
	number     int // of the block that is held, or -1
	first, end int64
	rec        arrow.Record
}

// slice returns rows from a place on, up to end or to the end of their block.
func (b *blocks) slice(ctx context.Context, at, end int64) (arrow.Record, error) {
	if b.rec == nil || at < b.first || at >= b.end {
		if err := b.Prepare(ctx); err != nil {
			return nil, err
		}
		n, first, after := b.Block(at)
		rec, err := b.Read(ctx, n)
		if err != nil {
			return nil, err
		}
		if b.rec != nil {
			b.rec.Release()
		}
		b.rec, b.first, b.end = rec, first, after
	}
	return b.rec.NewSlice(at-b.first, min(end, b.end)-b.first), nil
}

func (b *blocks) close() {
	if b.rec != nil {
		b.rec.Release()
	}
	_ = b.File.Close() // it was only read
}

// write writes n rows to a new file.
func (m *merger) write(ctx context.Context, n int64, rows iter.Seq2[arrow.Record, error]) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	var err error
	if m.Order == CommitOrder {
		err = m.writeInOrder(ctx, rows)
	} else {
		err = m.writeSorted(ctx, n, rows)
	}
	if err != nil {
		return err
	}
	return m.end(n)
}

// begin stages a new file.
func (m *merger) begin(ctx context.Context) (err error) {
	name := fmt.Sprintf("%s-%012d-%d.parquet", m.id, 1, len(m.files))
	f := ledger.File{Table: m.table, Schema: m.number, Path: path.Join(m.table, m.dir, name),
		StagedPath: path.Join(layout.Staging, m.id, fmt.Sprintf("%012d", 1), token.New()[:16], fmt.Sprintf("merge-%d", len(m.files)))}
	if m.out, err = m.store.Stage(ctx, f.StagedPath, f.Path); err != nil {
		return err
	}
	m.file = m.format.NewWriter(m.out)
	m.files = append(m.files, f)
	return nil
}

// end completes the file.
func (m *merger) end(n int64) error {
	f := &m.files[len(m.files)-1]
	var taken []index.Run
	taken, m.runs = index.Cut(m.runs, n)
	m.file.SetMetadata(index.RunsKey, index.EncodeRuns(taken))
	if err := m.file.Close(); err != nil {
		return err
	}
	if err := m.out.Close(); err != nil {
		return err
	}
	f.Rows, f.Bytes, f.Stats = m.file.NumRows(), m.file.Size(), filestats.Of(m.file, m.schema, statsColumns)
	f.First, f.Last = timesOf(f.Stats)
	m.file, m.out = nil, nil
	return nil
}

// timesOf returns the bounds of event_time in a file's statistics.
func timesOf(stats map[string][2]json.RawMessage) (first, last time.Time) {
	for i, t := range []*time.Time{&first, &last} {
		if json.Unmarshal(stats["event_time"][i], t) != nil {
			return time.Time{}, time.Time{}
		}
	}
	return first, last
}

// close discards the file under way, if there is one.
func (m *merger) close() {
	if m.out != nil {
		_ = m.out.Abort()
	}
}

// remove removes what was staged.
func (m *merger) remove(ctx context.Context) {
	m.close()
	m.out = nil
	for _, f := range m.files {
		_ = m.store.Delete(context.WithoutCancel(ctx), f.StagedPath) // otherwise it is swept
	}
}

// group is the rows of a row group.
type group struct {
	rows []parquetfile.Rows
	size recordsize.Buffers
}

func (g *group) release() {
	for _, r := range g.rows {
		r.Record.Release()
	}
	g.rows, g.size = nil, nil
}

// writeInOrder writes the rows as they come.
func (m *merger) writeInOrder(ctx context.Context, rows iter.Seq2[arrow.Record, error]) error {
	var g group
	defer g.release()
	var bytes int64
	for rec, err := range rows {
		if err != nil {
			return err
		}
		if g.size == nil {
			g.size = recordsize.Buffers{}
		}
		g.rows = append(g.rows, parquetfile.Rows{Record: rec})
		if err := m.read.Add(rec); err != nil {
			return err
		}
		if bytes += g.size.Add(rec); bytes >= m.memory()/2 {
			if err := m.writeGroup(ctx, g.rows); err != nil {
				return err
			}
			g.release()
			bytes = 0
		}
	}
	return m.writeGroup(ctx, g.rows)
}

func (m *merger) writeGroup(ctx context.Context, rows []parquetfile.Rows) error {
	if m.Pause != nil {
		if err := m.Pause(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.observe()
	return m.file.WriteRowGroup(rows)
}

// writeSorted writes the rows in another order, and appends to the file which row is
// where. Rows that do not fit in memory are spilled, each with those of its row group.
func (m *merger) writeSorted(ctx context.Context, n int64, rows iter.Seq2[arrow.Record, error]) error {
	var g group
	defer g.release()
	var spilled *spill.File
	defer func() {
		if spilled != nil {
			spilled.Close()
		}
	}()
	places, bytes, err := m.places(ctx, n)
	if err != nil {
		return err
	}
	groups := max(bytes*2/m.memory(), 1)
	size := (n + groups - 1) / groups // rows of a row group
	groups = (n + size - 1) / size
	var at int64
	for rec, err := range rows {
		if err != nil {
			return err
		}
		if err := m.read.Add(rec); err != nil {
			rec.Release()
			return err
		}
		mine := places[at : at+rec.NumRows()]
		at += rec.NumRows()
		if groups == 1 {
			g.rows = append(g.rows, parquetfile.Rows{Record: rec})
			continue
		}
		parts := make([][]int32, groups)
		for i, p := range mine {
			k := int64(p) / size
			parts[k] = append(parts[k], int32(i))
		}
		if spilled == nil {
			if spilled, err = spill.New(m.spill(), columns.Plain(m.schema)); err != nil {
				rec.Release()
				return fmt.Errorf("spill rows to be sorted: %w", err)
			}
		}
		err := spilled.Write(memory.DefaultAllocator, rec, parts)
		rec.Release()
		if err != nil {
			return fmt.Errorf("spill rows to be sorted: %w", err)
		}
	}
	// from is, for each place in the file, the rank of its row.
	from := make([]uint32, n)
	for rank, p := range places {
		from[p] = uint32(rank)
	}
	for k := range groups {
		if err := m.writePart(ctx, &g, spilled, int(k), from[k*size:min((k+1)*size, n)]); err != nil {
			return err
		}
	}
	block := order.Append(nil, places)
	offset, err := m.file.AppendBlock(block)
	if err != nil {
		return err
	}
	m.file.SetMetadata(order.Key, order.Block{Name: m.Order.String(), Offset: offset, Size: int64(len(block))}.String())
	return nil
}

// writePart writes a row group of sorted rows: those with the given ranks.
func (m *merger) writePart(ctx context.Context, g *group, spilled *spill.File, part int, ranks []uint32) error {
	records := make([]arrow.Record, 0, len(g.rows))
	for _, r := range g.rows {
		records = append(records, r.Record)
	}
	if spilled != nil {
		var err error
		records, err = spilled.Read(part)
		defer func() {
			for _, r := range records {
				r.Release()
			}
		}()
		if err != nil {
			return fmt.Errorf("read spilled rows: %w", err)
		}
	}
	if len(records) == 0 {
		return nil
	}
	// The rows of the records are those of the part in the order of their ranks.
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

// places returns the place in the next new file of each of its rows, by row number,
// and the size of the rows in memory.
func (m *merger) places(ctx context.Context, n int64) (places []uint32, bytes int64, err error) {
	skip := int64(0)
	for _, f := range m.files[:len(m.files)-1] {
		skip += f.Rows
	}
	chosen, err := columns.Select(m.schema, m.Order.columns())
	if err != nil {
		return nil, 0, err
	}
	keyed := *m
	keyed.schema = chosen
	var keys []sortKey
	for rec, err := range keyed.rows(ctx) {
		if err != nil {
			return nil, 0, err
		}
		from, to := min(max(skip, 0), rec.NumRows()), min(skip+n, rec.NumRows())
		if from < to {
			part := rec.NewSlice(from, to)
			keys = m.Order.appendKeys(keys, part)
			part.Release()
		}
		skip -= rec.NumRows()
		rec.Release()
		if int64(len(keys)) >= n {
			break
		}
	}
	if int64(len(keys)) != n {
		return nil, 0, fmt.Errorf("%d of %d rows to be sorted", len(keys), n)
	}
	ranks := make([]uint32, n)
	for i := range ranks {
		ranks[i] = uint32(i)
	}
	slices.SortStableFunc(ranks, func(a, b uint32) int { return keys[a].compare(keys[b]) })
	places = make([]uint32, n)
	for place, rank := range ranks {
		places[rank] = uint32(place)
	}
	return places, m.sizeOf(n), nil
}

// sizeOf estimates the memory that n rows take.
func (m *merger) sizeOf(n int64) int64 {
	const ratio = 4 // of rows in memory to those in files
	var rows int64
	for _, f := range m.inputs {
		rows += f.Rows
	}
	return totalBytes(m.inputs) / rows * n * ratio
}

// verify reads the staged files and compares the hash of their rows with that of the
// inputs. Not every store can read what is staged.
func (m *merger) verify(ctx context.Context) error {
	var written rowhash.Sum
	for _, f := range m.files {
		staged := f
		staged.Path = f.StagedPath
		if err := written.AddFile(ctx, m.store, staged, m.schema); err != nil {
			return fmt.Errorf("read what was staged for %s: %w", f.Path, err)
		}
	}
	if written.String() != m.read.String() {
		return fmt.Errorf("the rows that were written are not those that were read: nothing was replaced; run the audit with -deep, and report it")
	}
	return nil
}
