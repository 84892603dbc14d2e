package sink

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
)

// spillFile is a temporary file for the rows of many directories. It is a sequence
// of Arrow IPC files, one for each flush and schema. Where the system allows it,
// the file is removed as soon as it is open, so that a crash leaves nothing.
type spillFile struct {
	file     *os.File
	named    bool // the file was not removed
	end      int64
	sections []*ipc.FileReader
}

// spilledRows are consecutive rows of one directory with one schema, a record of a
// section.
type spilledRows struct {
	schema  *arrow.Schema
	bytes   int64
	section *ipc.FileReader
	record  int
}

func newSpillFile(dir string) (*spillFile, error) {
	var f *os.File
	for range 3 { // a store that removes empty directories may remove dir
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
		var err error
		if f, err = os.CreateTemp(dir, "spill-*"); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if f == nil {
		return nil, &fs.PathError{Op: "create", Path: dir, Err: fs.ErrNotExist}
	}
	return &spillFile{file: f, named: os.Remove(f.Name()) != nil}, nil
}

// close frees the disk space. s may be nil.
func (s *spillFile) close() {
	if s == nil {
		return
	}
	for _, r := range s.sections {
		r.Close()
	}
	s.file.Close()
	if s.named {
		os.Remove(s.file.Name())
	}
}

// bufferedRows are rows in memory that are written to a section.
type bufferedRows struct {
	rows []parquetfile.Rows
	dst  *spilledRows
}

// spillRows moves the rows of directories to disk.
func (w *batchWriter) spillRows(dirs []*dirWriter) (err error) {
	local := w.sink.Spill
	if local == "" {
		local = os.TempDir()
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sink: spill rows of many hours to %s: %w", local, err)
		}
	}()
	if w.spill == nil {
		if w.spill, err = newSpillFile(local); err != nil {
			return err
		}
	}
	order, bySchema := groupBySchema(dirs)
	for _, s := range order {
		if err := w.spill.write(s, bySchema[s]); err != nil {
			return err
		}
	}
	for _, d := range dirs {
		d.rows, d.bytes = nil, 0
		for _, s := range d.spilled {
			d.bytes += s.bytes
		}
	}
	return nil
}

// groupBySchema appends to d.spilled of each directory an element for each run of
// rows with the same schema, so that the rows keep their order. It returns the
// rows to write to them by schema, and the schemas in order of first use.
func groupBySchema(dirs []*dirWriter) (order []*arrow.Schema, bySchema map[*arrow.Schema][]bufferedRows) {
	bySchema = map[*arrow.Schema][]bufferedRows{}
	for _, d := range dirs {
		for from := 0; from < len(d.rows); {
			schema, to := d.rows[from].Record.Schema(), from+1
			for to < len(d.rows) && d.rows[to].Record.Schema() == schema {
				to++
			}
			if bySchema[schema] == nil {
				order = append(order, schema)
			}
			dst := &spilledRows{schema: schema}
			bySchema[schema] = append(bySchema[schema], bufferedRows{d.rows[from:to], dst})
			d.spilled = append(d.spilled, dst)
			from = to
		}
	}
	return order, bySchema
}

// write appends a section of rows of one schema.
func (s *spillFile) write(schema *arrow.Schema, groups []bufferedRows) error {
	out := &sectionWriter{out: bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), 256<<10)}
	flat := flatSchema(schema)
	file, err := ipc.NewFileWriter(out, ipc.WithSchema(flat))
	if err != nil {
		return err
	}
	for n, g := range groups {
		rec, err := flatten(memory.DefaultAllocator, flat, g.rows)
		if err != nil {
			return err
		}
		before := out.size
		err = file.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
		g.dst.record, g.dst.bytes = n, out.size-before
	}
	if err := errors.Join(file.Close(), out.out.Flush()); err != nil {
		return err
	}
	in, err := ipc.NewFileReader(io.NewSectionReader(s.file, s.end, out.size))
	if err != nil {
		return err
	}
	s.sections = append(s.sections, in)
	s.end += out.size
	for _, g := range groups {
		g.dst.section = in
	}
	return nil
}

// sectionWriter writes an Arrow IPC file and counts its bytes. Of io.Seeker it has
// only what the IPC writer uses: the current position.
type sectionWriter struct {
	out  *bufio.Writer
	size int64
}

func (s *sectionWriter) Write(b []byte) (int, error) {
	n, err := s.out.Write(b)
	s.size += int64(n)
	return n, err
}

func (s *sectionWriter) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.ErrUnsupported
	}
	return s.size, nil
}

// readSpilled reads spilled rows. The caller must release the records, even if
// there is an error.
func readSpilled(spilled []*spilledRows) (rows []parquetfile.Rows, err error) {
	for _, s := range spilled {
		r, err := s.section.RecordAt(s.record)
		if err != nil {
			return rows, fmt.Errorf("sink: read spilled rows: %w", err)
		}
		rows = append(rows, parquetfile.Rows{Record: r})
	}
	return rows, nil
}

// flatten copies rows of records with equal schemas into a new record, whose
// schema is the same without views.
func flatten(mem memory.Allocator, flat *arrow.Schema, rows []parquetfile.Rows) (arrow.Record, error) {
	in := make([]gather.Rows, len(rows))
	for i, r := range rows {
		in[i] = gather.Rows(r)
	}
	return gather.Records(mem, flat, in...)
}
