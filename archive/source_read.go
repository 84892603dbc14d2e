package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/internal/chunk"
	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
)

// chunkRows divides the offsets at which chunks end. Chunks do not end where files or
// row groups do, so a rewrite does not change them.
const chunkRows = 256

// Read implements stream.Source. The chunks hold decoded rows: Table is set, and all
// have the columns of the table's present schema, columns of bytes as views.
func (s *Source) Read(ctx context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		emit, fail := chunk.Yield(ctx, yield), chunk.YieldError(yield)
		for _, r := range ranges {
			err := s.readRange(ctx, r, emit)
			var unreadable *stream.UnreadableError
			if errors.As(err, &unreadable) {
				err = fail(err)
			}
			if err == chunk.ErrStopped {
				return
			}
			if err != nil {
				yield(stream.Chunk{}, err)
				return
			}
		}
	}
}

// readRange reads one range.
func (s *Source) readRange(ctx context.Context, r stream.Range, emit func(stream.Chunk) error) error {
	x, err := s.newRangeReader(ctx, r)
	if err != nil {
		return err
	}
	defer x.close()
	for x.next < r.To {
		end := min((x.next/chunkRows+1)*chunkRows, r.To)
		c, err := x.chunk(ctx, end)
		var gone *vanishedError
		if errors.As(err, &gone) {
			if err := x.resolve(ctx, gone); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if x.next = end; c == nil && end < r.To {
			continue
		}
		if err := x.emit(c, emit); err != nil {
			return err
		}
	}
	return nil
}

// rangeReader reads a range of a partition.
type rangeReader struct {
	source *Source
	partition
	stream.Range
	mem    memory.Allocator
	schema *arrow.Schema // of the chunks
	filter *filter       // nil if all rows are wanted
	pieces []piece       // from next on
	window *window
	lost   map[string]bool // files that are missing, to be accounted for as lost

	next     int64            // the offset of the next chunk
	accounts []stream.Account // of offsets before next that have not been emitted
}

func (s *Source) newRangeReader(ctx context.Context, r stream.Range) (*rangeReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		if err := s.update(ctx); err != nil {
			return nil, err
		}
	}
	p, ok := parsePartition(r.Partition)
	if !ok || p.ledger != s.ledger.ID() {
		return nil, &stream.ForeignError{Partition: r.Partition}
	}
	need := p.rows
	if p.times.isZero() {
		need = r.To
	}
	if s.checkRows(p, need) != nil { // another process may have seen more
		if err := s.update(ctx); err != nil {
			return nil, err
		}
		if err := s.checkRows(p, need); err != nil {
			return nil, err
		}
	}
	x := &rangeReader{source: s, partition: p, Range: r, mem: s.mem, next: r.From, lost: map[string]bool{}}
	if x.mem == nil {
		x.mem = memory.DefaultAllocator
	}
	if r.From == r.To {
		return x, nil
	}
	table, err := s.schema(ctx, p.table)
	if err != nil {
		return nil, err
	}
	chosen, err := s.choose(p.table, table)
	if err != nil {
		return nil, err
	}
	x.schema = columns.Views(chosen)
	read := x.schema
	if x.filter, err = newFilter(p.times, table); err != nil {
		return nil, s.located(fmt.Errorf("table %s: %w", p.table, err))
	}
	if x.filter != nil {
		read = x.filter.with(read)
	}
	x.window = s.newWindow(x.mem, read)
	x.pieces, err = s.pieces(p, r)
	return x, err
}

func (x *rangeReader) close() {
	if x.window != nil {
		x.window.close()
	}
}

// schema returns the present schema of a table.
func (s *Source) schema(ctx context.Context, table string) (*arrow.Schema, error) {
	schema, err := s.ledger.Schema(ctx, sink.SchemaPrefix+table)
	if err == nil && schema == nil {
		if err := s.checkLedger(ctx); err != nil {
			return nil, err
		}
		err = stream.Permanent(fmt.Errorf("table %s has no schema in the ledger: its job must have set sink.Parquet.Schemas", table))
	}
	return schema, s.located(err)
}

// choose returns the chosen columns of a table.
func (s *Source) choose(table string, schema *arrow.Schema) (*arrow.Schema, error) {
	chosen, err := columns.Select(schema, s.Columns)
	if err != nil {
		return nil, stream.Permanent(s.located(fmt.Errorf("table %s: %w", table, err)))
	}
	return chosen, nil
}

