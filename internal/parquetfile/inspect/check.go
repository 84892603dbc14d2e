package inspect

import (
	"errors"
	"fmt"
	"hash/crc32"
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

// Options says how closely to look.
type Options struct {
	Deep bool // decode every value
}

// Info is what a file says of itself.
type Info struct {
	Rows   int64
	Groups int
	Pages  int
	// Checked counts the pages whose checksum was found right.
	Checked int
}

// Check looks at a whole file. An error says where it is damaged.
func Check(f File, o Options) (info Info, err error) {
	defer recovered(&err)
	r, err := open(f)
	if err != nil {
		return Info{}, err
	}
	defer r.Close()
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
				err = decode(r.RowGroup(g), c, chunk.NumValues())
			}
			if err != nil {
				return info, fmt.Errorf("row group %d, column %s: %w", g, r.MetaData().Schema.Column(c).Path(), err)
			}
		}
	}
	if rows != info.Rows {
		return info, fmt.Errorf("footer counts %d rows, its row groups %d", info.Rows, rows)
	}
	return info, nil
}

// Schema reads the schema of a file.
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

// recovered turns a panic of the Parquet reader, which trusts what it reads,
// into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("unreadable: %v", p)
	}
}

const magic = "PAR1"

// open reads the footer. Arrow's reader does not look at the first bytes.
func open(f File) (*file.Reader, error) {
	if f.Size() < 12 {
		return nil, fmt.Errorf("%d bytes are no Parquet file", f.Size())
	}
	var head, tail [4]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if err := readAt(f, tail[:], f.Size()-4); err != nil {
		return nil, err
	}
	if string(head[:]) != magic || string(tail[:]) != magic {
		return nil, errors.New("no Parquet file: it does not begin and end with " + magic)
	}
	r, err := file.NewParquetReader(io.NewSectionReader(f, 0, f.Size()), file.WithReadProps(properties()))
	if err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return r, nil
}

func properties() *parquet.ReaderProperties {
	p := parquet.NewReaderProperties(memory.DefaultAllocator)
	p.BufferedStreamEnabled = true // a page at a time, not a chunk
	return p
}

// readAt reads all of buf, also where the file ends with it.
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

// chunk walks over the pages of a column chunk: they must fill it exactly, and
// hold as many values as it should.
func (info *Info) chunk(f File, m *metadata.ColumnChunkMetaData, sums bool) error {
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
		p, size, err := readPage(f, at, end)
		if err != nil {
			return fmt.Errorf("header of page %d: %w", n, err)
		}
		body := at + int64(size)
		if p.stored > end-body {
			return fmt.Errorf("page %d is longer than its column", n)
		}
		if p.checked && sums {
			if err := checksum(f, body, p); err != nil {
				return fmt.Errorf("page %d: %w", n, err)
			}
			info.Checked++
		}
		if p.typ == pageData || p.typ == pageDataV2 {
			values += p.values
		}
		raw += int64(size) + p.raw
		at = body + p.stored
		info.Pages++
	}
	if values != m.NumValues() {
		return fmt.Errorf("its pages hold %d values, not %d", values, m.NumValues())
	}
	if raw != m.TotalUncompressedSize() {
		return fmt.Errorf("its pages come to %d bytes, not %d", raw, m.TotalUncompressedSize())
	}
	return nil
}

// A page header has seldom more than a hundred bytes, and statistics in it may
// make it longer.
const (
	usualHeader = 128
	mostHeader  = 1 << 20
)

func readPage(f File, at, end int64) (page, int, error) {
	for room := int64(usualHeader); ; room *= 8 {
		buf := make([]byte, min(room, end-at))
		if err := readAt(f, buf, at); err != nil {
			return page{}, 0, err
		}
		p, n, err := parsePage(buf)
		if err == errShort && room < min(end-at, mostHeader) {
			continue
		}
		if err == nil && (!p.known || p.typ != pageData && p.typ != pageDataV2 && p.typ != pageDictionary) {
			err = fmt.Errorf("a page of type %d", p.typ)
		}
		return p, n, err
	}
}

func checksum(f File, at int64, p page) error {
	sum := crc32.NewIEEE()
	if n, err := io.Copy(sum, io.NewSectionReader(f, at, p.stored)); err != nil || n < p.stored {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	if sum.Sum32() != p.crc {
		return errors.New("its checksum is wrong")
	}
	return nil
}
