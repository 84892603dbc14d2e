package table

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// checkIndices checks the dictionary indices in the pages of a column: the library
// allocates memory for the largest before it notices that there is no such entry.
// This unpacks the pages once more.
func checkIndices(f *file.Reader, group, leaf int) error {
	pages, err := f.RowGroup(group).GetColumnPageReader(leaf)
	if err != nil {
		return err
	}
	optional := f.MetaData().Schema.Column(leaf).MaxDefinitionLevel() > 0
	entries := int64(0)
	for pages.Next() {
		switch p := pages.Page().(type) {
		case *file.DictionaryPage:
			entries = int64(p.NumValues())
		case *file.DataPageV1:
			if indexed(parquet.Encoding(p.Encoding())) {
				b, err := withoutLevels(p, optional)
				if err != nil {
					return err
				}
				if err := checkRuns(b, entries); err != nil {
					return err
				}
			}
		case *file.DataPageV2:
			if indexed(parquet.Encoding(p.Encoding())) {
				n := int64(p.DefinitionLevelByteLen()) + int64(p.RepetitionLevelByteLen())
				if n > int64(len(p.Data())) {
					return errThrift
				}
				if err := checkRuns(p.Data()[n:], entries); err != nil {
					return err
				}
			}
		}
	}
	return pages.Err()
}

// indexed reports whether an encoding is one of dictionary indices.
func indexed(e parquet.Encoding) bool {
	return e == parquet.Encodings.RLEDict || e == parquet.Encodings.PlainDict
}

// withoutLevels returns the values of a page of version 1, which follow its levels.
func withoutLevels(p *file.DataPageV1, optional bool) ([]byte, error) {
	b := p.Data()
	if !optional {
		return b, nil
	}
	n := (int64(p.NumValues()) + 7) / 8 // bits, in old files
	if parquet.Encoding(p.DefinitionLevelEncoding()) == parquet.Encodings.RLE {
		if len(b) < 4 {
			return nil, errThrift
		}
		n = 4 + int64(binary.LittleEndian.Uint32(b))
	}
	if n > int64(len(b)) {
		return nil, errThrift
	}
	return b[n:], nil
}

// checkRuns checks runs of indices, which follow a byte with their width in bits.
// The width may exceed what the number of entries needs, but not by much.
func checkRuns(b []byte, entries int64) error {
	if len(b) == 0 {
		return nil
	}
	width := int64(b[0])
	if width > 32 || int64(1)<<width > max(4096, 32*entries) {
		return errThrift
	}
	for b = b[1:]; len(b) > 0; {
		head, n := binary.Uvarint(b)
		if n <= 0 || head > 1<<40 {
			return errThrift
		}
		b = b[n:]
		size := (width + 7) / 8
		if head&1 == 1 {
			size = int64(head>>1) * width
		}
		if size > int64(len(b)) {
			// The last run may be truncated after the values.
			size = int64(len(b))
		} else if head&1 == 0 {
			var v [8]byte
			copy(v[:], b[:size])
			if int64(binary.LittleEndian.Uint64(v[:])) >= max(entries, 1) {
				return errThrift
			}
		}
		b = b[size:]
	}
	return nil
}
