// Package rows reads the rows of an archive's tables, or of any Parquet files, once:
// for commands that look at them and end.
package rows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream"
)

// Table is a table of an archive, or the rows of Parquet files.
type Table struct {
	Name   string // ztf for alerts/ztf of an archive; else the path
	Schema *arrow.Schema

	dir   string // of an archive
	times archive.TimeRange
	files []string
}

// ErrNothing reports a path with neither an archive nor a Parquet file.
var ErrNothing = errors.New("neither an archive nor Parquet files")

// Open returns the tables of the archive at path, or one table of the Parquet file at
// path or of those below it, in the order of their names. Only an archive can be
// limited to a range of times.
func Open(path string, times archive.TimeRange) ([]*Table, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, "ledger")); err == nil && info.IsDir() {
		return openArchive(path, times)
	}
	if times != (archive.TimeRange{}) {
		return nil, fmt.Errorf("%s: not an archive: only the rows of an archive can be limited to a range of times", path)
	}
	t := &Table{Name: path, files: []string{path}}
	if info.IsDir() {
		t.files = nil
		if err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(name) == ".parquet" {
				t.files = append(t.files, name)
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	if len(t.files) == 0 {
		return nil, fmt.Errorf("%s: %w: name the directory of an archive, or a file *.parquet", path, ErrNothing)
	}
	t.Schema, err = schemaOf(t.files[0])
	return []*Table{t}, err
}

func openArchive(dir string, times archive.TimeRange) (all []*Table, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "schema", "*.parquet"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".parquet")
		if name == "TABLE" {
			continue
		}
		schema, err := schemaOf(f)
		if err != nil {
			return nil, err
		}
		all = append(all, &Table{Name: name, Schema: schema, dir: dir, times: times})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: an archive without tables: nothing is archived yet", dir)
	}
	return all, nil
}

func schemaOf(path string) (*arrow.Schema, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.Schema(), nil
}

// groups are the row groups of a file.
type groups interface {
	Schema() *arrow.Schema
	NumRowGroups() int
	ReadRowGroup(i int, columns []string) (arrow.Record, error)
}

// file is an open Parquet file.
type file struct {
	groups
	closers []io.Closer
}

func (f *file) close() {
	for _, c := range f.closers {
		c.Close()
	}
}

// sized is a file with its size.
type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

func openFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, err := parquetfile.OpenReader(f, info.Size())
	if err == nil {
		return &file{r, []io.Closer{f}}, nil
	}
	if errors.Is(err, parquetfile.ErrForm) {
		var other *inspect.Reader
		if other, err = inspect.OpenReader(sized{f, info.Size()}); err == nil {
			return &file{other, []io.Closer{other, f}}, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

// pieceRows is the number of rows of an archive that a worker reads at a time.
const pieceRows = 32 << 10

// Each calls f with records of all rows. columns returns the columns to read, for the
// schema of the table or, without an archive, of each file. Workers call f concurrently,
// with the schema that columns was given and a record of the columns to
// read; with one worker the rows are in order. A record is borrowed.
func (t *Table) Each(ctx context.Context, workers int, columns func(*arrow.Schema) ([]string, error), f func(schema *arrow.Schema, rec arrow.Record) error) error {
	if t.dir != "" {
		names, err := columns(t.Schema)
		if err != nil {
			return err
		}
		return t.eachOfArchive(ctx, workers, names, f)
	}
	var next atomic.Int64
	return each(ctx, workers, func(ctx context.Context, _ int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(t.files) {
				return nil
			}
			if err := eachOfFile(ctx, t.files[i], columns, f); err != nil {
				return err
			}
		}
	})
}

func eachOfFile(ctx context.Context, path string, columns func(*arrow.Schema) ([]string, error), f func(*arrow.Schema, arrow.Record) error) error {
	in, err := openFile(path)
	if err != nil {
		return err
	}
	defer in.close()
	names, err := columns(in.Schema())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for g := range in.NumRowGroups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := in.ReadRowGroup(g, names)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		err = f(in.Schema(), rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) eachOfArchive(ctx context.Context, workers int, columns []string, f func(schema *arrow.Schema, rec arrow.Record) error) error {
	open := func() *archive.Source {
		return &archive.Source{Dir: t.dir, Tables: []string{t.Name}, Columns: columns, Times: t.times, Memory: 64 << 20}
	}
	first := open()
	defer first.Close()
	extents, err := first.Available(ctx)
	if err != nil {
		return err
	}
	names := map[string]int64{}
	var all []stream.Range
	for _, e := range extents {
		names[e.Partition] = e.From
		for from := e.From; from < e.To; from += pieceRows {
			all = append(all, stream.Range{Partition: e.Partition, From: from, To: min(from+pieceRows, e.To)})
		}
	}
	workers = max(1, min(workers, len(all)))
	var next atomic.Int64
	return each(ctx, workers, func(ctx context.Context, worker int) error {
		src := first
		if worker > 0 {
			src = open()
			defer src.Close()
			src.Adopt(names)
			if _, err := src.Available(ctx); err != nil {
				return err
			}
		}
		for {
			i := int(next.Add(1)) - 1
			if i >= len(all) {
				return nil
			}
			for chunk, err := range src.Read(ctx, all[i:i+1]) {
				if err == nil && chunk.Messages != nil && chunk.Messages.NumRows() > 0 {
					err = f(t.Schema, chunk.Messages)
				}
				if err != nil {
					return err
				}
			}
		}
	})
}

// each runs workers until the first error, and returns it.
func each(ctx context.Context, workers int, work func(ctx context.Context, worker int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			if err := work(ctx, w); err != nil {
				stop(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// Glob returns the files of the table as a literal of SQL, with wildcards.
func (t *Table) Glob() string {
	path := t.Name
	if t.dir != "" {
		path = filepath.Join(t.dir, "alerts", t.Name)
	}
	if len(t.files) != 1 || t.files[0] != t.Name {
		path += "/**/*.parquet"
	}
	return "'" + strings.ReplaceAll(path, "'", "''") + "'"
}

// Names returns the names of tables.
func Names(tables []*Table) string {
	var names []string
	for _, t := range tables {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
