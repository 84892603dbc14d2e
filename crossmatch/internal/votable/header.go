package votable

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxDepth of elements: the standard's own nest to a dozen.
	maxDepth = 64
	// maxFields bounds what a header of nothing but names can make of itself.
	maxFields = 10_000
	// maxText is how much is kept of a description or message.
	maxText = 4096
)

func newDecoder(src *source) *xml.Decoder {
	d := xml.NewDecoder(src)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
			src.latin = true
			return src, nil
		}
		return nil, fmt.Errorf("the encoding %.60q is not known: make it UTF-8", charset)
	}
	return d
}

// token reads the next token of XML.
func (r *Reader) token() (xml.Token, error) {
	r.src.left = maxUnit
	tok, err := r.dec.Token()
	if err != nil {
		return nil, r.syntax(err)
	}
	switch tok.(type) {
	case xml.StartElement:
		if r.depth++; r.depth > maxDepth {
			return nil, r.errorf("elements nested more than %d deep", maxDepth)
		}
	case xml.EndElement:
		r.depth--
	}
	return tok, nil
}

// inside is token where the document must not end.
func (r *Reader) inside() (xml.Token, error) {
	tok, err := r.token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return tok, err
}

// syntax says where an error of XML is: the decoder does not see all lines.
func (r *Reader) syntax(err error) error {
	const most = 60 // of what quotes the file
	var syntax *xml.SyntaxError
	isSyntax, text := errors.As(err, &syntax), err.Error()
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), isSyntax && strings.Contains(syntax.Msg, "unexpected EOF"):
		return r.errorf("it is cut short: %w", io.ErrUnexpectedEOF)
	case isSyntax:
		text = syntax.Msg
	case len(text) <= 200:
		return r.errorf("%w", err)
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return r.errorf("no valid XML: %s", text)
}

func (r *Reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.src.line}, args...)...)
}

// readHeader reads up to the rows of the first table that has some.
func (r *Reader) readHeader() error {
	for root := false; ; {
		tok, err := r.token()
		if err == io.EOF {
			return r.withoutRows(root)
		}
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			if r.depth < r.data {
				r.data = 0
			}
			continue
		}
		if r.depth == 1 && start.Name.Local != "VOTABLE" {
			return fmt.Errorf("it is <%.60s>, no VOTable: is it an error page?", start.Name.Local)
		}
		root = true
		if err := r.element(start); err != nil || r.kind != "" {
			return err
		}
	}
}

// withoutRows tells what a document is that has no rows: a table without DATA
// is empty.
func (r *Reader) withoutRows(root bool) error {
	if !root {
		return errors.New("it is no VOTable")
	}
	if r.left != nil {
		return r.left
	}
	return nil
}

// element looks at an element before the rows.
func (r *Reader) element(e xml.StartElement) error {
	if r.data > 0 && r.depth == r.data+1 {
		return r.encoding(e)
	}
	switch e.Name.Local {
	case "TABLE":
		r.fields = []Field{}
	case "FIELD":
		return r.readField(e)
	case "INFO":
		return r.readInfo(e)
	case "DATA":
		r.data = r.depth
	case "TABLEDATA", "BINARY", "BINARY2", "FITS", "STREAM", "TR", "TD":
		return r.errorf("<%s> outside of the data", e.Name.Local)
	}
	return nil
}

// encoding looks at an element of DATA, which says how rows are written.
func (r *Reader) encoding(e xml.StartElement) error {
	switch name := e.Name.Local; name {
	case "INFO":
		return r.readInfo(e)
	case "TABLEDATA", "BINARY", "BINARY2":
		if len(r.fields) == 0 {
			return r.errorf("rows of a table that has no FIELD")
		}
		r.kind = name
		return nil
	case "FIELD":
		return r.errorf("a FIELD after the data began")
	default:
		return r.errorf("its rows are in %.60s, which is not read inside a VOTable", name)
	}
}

// readField reads a FIELD with what stands in it.
func (r *Reader) readField(e xml.StartElement) error {
	if len(r.fields) == maxFields {
		return r.errorf("more than %d fields", maxFields)
	}
	f := Field{
		Name: attribute(e, "name"), Unit: attribute(e, "unit"), UCD: attribute(e, "ucd"),
		Datatype: attribute(e, "datatype"), ArraySize: strings.TrimSpace(attribute(e, "arraysize")),
	}
	if f.Name == "" {
		f.Name = attribute(e, "ID")
	}
	line := r.src.line
	for depth := r.depth; r.depth >= depth; {
		tok, err := r.inside()
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "DESCRIPTION":
			if f.Description, err = r.text(); err != nil {
				return err
			}
		case "VALUES":
			f.Null = strings.TrimSpace(attribute(start, "null"))
		}
	}
	if err := f.shape(); err != nil {
		f.Err = fmt.Errorf("line %d, column %.60q: %w", line, f.Name, err)
	}
	r.fields = append(r.fields, f)
	return nil
}

// readInfo reads what a service says of itself. An error is one though its
// message is cut.
func (r *Reader) readInfo(e xml.StartElement) error {
	name, value := attribute(e, "name"), strings.ToUpper(strings.TrimSpace(attribute(e, "value")))
	isStatus := strings.EqualFold(name, "QUERY_STATUS") || attribute(e, "ID") == "QUERY_STATUS"
	text, err := r.text()
	switch {
	case isStatus && value == "ERROR":
		return &StatusError{Status: "ERROR", Message: text}
	case strings.EqualFold(name, "Error"): // of the first protocols
		return &StatusError{Status: "ERROR", Message: strings.TrimSpace(attribute(e, "value") + " " + text)}
	case isStatus && value == "OVERFLOW":
		r.left = &StatusError{Status: "OVERFLOW", Message: text}
	}
	return err
}

// text reads to the end of the element that began, and returns the text that is
// directly in it, the first of that.
func (r *Reader) text() (string, error) {
	var b strings.Builder
	var err error
	for depth := r.depth; err == nil && r.depth >= depth; {
		var tok xml.Token
		tok, err = r.inside()
		if c, ok := tok.(xml.CharData); ok && r.depth == depth && b.Len() < maxText {
			b.Write(c[:min(len(c), maxText-b.Len())])
		}
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(b.String()), " "), ""), err
}

// finish reads what follows the rows, where services say that they left out some
// and where no more of these may be.
func (r *Reader) finish() error {
	tok, err := r.inside()
	if err != nil {
		return err
	}
	if _, ok := tok.(xml.EndElement); !ok {
		return r.errorf("something else among the rows")
	}
	for inTable := true; ; {
		tok, err := r.token()
		if err == io.EOF && r.left != nil {
			return r.left
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			inTable = inTable && r.depth >= r.data-1
		case xml.StartElement:
			if err := r.behind(t, inTable); err != nil {
				return err
			}
		}
	}
}

// behind looks at an element behind the rows: other tables are not read.
func (r *Reader) behind(e xml.StartElement, inTable bool) error {
	if e.Name.Local == "INFO" {
		return r.readInfo(e)
	}
	if !inTable {
		return nil
	}
	switch e.Name.Local {
	case "FIELD", "DATA", "TABLEDATA", "BINARY", "BINARY2", "FITS", "STREAM", "TR", "TD":
		return r.errorf("<%s> behind the rows of its table", e.Name.Local)
	}
	return nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