// checkColumns returns an error if a table does not have the chosen columns.
func (s *Source) checkColumns(ctx context.Context, tables []string) error {
	for _, t := range tables {
		if len(s.Columns) == 0 || s.rows(t) == 0 {
			continue
		}
		schema, err := s.schema(ctx, t)
		if err == nil {
			_, err = s.choose(t, schema)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rowsOf are the rows [from, to) of a record, which is retained.
type rowsOf struct {
	arrow.Record
	from, to int64
}

// chunk returns the rows from next to end, or nil if there are none, and adds to the
// accounts. If it returns an error, nothing has changed.
func (x *rangeReader) chunk(ctx context.Context, end int64) (rec arrow.Record, err error) {
	var parts []rowsOf
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	accounts := slices.Clone(x.accounts)
	for at, i := x.next, 0; at < end; {
		for x.pieces[i].to <= at {
			i++
		}
		p := x.pieces[i].slice(at, end)
		n, err := x.add(ctx, p, &parts, &accounts)
		if err != nil {
			return nil, err
		}
		at += n
	}
	if rec, err = x.record(parts); err != nil {
		return nil, err
	}
	x.accounts = accounts
	x.window.dropDone()
	for x.pieces[0].to <= end && len(x.pieces) > 1 {
		x.pieces = x.pieces[1:]
	}
	return rec, nil
}

// add adds as many of a piece's rows as one block has, and returns their number.
func (x *rangeReader) add(ctx context.Context, p piece, parts *[]rowsOf, accounts *[]stream.Account) (int64, error) {
	n := p.to - p.from
	switch {
	case p.file == nil, x.filter != nil && !x.filter.mayHave(p.file):
		x.account(accounts, p.from, n, func(a *stream.Account) { a.Compacted += n })
		return n, nil
	case x.lost[p.file.Path]:
		x.account(accounts, p.from, n, func(a *stream.Account) { a.Lost += n })
		return n, nil
	}
	b, err := x.window.block(ctx, p.file, p.rank, x.filter)
	if err != nil {
		return 0, x.explain(p.file, err)
	}
	n = min(n, b.end-p.rank)
	b.done = b.done || p.rank+n == b.end
	if b.rec == nil { // its bounds are outside of the range
		x.account(accounts, p.from, n, func(a *stream.Account) { a.Compacted += n })
		return n, nil
	}
	from := p.rank - b.first
	if x.filter == nil {
		x.account(accounts, p.from, n, func(a *stream.Account) { a.Read += n })
		appendRows(parts, b.rec, from, from+n)
		return n, nil
	}
	for i := int64(0); i < n; {
		has, k := x.filter.run(b.rec, from+i, from+n)
		x.account(accounts, p.from+i, k, func(a *stream.Account) {
			if has {
				a.Read += k
			} else {
				a.Compacted += k
			}
		})
		if has {
			appendRows(parts, b.rec, from+i, from+i+k)
		}
		i += k
	}
	return n, nil
}

// appendRows appends the rows [from, to) of a record, or extends the last part by them.
func appendRows(parts *[]rowsOf, rec arrow.Record, from, to int64) {
	if n := len(*parts); n > 0 && (*parts)[n-1].Record == rec && (*parts)[n-1].to == from {
		(*parts)[n-1].to = to
		return
	}
	rec.Retain()
	*parts = append(*parts, rowsOf{rec, from, to})
}

// account adds n offsets to the last account if that is of the same kind, so that the
// accounts tell the number of each row, or else to a new one.
func (x *rangeReader) account(accounts *[]stream.Account, from, n int64, count func(*stream.Account)) {
	added := stream.Account{Range: stream.Range{Partition: x.Range.Partition, From: from, To: from + n}}
	count(&added)
	if k := len(*accounts) - 1; k >= 0 {
		last := &(*accounts)[k]
		if last.Read > 0 == (added.Read > 0) && last.Lost > 0 == (added.Lost > 0) {
			last.Add(added)
			return
		}
	}
	*accounts = append(*accounts, added)
}

// record returns the given rows as one record, nil if there are none.
func (x *rangeReader) record(parts []rowsOf) (arrow.Record, error) {
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		return x.project(parts[0].NewSlice(parts[0].from, parts[0].to)), nil
	}
	rows := make([]gather.Rows, len(parts))
	for i, p := range parts {
		rows[i].Record = p.Record
		for at := p.from; at < p.to; at++ {
			rows[i].Index = append(rows[i].Index, int32(at))
		}
	}
	rec, err := gather.Records(x.mem, parts[0].Schema(), rows...)
	if err != nil {
		return nil, fmt.Errorf("archive: rows %d to %d of %s: %w", x.next, x.next+chunkRows, x.table, err)
	}
	return x.project(rec), nil
}

// project returns a record without the column that was only read for the filter. It
// releases the record that it is given.
func (x *rangeReader) project(rec arrow.Record) arrow.Record {
	if n := x.schema.NumFields(); n < int(rec.NumCols()) {
		defer rec.Release()
		return array.NewRecord(x.schema, rec.Columns()[:n], rec.NumRows())
	}
	return rec
}

// emit passes on a chunk with the accounts of all offsets before next. It releases the
// record, which may be nil.
func (x *rangeReader) emit(rec arrow.Record, emit func(stream.Chunk) error) error {
	c := stream.Chunk{Table: x.table, Accounts: x.accounts}
	if rec != nil {
		defer rec.Release()
		c.Messages = rec
	}
	x.accounts = nil
	return emit(c)
}
