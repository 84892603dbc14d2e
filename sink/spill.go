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

// spill is a temporary file with the rows of many places. Where the system
// allows it, its name is gone as soon as it is made, so that not even a crash
// leaves anything behind. It is a row of Arrow files, one for each flush and
// schema, in which each record is a segment.
type spill struct {
	file     *os.File
	named    bool
	end      int64
	sections []*ipc.FileReader
}

// segment is a run of rows of one place and one schema.
type segment struct {
	schema *arrow.Schema
	bytes  int64
	from   *ipc.FileReader
	record int
}

func newSpill(dir string) (*spill, error) {
	var f *os.File
	for range 3 { // a store that prunes its empty directories may come between
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
	return &spill{file: f, named: os.Remove(f.Name()) != nil}, nil
}

// close gives the disk space back. A nil spill has none.
func (s *spill) close() {
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

// run is a segment that is still in memory.
type run struct {
	picks []parquetfile.Rows
	to    *segment
}

// spillParts moves the rows of the parts to disk. The order of a part's rows
// is that of its segments, so each change of schema begins a new one.
func (w *writer) spillParts(parts []*part) (err error) {
	dir := w.Spill
	if dir == "" {
		dir = os.TempDir()
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sink: spill rows of many hours to %s: %w", dir, err)
		}
	}()
	if w.spill == nil {
		if w.spill, err = newSpill(dir); err != nil {
			return err
		}
	}
	order, runs := runsOf(parts)
	for _, s := range order {
		if err := w.spill.write(s, runs[s]); err != nil {
			return err
		}
	}
	for _, p := range parts {
		p.picks, p.bytes = nil, 0
		for _, s := range p.spilled {
			p.bytes += s.bytes
		}
	}
	return nil
}

// runsOf gives the parts new segments, and returns what belongs into them by
// schema.
func runsOf(parts []*part) (order []*arrow.Schema, runs map[*arrow.Schema][]run) {
	runs = map[*arrow.Schema][]run{}
	for _, p := range parts {
		for from := 0; from < len(p.picks); {
			schema, to := p.picks[from].Record.Schema(), from+1
			for to < len(p.picks) && p.picks[to].Record.Schema() == schema {
				to++
			}
			if runs[schema] == nil {
				order = append(order, schema)
			}
			seg := &segment{schema: schema}
			runs[schema] = append(runs[schema], run{p.picks[from:to], seg})
			p.spilled = append(p.spilled, seg)
			from = to
		}
	}
	return order, runs
}

// write appends a section with the runs of one schema.
func (s *spill) write(schema *arrow.Schema, runs []run) error {
	out := &section{out: bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), 256<<10)}
	flat := flatSchema(schema)
	file, err := ipc.NewFileWriter(out, ipc.WithSchema(flat))
	if err != nil {
		return err
	}
	for n, r := range runs {
		rec, err := flatten(memory.DefaultAllocator, flat, r.picks)
		if err != nil {
			return err
		}
		before := out.size
		err = file.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
		r.to.record, r.to.bytes = n, out.size-before
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
	for _, r := range runs {
		r.to.from = in
	}
	return nil
}

// section is an Arrow file in the making. The file's writer asks it where it
// is, and nothing else of an io.Seeker.
type section struct {
	out  *bufio.Writer
	size int64
}

func (s *section) Write(b []byte) (int, error) {
	n, err := s.out.Write(b)
	s.size += int64(n)
	return n, err
}

func (s *section) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.ErrUnsupported
	}
	return s.size, nil
}

// unspill reads segments back. The caller releases the records, those that
// come with an error too.
func unspill(segments []*segment) (rows []parquetfile.Rows, err error) {
	for _, s := range segments {
		r, err := s.from.RecordAt(s.record)
		if err != nil {
			return rows, fmt.Errorf("sink: read spilled rows back: %w", err)
		}
		rows = append(rows, parquetfile.Rows{Record: r})
	}
	return rows, nil
}

// flatten copies the chosen rows of records with equal schemas into a new one,
// whose schema is the same without views.
func flatten(mem memory.Allocator, flat *arrow.Schema, picks []parquetfile.Rows) (arrow.Record, error) {
	rows := make([]gather.Rows, len(picks))
	for i, p := range picks {
		rows[i] = gather.Rows(p)
	}
	return gather.Records(mem, flat, rows...)
}
