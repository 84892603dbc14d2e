package table

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// csvTable is the layout of delimited text.
type csvTable struct {
	in      input
	comma   byte
	comment byte
	cols    []column
	numeric []bool // columns in which NULL is null
	skip    int    // rows before the data: header, units, dashes
}

func openCSV(in input, o Options) (*csvTable, error) {
	t := &csvTable{in: in, comment: '#'}
	if o.Comma > 0x7f || o.Comment > 0x7f || o.Comma == '"' || o.Comma == '\n' || o.Comment == '"' {
		return nil, fmt.Errorf("Options has Comma %q and Comment %q: they must be ASCII and not a quote", o.Comma, o.Comment)
	}
	if o.Comment != 0 {
		t.comment = byte(o.Comment)
	}
	t.comma = byte(o.Comma)
	if t.comma == 0 {
		var err error
		if t.comma, err = t.findComma(); err != nil {
			return nil, err
		}
	}
	return t, t.readHeader()
}

func (t *csvTable) lines(comma byte) (*csvLines, error) {
	r, _, err := t.in.stream()
	if err != nil {
		return nil, err
	}
	return newCSVLines(r, comma, t.comment), nil
}

// findComma returns the delimiter that splits the first rows into the most fields,
// and the same number in each.
func (t *csvTable) findComma() (byte, error) {
	best, most := byte(','), 0.0
	var failed error
	for _, c := range []byte(",;\t|") {
		l, err := t.lines(c)
		if err != nil {
			return 0, err
		}
		score, err := scoreComma(l)
		if err != nil {
			failed = err
		}
		if score > most {
			best, most = c, score
		}
	}
	if most == 0 && failed != nil {
		return 0, failed
	}
	return best, nil
}

// scoreComma rates the delimiter of l by the first rows. Its error is that of the
// first row.
func scoreComma(l *csvLines) (float64, error) {
	const sample = 50
	width, same, n := 0, 0, 0
	for ; n < sample; n++ {
		if err := l.next(); err == io.EOF || err != nil && n > 0 {
			break
		} else if err != nil {
			return 0, err
		}
		if n == 0 {
			width = len(l.fields)
		}
		if len(l.fields) == width {
			same++
		}
	}
	if width < 2 {
		return 0, nil
	}
	share := float64(same) / float64(n)
	return share * share * share * float64(width), nil
}

func (t *csvTable) columns() []column { return t.cols }

// readHeader reads the names and, below them, the units that VizieR writes.
func (t *csvTable) readHeader() error {
	l, err := t.lines(t.comma)
	if err != nil {
		return err
	}
	l.keepComments = true
	if err := l.next(); err != nil {
		if err == io.EOF {
			err = errors.New("it has no rows")
		}
		return err
	}
	names := toStrings(l.fields)
	first, comment := l.start, string(l.lastComment)
	if hasNumber(l.fields) {
		if names, err = t.fromComment(comment, len(l.fields)); err != nil {
			return fmt.Errorf("line %d: %w", first, err)
		}
	} else {
		t.skip = 1
	}
	if n := len(names); n > 1 && names[n-1] == "" { // lines end with a delimiter
		names = names[:n-1]
	}
	t.cols = make([]column, len(names))
	for i, n := range names {
		t.cols[i] = column{name: n, typ: arrow.BinaryTypes.String}
	}
	unique(t.cols)
	if t.skip == 1 {
		t.readUnits(l)
	}
	return nil
}

// fromComment returns the names in the comment above the first row.
func (t *csvTable) fromComment(comment string, width int) ([]string, error) {
	l := newCSVLines(strings.NewReader(comment), t.comma, 0)
	if comment != "" && l.next() == nil && len(l.fields) == width && width > 1 && !hasNumber(l.fields) {
		return toStrings(l.fields), nil
	}
	return nil, errors.New("has numbers where the names of the columns should be: put a header above it")
}

// readUnits reads a row of units, if there is one, and a row of dashes.
func (t *csvTable) readUnits(l *csvLines) {
	var units []string
	for row := range 2 {
		if l.next() != nil {
			return
		}
		if areDashes(l.fields) {
			for i := range min(len(units), len(t.cols)) {
				t.cols[i].unit = units[i]
			}
			t.skip = row + 2
			return
		}
		units = toStrings(l.fields)
	}
}

func areDashes(fields [][]byte) bool {
	seen := false
	for _, f := range fields {
		for _, c := range f {
			if c != '-' {
				return false
			}
		}
		seen = seen || len(f) > 1
	}
	return seen
}

func hasNumber(fields [][]byte) bool {
	for _, f := range fields {
		if k := kindOf(f); k == isInt || k == isFloat {
			return true
		}
	}
	return false
}

func toStrings(fields [][]byte) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(toUTF8(f))
	}
	return out
}

// rows returns the lines after the header.
func (t *csvTable) rows() (*csvLines, error) {
	l, err := t.lines(t.comma)
	if err != nil {
		return nil, err
	}
	for range t.skip {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// nextRow reads a row and checks its width.
func (t *csvTable) nextRow(l *csvLines) error {
	if err := l.next(); err != nil {
		return err
	}
	n := len(l.fields)
	if n == len(t.cols) || n == len(t.cols)+1 && len(l.fields[n-1]) == 0 {
		return nil
	}
	return fmt.Errorf("line %d: %d fields, but the header has %d, delimited by %q", l.start, n, len(t.cols), t.comma)
}

func (t *csvTable) scan(want []int, rows int, mem memory.Allocator) (scanner, error) {
	l, err := t.rows()
	if err != nil {
		return nil, err
	}
	s := &csvScanner{t: t, l: l, want: want, rows: rows}
	for _, w := range want {
		s.builders = append(s.builders, array.NewBuilder(mem, t.cols[w].typ))
	}
	return s, nil
}

type csvScanner struct {
	t        *csvTable
	l        *csvLines
	want     []int
	rows     int
	builders []array.Builder
	err      error // that ended the scan
}

func (s *csvScanner) next() ([]arrow.Array, error) {
	n, size := 0, 0
	for s.err == nil && n < s.rows && size < maxBuffer {
		if s.err = s.t.nextRow(s.l); s.err != nil {
			break
		}
		if s.err = s.append(); s.err != nil {
			break
		}
		n++
		size += len(s.l.buf) + 8*len(s.want)
	}
	if s.err != nil && (s.err != io.EOF || n == 0) {
		return nil, s.err
	}
	return newArrays(s.builders), nil
}

func (s *csvScanner) append() error {
	for i, w := range s.want {
		f := s.l.fields[w]
		if s.t.numeric[w] && isNull(f) {
			f = nil
		}
		if err := appendText(s.builders[i], f); err != nil {
			return fmt.Errorf("line %d, column %q: %q: %w", s.l.start, s.t.cols[w].name, short(string(f)), err)
		}
	}
	return nil
}

func (s *csvScanner) close() { release(s.builders) }

func newArrays(builders []array.Builder) []arrow.Array {
	out := make([]arrow.Array, len(builders))
	for i, b := range builders {
		out[i] = b.NewArray()
	}
	return out
}

func release(builders []array.Builder) {
	for _, b := range builders {
		b.Release()
	}
}
