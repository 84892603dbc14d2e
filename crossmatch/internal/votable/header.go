package votable

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/skyfinch/skyfinch/crossmatch/internal/clip"
)

const (
	// maxDepth bounds nested elements: those of the standard need a dozen levels.
	maxDepth = 64
	// maxFields bounds the memory that a header of nothing but names can take.
	maxFields = 10_000
	// maxText bounds a description or message, in bytes.
	maxText = 4096
)

func newDecoder(src *source) *xml.Decoder {
	from := &tokenSource{source: src}
	d := xml.NewDecoder(from)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
			src.latin = true
			return from, nil
		}
		return nil, fmt.Errorf("the encoding %.60q is not supported: convert it to UTF-8", charset)
	}
	return d
}

// token reads the next XML token.
func (r *Reader) token() (xml.Token, error) {
	r.src.left, r.src.fresh = maxBuffer, true
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

// inside is token within an element, where the document must not end.
func (r *Reader) inside() (xml.Token, error) {
	tok, err := r.token()
	return tok, unexpected(err)
}

// unexpected replaces io.EOF by io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// syntax adds the line to an error of the XML decoder, which does not see all lines.
func (r *Reader) syntax(err error) error {
	var syntax *xml.SyntaxError
	isSyntax, text := errors.As(err, &syntax), err.Error()
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), isSyntax && strings.Contains(syntax.Msg, "unexpected EOF"):
		return r.errorf("it is truncated: %w", io.ErrUnexpectedEOF)
	case isSyntax:
		text = syntax.Msg
	case len(text) <= 200:
		return r.errorf("%w", err)
	}
	return r.errorf("not valid XML: %s", clip.Text(text, 60)) // it may quote the file
}

func (r *Reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.src.line}, args...)...)
}

// readHeader reads up to the rows of the first table with data.
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
			return fmt.Errorf("it is <%.60s>, not a VOTable: is it an error page?", start.Name.Local)
		}
		root = true
		if err := r.element(start); err != nil || r.kind != "" {
			return err
		}
	}
}

// withoutRows returns the error of a document without rows: a table without DATA is
// valid, and empty.
func (r *Reader) withoutRows(root bool) error {
	if !root {
		return errors.New("it is not a VOTable")
	}
	if r.overflow != nil {
		return r.overflow
	}
	return nil
}

// element handles an element before the rows.
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

// encoding handles an element of DATA, whose name is the encoding of the rows.
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
		return r.errorf("its rows are in %.60s, which is not supported in a VOTable", name)
	}
}

// readField reads a FIELD and its children.
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

// readInfo reads the status of the service. An error counts even if its message is
// truncated.
func (r *Reader) readInfo(e xml.StartElement) error {
	name, value := attribute(e, "name"), strings.ToUpper(strings.TrimSpace(attribute(e, "value")))
	isStatus := strings.EqualFold(name, "QUERY_STATUS") || attribute(e, "ID") == "QUERY_STATUS"
	text, err := r.text()
	switch {
	case isStatus && value == "ERROR":
		return &StatusError{Status: "ERROR", Message: text}
	case strings.EqualFold(name, "Error"): // of early protocols
		return &StatusError{Status: "ERROR", Message: strings.TrimSpace(attribute(e, "value") + " " + text)}
	case isStatus && value == "OVERFLOW":
		r.overflow = &StatusError{Status: "OVERFLOW", Message: text}
	}
	return err
}

// text reads to the end of the current element and returns the text directly in it,
// up to maxText.
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

// finish reads the rest of the document. Services report there that they left rows
// out; more rows are an error.
func (r *Reader) finish() error {
	tok, err := r.inside()
	if err != nil {
		return err
	}
	if _, ok := tok.(xml.EndElement); !ok {
		return r.errorf("unexpected markup among the rows")
	}
	for inTable := true; ; {
		tok, err := r.token()
		if err == io.EOF && r.overflow != nil {
			return r.overflow
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			inTable = inTable && r.depth >= r.data-1
		case xml.StartElement:
			if err := r.afterRows(t, inTable); err != nil {
				return err
			}
		}
	}
}

// afterRows handles an element after the rows. Other tables are not read.
func (r *Reader) afterRows(e xml.StartElement, inTable bool) error {
	if e.Name.Local == "INFO" {
		return r.readInfo(e)
	}
	if !inTable {
		return nil
	}
	switch e.Name.Local {
	case "FIELD", "DATA", "TABLEDATA", "BINARY", "BINARY2", "FITS", "STREAM", "TR", "TD":
		return r.errorf("<%s> after the rows of its table", e.Name.Local)
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
