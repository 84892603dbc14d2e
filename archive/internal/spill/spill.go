// Package spill puts the rows of records into another order, in a temporary file.
package spill

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
)

// File is a temporary file of rows: for each record that was written a section,
// which is an Arrow IPC file with a record for each part. Where the system allows it,
// the file is removed as soon as it is open, so that a crash leaves nothing. Its
// methods must not be called concurrently.
type File struct {
	file     *os.File
	named    bool // the file was not removed
	schema   *arrow.Schema
	end      int64
	sections []*ipc.FileReader
}

// New makes a file in a directory, or in os.TempDir if dir is empty, for records of a
// schema, of which columns of views are written as plain ones.
func New(dir string, schema *arrow.Schema) (*File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "sorted-*")
	if err != nil {
		return nil, err
	}
	return &File{file: f, named: os.Remove(f.Name()) != nil, schema: schema}, nil
}

// Close frees the disk space. s may be nil.
func (s *File) Close() {
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

// Write appends a section with the given rows of a record, one record for each part.
func (s *File) Write(mem memory.Allocator, rec arrow.Record, parts [][]int32) error {
	out := &sectionWriter{out: bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), 256<<10)}
	w, err := ipc.NewFileWriter(out, ipc.WithSchema(s.schema), ipc.WithAllocator(mem))
	if err != nil {
		return err
	}
	for _, index := range parts {
		part, err := gather.Records(mem, s.schema, gather.Rows{Record: rec, Index: index})
		if err != nil {
			return err
		}
		err = w.Write(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), out.out.Flush()); err != nil {
		return err
	}
	r, err := ipc.NewFileReader(io.NewSectionReader(s.file, s.end, out.size), ipc.WithAllocator(mem))
	if err != nil {
		return err
	}
	s.sections, s.end = append(s.sections, r), s.end+out.size
	return nil
}

// Sections returns the number of records that were written.
func (s *File) Sections() int { return len(s.sections) }

// Schema returns the schema of the records.
func (s *File) Schema() *arrow.Schema { return s.schema }

// Read returns part n of each section. The caller must release the records, even if
// there is an error.
func (s *File) Read(n int) (parts []arrow.Record, err error) {
	for _, r := range s.sections {
		rec, err := r.RecordAt(n)
		if err != nil {
			return parts, err
		}
		parts = append(parts, rec)
	}
	return parts, nil
}

// sectionWriter counts the bytes of an Arrow IPC file. Of io.Seeker it has only what
// the IPC writer uses: the current position.
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
		return 0, fs.ErrInvalid
	}
	return s.size, nil
}
