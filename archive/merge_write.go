package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/filestats"
	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// write writes n rows to a new file. If it is to be sorted, keys has the columns that
// determine the order.
func (m *merger) write(ctx context.Context, n int64, rows, keys iter.Seq2[arrow.Record, error]) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	var err error
	if m.Order == CommitOrder {
		err = m.writeInOrder(ctx, rows)
	} else {
		err = m.writeSorted(ctx, n, rows, keys)
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

// group is rows in memory.
type group struct {
	rows    []parquetfile.Rows
	bytes   int64
	buffers recordsize.Buffers
}

// add moves a record into the group.
func (g *group) add(r arrow.Record) {
	if g.buffers == nil {
		g.buffers = recordsize.Buffers{}
	}
	g.rows = append(g.rows, parquetfile.Rows{Record: r})
	g.bytes += g.buffers.Add(r)
}

func (g *group) release() {
	for _, r := range g.rows {
		r.Record.Release()
	}
	*g = group{}
}

// writeInOrder writes the rows as they come.
func (m *merger) writeInOrder(ctx context.Context, rows iter.Seq2[arrow.Record, error]) error {
	var g group
	defer g.release()
	for rec, err := range rows {
		if err != nil {
			return err
		}
		g.add(rec)
		if err := m.read.Add(rec); err != nil {
			return err
		}
		if g.bytes >= m.memory()/2 {
			if err := m.writeGroup(ctx, g.rows); err != nil {
				return err
			}
			g.release()
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
	before := m.file.NumRows()
	err := m.file.WriteRowGroup(rows)
	m.done.Merged += int64(float64(totalBytes(m.inputs)) * float64(m.file.NumRows()-before) / float64(m.rows))
	m.observe()
	return err
}
