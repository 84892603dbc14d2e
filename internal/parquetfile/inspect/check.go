package inspect

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// File is the bytes of a Parquet file.
type File interface {
	io.ReaderAt
	Size() int64
}

// Options says what Check does. The zero value reads only the footer and the
// page headers.
type Options struct {
	Deep bool // decode every value, verify checksums and statistics
}

// Info counts what a file holds.
type Info struct {
	Rows    int64
	Groups  int // row groups
	Pages   int
	Checked int // pages whose checksum was verified
}

// Check checks a whole file. The error says where it is damaged.
func Check(f File, o Options) (info Info, err error) { return check(f, o, o.Deep) }

// check is Check. It compares the values with the statistics only if bounds is set,
// because other writers may have cut them short.
func check(f File, o Options, bounds bool) (info Info, err error) {
	defer recovered(&err)
	r, err := open(f)
	if err != nil {
		return Info{}, err
	}
	defer r.Close()
	var stats map[[2]int]*statistics
	if bounds {
		if stats, err = readStatistics(f); err != nil {
			return info, err
		}
	}
	info.Rows, info.Groups = r.NumRows(), r.NumRowGroups()
	var rows int64
	for g := range info.Groups {
		md := r.MetaData().RowGroup(g)
		rows += md.NumRows()
		for c := range md.NumColumns() {
			chunk, err := md.ColumnChunk(c)
			if err == nil {
				err = info.chunk(f, chunk, o.Deep)
			}
			if err == nil && o.Deep {
				err = checkValues(r.RowGroup(g), c, stats[[2]int{g, c}])
			}
			if err != nil {
				return info, fmt.Errorf("row group %d, column %s: %w", g, r.MetaData().Schema.Column(c).Path(), err)
			}
		}
	}
	if rows != info.Rows {
		return info, fmt.Errorf("the footer counts %d rows, its row groups %d", info.Rows, rows)
	}
	return info, nil
}

// checkValues decodes a column chunk and compares it with the footer.
func checkValues(g *file.RowGroupReader, column int, s *statistics) error {
	m, err := g.MetaData().ColumnChunk(column)
	if err != nil {
		return err
	}
	v, err := decode(g, column)
	switch {
	case err != nil:
		return err
	case v.entries != m.NumValues():
		return fmt.Errorf("%d of %d values can be read", v.entries, m.NumValues())
	case v.rows != g.NumRows():
		return fmt.Errorf("its values make %d rows, not %d", v.rows, g.NumRows())
	}
	return s.check(v)
}

// Schema returns the schema of a file.
func Schema(f File) (s *arrow.Schema, err error) {
	defer recovered(&err)
	r, err := open(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	return p.Schema()
}

// recovered turns a panic into an error: Arrow's reader does not check what it
// reads.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("unreadable: %v", p)
	}
}

const magic = "PAR1"

// open reads the footer. Arrow's reader does not check the first bytes.
func open(f File) (*file.Reader, error) {
	if f.Size() < 12 {
		return nil, fmt.Errorf("%d bytes are too few for a Parquet file", f.Size())
	}
	var head, tail [4]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if err := readAt(f, tail[:], f.Size()-4); err != nil {
		return nil, err
	}
	if string(head[:]) != magic || string(tail[:]) != magic {
		return nil, errors.New("not a Parquet file: it does not begin and end with " + magic)
	}
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true // reads a page at a time, not a column chunk
	r, err := file.NewParquetReader(io.NewSectionReader(f, 0, f.Size()), file.WithReadProps(props))
	if err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return r, nil
}

// readAt fills buf, which may end where the file ends.
func readAt(f io.ReaderAt, buf []byte, at int64) error {
	n, err := f.ReadAt(buf, at)
	if n == len(buf) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// chunk checks that the pages of a column chunk fill it exactly and hold all its
// values. With verify, it also compares pages with their checksums.
func (info *Info) chunk(f File, m *metadata.ColumnChunkMetaData, verify bool) error {
	at := m.DataPageOffset()
	if m.HasDictionaryPage() {
		at = min(at, m.DictionaryPageOffset())
	}
	end := at + m.TotalCompressedSize()
	if at < int64(len(magic)) || end < at || end > f.Size() {
		return fmt.Errorf("lies at %d to %d of a file of %d bytes", at, end, f.Size())
	}
	var values, raw int64
	for n := 0; at < end; n++ {
		h, size, err := readPage(f, at, end)
		if err != nil {
			return fmt.Errorf("header of page %d: %w", n, err)
		}
		body := at + int64(size)
		if h.stored > end-body {
			return fmt.Errorf("page %d is longer than its column", n)
		}
		if h.hasCRC && verify {
			if err := checksum(f, body, h); err != nil {
				return fmt.Errorf("page %d: %w", n, err)
			}
			info.Checked++
		}
		if h.typ != pageDictionary {
			values += h.values
		}
		raw += int64(size) + h.raw
		at = body + h.stored
		info.Pages++
	}
	if values != m.NumValues() {
		return fmt.Errorf("its pages hold %d values, not %d", values, m.NumValues())
	}
	if raw != m.TotalUncompressedSize() {
		return fmt.Errorf("its pages hold %d bytes uncompressed, not %d", raw, m.TotalUncompressedSize())
	}
	return nil
}
