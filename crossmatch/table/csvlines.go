package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// csvLines splits CSV into rows of fields. It accepts what encoding/csv does not but
// catalogues have: blanks around quoted fields, and quotes in the middle of other
// fields. Valid CSV, by RFC 4180, reads the same.
type csvLines struct {
	r            *bufio.Reader
	comma        byte
	comment      byte
	line         int // the last one read
	start        int // the first one of the row
	buf          []byte
	fields       [][]byte // of the row, trimmed; valid until the next
	lastComment  []byte   // without its mark
	keepComments bool     // store the last comment
}

func newCSVLines(r io.Reader, comma, comment byte) *csvLines {
	l := &csvLines{r: bufio.NewReaderSize(r, 256<<10), comma: comma, comment: comment}
	if b, _ := l.r.Peek(len(bom)); bytes.Equal(b, bom) {
		l.r.Discard(len(bom))
	}
	return l
}

// readLine appends a line with its end to buf, and returns where it begins.
func (l *csvLines) readLine() (int, error) {
	from := len(l.buf)
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(part) > maxBuffer {
			return from, fmt.Errorf("line %d: longer than %d MiB: is a quote left open, or is it not CSV?", max(l.start, 1), maxBuffer>>20)
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
		if l.comma != '\t' { // a row of tabs alone has nulls
			row = trimBlanks(row)
		}
		switch {
		case len(row) == 0:
			continue
		case row[0] == l.comment:
			if l.keepComments {
				l.lastComment = append(l.lastComment[:0], bytes.TrimLeft(row, string(rune(l.comment)))...)
			}
			continue
		}
		return l.split()
	}
}

// split splits the row that begins with the line in buf.
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

// bounds are the bounds of a field in buf, which moves while a row is read.
type bounds struct{ from, to int }

func (l *csvLines) splitQuoted() error {
	var fields []bounds
	for at := 0; ; {
		f, end, err := l.field(at)
		if err != nil {
			return err
		}
		fields = append(fields, f)
		if len(fields) > maxColumns {
			return l.tooMany()
		}
		if end >= len(l.buf) || l.buf[end] != l.comma {
			break
		}
		at = end + 1
	}
	for _, f := range fields {
		l.fields = append(l.fields, l.buf[f.from:f.to])
	}
	return nil
}

// field returns the field at an offset of buf, and its end with blanks.
func (l *csvLines) field(at int) (bounds, int, error) {
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
	return bounds{first, first + len(trimBlanks(l.buf[first:end]))}, end, nil
}

// quoted returns the field at a quote, unquoted in place. It reads more lines if the
// field has newlines.
func (l *csvLines) quoted(quote int) (bounds, int, error) {
	to := quote + 1 // end of the unquoted text
	for at := quote + 1; ; {
		i := bytes.IndexByte(l.buf[at:], '"')
		if i < 0 {
			to += copy(l.buf[to:], l.buf[at:])
			l.buf = l.buf[:to]
			from, err := l.readLine()
			if err == io.EOF {
				return bounds{}, 0, fmt.Errorf("line %d: a quote is left open", l.start)
			}
			if err != nil {
				return bounds{}, 0, err
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
			return bounds{}, 0, fmt.Errorf("line %d: text after a quoted field: double the quotes within it, or is the delimiter not %q?", l.line, l.comma)
		}
		return bounds{quote + 1, to}, end, nil
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
