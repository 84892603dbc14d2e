package cds

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth is how deep elements may be in each other: a VOTable needs ten.
const maxDepth = 64

// column is a FIELD of a VOTable.
type column struct {
	name, datatype, arraysize, unit string
	null                            string // the text that means null
}

// cell is a value of a row, as text.
type cell struct {
	text string
	null bool
}

// status is what a VOTable says of the query: ERROR, OVERFLOW, OK, or nothing.
type status struct{ value, text string }

// votable reads a VOTable as a stream, of which it takes the first table.
type votable struct {
	decoder *xml.Decoder
	path    []string // of elements that are open
	status  status
	tables  int
	all     []column
	cells   []cell
	begun   bool // columns has been called
	columns func([]column) error
	take    func([]cell) error
}

// readTable calls columns with the columns of the first table, and take with
// each of its rows. The cells are good until take returns. It fails unless the
// document is whole.
func readTable(from io.Reader, columns func([]column) error, take func([]cell) error) (status, error) {
	v := &votable{decoder: newDecoder(from), columns: columns, take: take}
	err := v.document()
	return v.status, err
}

// message is what an error's VOTable says; "" if it is none. The service adds
// where in its program that was.
func message(from io.Reader) string {
	v := &votable{decoder: newDecoder(from), columns: func([]column) error { return nil }, take: func([]cell) error { return nil }}
	_ = v.document() // cut or not, what it says is of use
	if v.status.value != "ERROR" {
		return ""
	}
	return v.status.text
}

func newDecoder(from io.Reader) *xml.Decoder {
	d := xml.NewDecoder(from)
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(name) {
		case "iso-8859-1", "latin1", "us-ascii", "ascii":
			return &latin1{from: in}, nil
		}
		return nil, fmt.Errorf("the encoding %q is not known", name)
	}
	return d
}

// document reads until the end.
func (v *votable) document() error {
	root := false
	for {
		t, err := v.next()
		if err == io.EOF {
			return v.end(root)
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if !root && t.Name.Local != "VOTABLE" {
				return fmt.Errorf("the reply is no VOTable but <%s>", short(t.Name.Local))
			}
			root = true
			if err := v.open(t); err != nil {
				return err
			}
		case xml.EndElement:
			if t.Name.Local == "TABLE" && v.tables == 1 {
				if err := v.begin(); err != nil {
					return err
				}
			}
		}
	}
}

func (v *votable) end(root bool) error {
	switch {
	case !root:
		return errors.New("the reply is no VOTable")
	case v.tables == 0 && v.status.value != "OK" && v.status.value != "OVERFLOW":
		return errors.New("the reply has no table")
	}
	return nil
}

// next returns the next token, and keeps the path.
func (v *votable) next() (xml.Token, error) {
	t, err := v.decoder.Token()
	if err != nil {
		var bad *xml.SyntaxError
		if errors.As(err, &bad) && bad.Msg == "unexpected EOF" {
			return nil, fmt.Errorf("the reply is cut in line %d: %w", bad.Line, io.ErrUnexpectedEOF)
		}
		if err != io.EOF {
			err = fmt.Errorf("the reply: %w", err)
		}
		return nil, err
	}
	switch t := t.(type) {
	case xml.StartElement:
		if len(v.path) == maxDepth {
			return nil, fmt.Errorf("the reply has elements %d deep", maxDepth+1)
		}
		v.path = append(v.path, t.Name.Local)
	case xml.EndElement:
		v.path = v.path[:len(v.path)-1]
	}
	return t, nil
}

// within is the element around the one that has just been opened.
func (v *votable) within() string {
	if len(v.path) < 2 {
		return ""
	}
	return v.path[len(v.path)-2]
}

func (v *votable) open(e xml.StartElement) error {
	switch e.Name.Local {
	case "INFO":
		return v.info(e)
	case "TABLE":
		v.tables++
		return nil
	}
	if v.tables != 1 {
		return nil
	}
	switch e.Name.Local {
	case "FIELD":
		if v.begun {
			return errors.New("the reply has a FIELD after the data")
		}
		v.all = append(v.all, column{
			name: attribute(e, "name"), datatype: attribute(e, "datatype"),
			arraysize: attribute(e, "arraysize"), unit: attribute(e, "unit"),
		})
	case "VALUES":
		if v.within() == "FIELD" && len(v.all) > 0 {
			v.all[len(v.all)-1].null = strings.TrimSpace(attribute(e, "null"))
		}
	case "DATA":
		return v.begin()
	case "TR":
		return v.row()
	case "STREAM":
		return v.stream(e)
	}
	return nil
}

// begin hands over the columns, once.
func (v *votable) begin() error {
	if v.begun {
		return nil
	}
	v.begun = true
	v.cells = make([]cell, len(v.all))
	return v.columns(v.all)
}

// info reads an INFO, which may be the status. What is worst counts, for an
// error may come after the rows.
func (v *votable) info(e xml.StartElement) error {
	text, err := v.text()
	if attribute(e, "name") != "QUERY_STATUS" && attribute(e, "ID") != "QUERY_STATUS" {
		return err
	}
	value := strings.ToUpper(strings.TrimSpace(attribute(e, "value")))
	if v.status.value == "ERROR" || v.status.value == "OVERFLOW" && value != "ERROR" {
		return err
	}
	text, _, _ = strings.Cut(text, "Trace:")
	text = strings.TrimPrefix(strings.TrimSpace(text), "Message:")
	v.status = status{value: value, text: short(text)}
	return err
}

// row reads a TR.
func (v *votable) row() error {
	if !v.begun {
		return errors.New("the reply has a row outside of the data")
	}
	for n := 0; ; {
		t, err := v.next()
		if err != nil {
			return whole(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local != "TD" || n == len(v.cells) {
				return fmt.Errorf("the reply has a row with <%s> beyond its %d cells", short(t.Name.Local), n)
			}
			text, err := v.text()
			if err != nil {
				return err
			}
			v.cells[n] = makeCell(v.all[n], text)
			n++
		case xml.EndElement:
			if n < len(v.cells) {
				return fmt.Errorf("the reply has a row of %d cells instead of %d", n, len(v.cells))
			}
			return v.take(v.cells)
		}
	}
}

func makeCell(c column, text string) cell {
	text = strings.TrimSpace(text)
	return cell{text: text, null: text == "" || c.null != "" && text == c.null}
}

// text reads to the end of the element that has just been opened, and returns
// the text that is directly in it.
func (v *votable) text() (string, error) {
	var b strings.Builder
	for depth := len(v.path); ; {
		t, err := v.next()
		if err != nil {
			return b.String(), whole(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			if len(v.path) == depth {
				b.Write(t)
			}
		case xml.EndElement:
			if len(v.path) < depth {
				return b.String(), nil
			}
		}
	}
}

// whole makes an end within an element an error.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// latin1 turns ISO 8859-1 into UTF-8.
type latin1 struct {
	from io.Reader
	rest []byte
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		raw := make([]byte, 4096)
		n, err := l.from.Read(raw)
		if n == 0 {
			return 0, err
		}
		for _, b := range raw[:n] {
			l.rest = append(l.rest, string(rune(b))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
