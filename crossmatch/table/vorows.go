package table

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// voScanner makes arrays of the rows of a VOTable.
type voScanner struct {
	p        *voParser
	from     voRows // nil: they have not begun, or are over
	rows     int
	row      int64           // the last that was read
	wanted   []array.Builder // in the order asked for
	builders []array.Builder // of all columns, nil where not wanted
	err      error
}

func newVOScanner(t *voTable, p *voParser, want []int, rows int, mem memory.Allocator) *voScanner {
	s := &voScanner{p: p, rows: rows, builders: make([]array.Builder, len(t.cols))}
	for _, w := range want {
		b := array.NewBuilder(mem, t.cols[w].typ)
		s.wanted = append(s.wanted, b)
		s.builders[w] = b
	}
	switch {
	case p.data == "":
		s.err = io.EOF
	case p.data == "TABLEDATA" && p.src.closed():
		s.err = p.finish()
	case p.data == "TABLEDATA":
		s.from = &tableData{src: p.src, cols: p.cols}
	default:
		s.from, s.err = newBinaryRows(p)
	}
	return s
}

func (s *voScanner) next() ([]arrow.Array, error) {
	n, size := 0, 0
	for s.err == nil && n < s.rows && size < maxUnit {
		bytes, err := s.from.row(s.builders)
		if err == io.EOF {
			s.err = s.p.finish()
			break
		}
		if err != nil {
			s.err = s.located(err)
			return nil, s.err
		}
		s.row++
		n++
		size += bytes + 8*len(s.wanted)
	}
	// What a service says behind its rows does not undo them.
	if n == 0 {
		return nil, s.err
	}
	return newArrays(s.wanted), nil
}

// located says where in the rows something was.
func (s *voScanner) located(err error) error {
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return fmt.Errorf("row %d: no base64", s.row+1)
	}
	if s.p.data == "TABLEDATA" {
		return fmt.Errorf("line %d, row %d: %w", s.p.src.line, s.row+1, err)
	}
	return fmt.Errorf("row %d: %w", s.row+1, err)
}

func (s *voScanner) close() { release(s.wanted) }
