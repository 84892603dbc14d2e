package table

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// StatusError is what a service said instead of a table, or behind one that it
// did not send whole.
type StatusError struct {
	Status  string // ERROR, or OVERFLOW where rows were left out
	Message string
}

func (e *StatusError) Error() string {
	switch {
	case e.Status == "OVERFLOW" && e.Message == "":
		return "the service left out rows beyond its limit (OVERFLOW)"
	case e.Message == "":
		return "the service answered " + e.Status
	}
	return "the service answered " + e.Status + ": " + e.Message
}

// voTable is the layout of a VOTable. What it knows of the rows it finds again
// when they are read: a header is short.
type voTable struct {
	in    input
	cols  []column
	parts []voColumn
}

func openVOTable(in input) (*voTable, error) {
	p, err := newVOParser(in)
	if err != nil {
		return nil, err
	}
	if err := p.readHeader(); err != nil {
		return nil, err
	}
	t := &voTable{in: in, cols: make([]column, len(p.cols)), parts: p.cols}
	for i := range p.cols {
		t.cols[i] = p.cols[i].settle()
	}
	unique(t.cols)
	return t, nil
}

func (t *voTable) columns() []column   { return t.cols }
func (t *voTable) prepare([]int) error { return nil }

func (t *voTable) scan(want []int, rows int, mem memory.Allocator) (scanner, error) {
	p, err := newVOParser(t.in)
	if err != nil {
		return nil, err
	}
	if err := p.readHeader(); err != nil {
		return nil, err
	}
	return newVOScanner(t, p, want, rows, mem), nil
}

// maxDepth of elements: the standard's own nest to a dozen.
const maxDepth = 64

// voParser reads a VOTable up to its rows, and what follows them.
type voParser struct {
	src    *voSource
	dec    *xml.Decoder
	depth  int
	cols   []voColumn
	data   string       // the element that rows are in; empty: there are none
	status *StatusError // that rows were left out
}

func newVOParser(in input) (*voParser, error) {
	r, _, err := in.stream()
	if err != nil {
		return nil, err
	}
	p := &voParser{src: &voSource{r: bufio.NewReaderSize(r, 64<<10), line: 1}}
	if b, _ := p.src.r.Peek(len(bom)); string(b) == string(bom) {
		p.src.r.Discard(len(bom))
	}
	p.dec = xml.NewDecoder(p.src)
	p.dec.Entity = xml.HTMLEntity
	p.dec.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
			p.src.latin = true
			return p.src, nil
		}
		return nil, fmt.Errorf("its encoding is %q: make it UTF-8", clip(charset))
	}
	return p, nil
}

// token reads the next token of XML.
func (p *voParser) token() (xml.Token, error) {
	p.src.left = maxUnit
	tok, err := p.dec.Token()
	if err != nil {
		return nil, p.located(err)
	}
	switch tok.(type) {
	case xml.StartElement:
		if p.depth++; p.depth > maxDepth {
			return nil, fmt.Errorf("line %d: elements nested more than %d deep", p.src.line, maxDepth)
		}
	case xml.EndElement:
		p.depth--
	}
	return tok, nil
}

// located says where an error of XML is: the decoder does not see all lines.
func (p *voParser) located(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return fmt.Errorf("line %d: it is cut short: %w", p.src.line, io.ErrUnexpectedEOF)
	case syntax != nil:
		return fmt.Errorf("line %d: no valid XML: %s", p.src.line, clip(syntax.Msg))
	}
	if text := err.Error(); len(text) > 200 { // it quotes the file
		return fmt.Errorf("line %d: no valid XML: %s", p.src.line, clip(text))
	}
	return fmt.Errorf("line %d: %w", p.src.line, err)
}

// readHeader reads up to the rows of the first table that has some.
func (p *voParser) readHeader() error {
	for {
		tok, err := p.token()
		if err == io.EOF {
			return p.withoutRows()
		}
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if p.depth == 1 && start.Name.Local != "VOTABLE" {
			return fmt.Errorf("it is <%s>, no VOTable: is it an error page?", clip(start.Name.Local))
		}
		if done, err := p.element(start); done || err != nil {
			return err
		}
	}
}

// withoutRows tells what a document is that has no rows: a table without DATA
// is empty.
func (p *voParser) withoutRows() error {
	if p.status != nil {
		return p.status
	}
	if len(p.cols) == 0 {
		return errors.New("it has no table")
	}
	return nil
}

// element looks at an element before the rows; done is that they begin.
func (p *voParser) element(e xml.StartElement) (done bool, err error) {
	switch e.Name.Local {
	case "TABLE":
		p.cols = nil
	case "FIELD":
		if len(p.cols) == maxColumns {
			return false, fmt.Errorf("line %d: more than %d fields", p.src.line, maxColumns)
		}
		return false, p.readField(e)
	case "INFO":
		return false, p.readInfo(e)
	case "TABLEDATA", "BINARY", "BINARY2":
		if len(p.cols) == 0 {
			return false, fmt.Errorf("line %d: rows of a table that has no FIELD", p.src.line)
		}
		p.data = e.Name.Local
		return true, nil
	case "FITS":
		return false, fmt.Errorf("line %d: its rows are in FITS, which is not read inside a VOTable", p.src.line)
	}
	return false, nil
}

// readInfo reads what a service says of itself.
func (p *voParser) readInfo(e xml.StartElement) error {
	name, value := attribute(e, "name"), attribute(e, "value")
	text, err := p.text()
	if err != nil {
		return err
	}
	switch {
	case strings.EqualFold(name, "QUERY_STATUS") && strings.EqualFold(value, "ERROR"):
		return &StatusError{Status: "ERROR", Message: text}
	case strings.EqualFold(name, "QUERY_STATUS") && strings.EqualFold(value, "OVERFLOW"):
		p.status = &StatusError{Status: "OVERFLOW", Message: text}
	case strings.EqualFold(name, "Error"): // of the first protocols
		return &StatusError{Status: "ERROR", Message: strings.TrimSpace(value + " " + text)}
	}
	return nil
}

// text reads the text of the element that began, to its end, the first of it.
func (p *voParser) text() (string, error) {
	const most = 4096
	var b strings.Builder
	for depth := p.depth; p.depth >= depth; {
		tok, err := p.token()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		if c, ok := tok.(xml.CharData); ok && b.Len() < most {
			b.Write(c[:min(len(c), most-b.Len())])
		}
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(b.String()), " "), ""), nil
}

// finish reads what follows the rows, where services say that they left out some.
func (p *voParser) finish() error {
	for {
		tok, err := p.token()
		if err == io.EOF {
			if p.status != nil {
				return p.status
			}
			return io.EOF
		}
		if err != nil {
			return err
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "INFO" {
			if err := p.readInfo(e); err != nil {
				return err
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
