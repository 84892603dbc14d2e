package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/archive/internal/rowhash"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
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
	rows   int64       // of the inputs
	stored int64       // bytes of the columns in the inputs
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

// merge writes the new files, and compares their rows with those of the inputs.
func (m *merger) merge(ctx context.Context) (err error) {
	m.begun = time.Now()
	m.format, err = parquetfile.NewFormat(m.schema, parquetfile.Options{Codec: m.codec(), Workers: m.Workers, Bounds: statsColumns})
	if err != nil {
		return err
	}
	if err := m.measure(ctx); err != nil {
		return err
	}
	rows := pull(m.inOrder(ctx, m.schema))
	defer rows.close()
	keys := &pulled{}
	if m.Order != CommitOrder {
		chosen, err := columns.Select(m.schema, m.Order.columns())
		if err != nil {
			return err
		}
		keys = pull(m.inOrder(ctx, chosen))
	}
	defer keys.close()
	for left := m.rows; left > 0; {
		n := m.next(left)
		if err := m.write(ctx, n, rows.take(n), keys.take(n)); err != nil {
			return err
		}
		left -= n
	}
	return m.verify(ctx)
}

// measure opens the inputs and adds up what they have, so that merge begins only with
// files that can be read.
func (m *merger) measure(ctx context.Context) error {
	for _, in := range m.inputs {
		f, err := rowfile.Open(ctx, m.store, in.File, rowfile.Options{Schema: m.schema, Mem: memory.DefaultAllocator})
		if err != nil {
			return &inputError{in.Path, err}
		}
		m.runs, m.rows, m.stored = append(m.runs, in.Runs...), m.rows+in.Rows, m.stored+f.Stored()
		unknown := f.Unknown()
		_ = f.Close() // it was only read
		if len(unknown) > 0 {
			return &inputError{in.Path, fmt.Errorf("it has columns that the table's schema in the ledger does not have: %s: run the audit", strings.Join(unknown[:min(len(unknown), 5)], ", "))}
		}
	}
	slices.SortFunc(m.runs, func(a, b index.Run) int { return cmp.Compare(a.First, b.First) })
	return nil
}

// next returns how many of the last rows the next new file gets, so that the files have
// at most about Size. It assumes that these rows shrink as the ones before did.
func (m *merger) next(left int64) int64 {
	bytes := float64(m.stored)
	if done := m.rows - left; done == 0 {
		bytes *= float64(left) / float64(m.rows)
	} else {
		written := int64(0)
		for _, f := range m.files {
			written += f.Bytes
		}
		bytes = float64(written) / float64(done) * float64(left)
	}
	files := max((int64(bytes)+m.size()/2)/m.size(), 1) // each is from 2/3 to 3/2 of the size
	return (left + files - 1) / files
}

// verify reads the staged files, which the store must be able to do, and compares the
// hash of their rows with that of the inputs.
func (m *merger) verify(ctx context.Context) error {
	var written rowhash.Sum
	for _, f := range m.files {
		staged := f
		staged.Path = f.StagedPath
		if err := written.AddFile(ctx, m.store, staged, m.schema, m.Pause); err != nil {
			return fmt.Errorf("read what was staged for %s: %w", f.Path, err)
		}
	}
	if written.String() != m.read.String() {
		return errors.New("the rows that were written are not those that were read: nothing was replaced; run the audit with -deep, and report it")
	}
	return nil
}
