package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// csvLines splits CSV into rows of fields. It forgives what encoding/csv does
// not and catalogues have: blanks around quoted fields, and quotes in the middle
// of others. Both read alike what the RFC says.
type csvLines struct {
	r       *bufio.Reader
	comma   byte
	comment byte
	line    int // the last that was read
	start   int // the first of the row
	buf     []byte
	fields  [][]byte // of the row, until the next; trimmed
	noted   []byte   // the comment right above, without its mark
	keep    bool     // comments
}

func newCSVLines(r io.Reader, comma, comment byte) *csvLines {
	l := &csvLines{r: bufio.NewReaderSize(r, 256<<10), comma: comma, comment: comment}
	if b, _ := l.r.Peek(len(bom)); bytes.Equal(b, bom) {
		l.r.Discard(len(bom))
	}
	return l
}

// readLine appends a line to buf, with its end, and returns where it began.
func (l *csvLines) readLine() (int, error) {
	from := len(l.buf)
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(part) > maxUnit {
			return from, fmt.Errorf("line %d: goes on for more than %d MiB: is a quote left open, or is it no CSV?", max(l.start, 1), maxUnit>>20)
		}
		l.buf = append(l.buf, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(l.buf) > from {
			err = nil
		}
		if err == nil {
			l.line++
		}
		return from, err
	}
}

// next reads a row.
func (l *csvLines) next() error {
	for {
		l.buf = l.buf[:0]
		l.start = l.line + 1
		if _, err := l.readLine(); err != nil {
			if err != io.EOF {
				return err
			}
			return io.EOF
		}
		row := trimEnd(l.buf)
		if l.comma != '\t' { // tabs alone are a row of nulls
			row = trimBlanks(row)
		}
		switch {
		case len(row) == 0:
			continue
		case row[0] == l.comment:
			if l.keep {
				l.noted = append(l.noted[:0], bytes.TrimLeft(row, string(rune(l.comment)))...)
			}
			continue
		}
		return l.split()
	}
}

// split cuts the row that begins with the line in buf. Fields are kept as
// offsets until the row is whole, because lines of quoted fields move buf.
func (l *csvLines) split() error {
	l.fields = l.fields[:0]
	if bytes.IndexByte(l.buf, '"') < 0 {
		row := trimEnd(l.buf)
		for {
			i := bytes.IndexByte(row, l.comma)
			if i < 0 {
				l.fields = append(l.fields, trimBlanks(row))
				return nil
			}
			l.fields = append(l.fields, trimBlanks(row[:i]))
			if len(l.fields) > maxColumns {
				return l.tooMany()
			}
			row = row[i+1:]
		}
	}
	return l.splitQuoted()
}

func (l *csvLines) tooMany() error {
	return fmt.Errorf("line %d: more than %d fields", l.start, maxColumns)
}

type span struct{ from, to int }

func (l *csvLines) splitQuoted() error {
	var spans []span
	for at := 0; ; {
		s, end, err := l.field(at)
		if err != nil {
			return err
		}
		spans = append(spans, s)
		if len(spans) > maxColumns {
			return l.tooMany()
		}
		if end >= len(l.buf) || l.buf[end] != l.comma {
			break
		}
		at = end + 1
	}
	for _, s := range spans {
		l.fields = append(l.fields, l.buf[s.from:s.to])
	}
	return nil
}

// field reads the field at an offset of buf, and where it ends.
func (l *csvLines) field(at int) (span, int, error) {
	first := at
	for first < len(l.buf) && isBlank(l.buf[first]) && l.buf[first] != l.comma {
		first++
	}
	if first < len(l.buf) && l.buf[first] == '"' {
		return l.quoted(first)
	}
	end := len(trimEnd(l.buf))
	if i := bytes.IndexByte(l.buf[at:end], l.comma); i >= 0 {
		end = at + i
	}
	first = min(first, end)
	return span{first, first + len(trimBlanks(l.buf[first:end]))}, end, nil
}

// quoted reads a field from its quote on, reading on where it has newlines. It
// is unquoted in place.
func (l *csvLines) quoted(quote int) (span, int, error) {
	to := quote + 1 // what is written
	for at := quote + 1; ; {
		i := bytes.IndexByte(l.buf[at:], '"')
		if i < 0 {
			to += copy(l.buf[to:], l.buf[at:])
			l.buf = l.buf[:to]
			from, err := l.readLine()
			if err == io.EOF {
				err = errors.New("a quote is left open")
				return span{}, 0, fmt.Errorf("line %d: %w", l.start, err)
			}
			if err != nil {
				return span{}, 0, err
			}
			at = from
			continue
		}
		to += copy(l.buf[to:], l.buf[at:at+i])
		at += i + 1
		if at < len(l.buf) && l.buf[at] == '"' {
			l.buf[to] = '"'
			to, at = to+1, at+1
			continue
		}
		end := at
		for end < len(l.buf) && l.buf[end] != l.comma && isBlank(l.buf[end]) {
			end++
		}
		if end < len(l.buf) && l.buf[end] != l.comma && l.buf[end] != '\n' && l.buf[end] != '\r' {
			return span{}, 0, fmt.Errorf("line %d: text behind a quoted field: write a quote in it twice, or is the delimiter another than %q?", l.line, l.comma)
		}
		return span{quote + 1, to}, end, nil
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trimBlanks(s []byte) []byte {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func trimEnd(s []byte) []byte {
	if n := len(s); n > 0 && s[n-1] == '\n' {
		s = s[:n-1]
	}
	if n := len(s); n > 0 && s[n-1] == '\r' {
		s = s[:n-1]
	}
	return s
}
