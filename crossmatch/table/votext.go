package table

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// voRows reads rows of a VOTable to builders, nil for columns that are not
// wanted.
type voRows interface {
	// row returns how many bytes a row was; io.EOF behind the last.
	row(builders []array.Builder) (int, error)
}

// tableData reads the rows of TABLEDATA: TR and TD, and nothing else.
type tableData struct {
	src  *voSource
	cols []voColumn
	cell []byte

	taken int64 // bytes of rows
	empty int64 // bytes of arrays whose cells are empty
}

func (t *tableData) row(builders []array.Builder) (int, error) {
	t.src.left = maxUnit
	tag, err := t.tag(false)
	if err != nil {
		return 0, err
	}
	if tag.end && tag.name == "TABLEDATA" {
		t.src.unread("</" + tag.raw + ">") // the decoder began it
		return 0, io.EOF
	}
	if tag.name != "TR" || tag.end {
		return 0, fmt.Errorf("<%s> where a row, <TR>, should be", clip(tag.raw))
	}
	n, empty := 0, t.empty
	for !tag.empty {
		if tag, err = t.tag(false); err != nil {
			return 0, err
		}
		if tag.end && tag.name == "TR" {
			break
		}
		if tag.name != "TD" || tag.end {
			return 0, fmt.Errorf("<%s> where a cell, <TD>, should be", clip(tag.raw))
		}
		if n == len(t.cols) {
			return 0, fmt.Errorf("more cells than the %d columns", len(t.cols))
		}
		if err := t.readCell(tag); err != nil {
			return 0, err
		}
		tag.empty = false // the cell is, not the row
		if b := builders[n]; b != nil {
			err := t.charge(&t.cols[n])
			if err == nil {
				err = t.cols[n].appendText(b, bytes.TrimSpace(t.cell))
			}
			if err != nil {
				return 0, fmt.Errorf("column %q: %q: %w", clip(t.cols[n].name), clip(string(t.cell)), err)
			}
		}
		n++
	}
	if n != len(t.cols) {
		return 0, fmt.Errorf("%d cells, but there are %d columns", n, len(t.cols))
	}
	size := maxUnit - t.src.left
	t.taken += int64(size)
	return size + int(t.empty-empty), nil
}

// charge counts what an array takes whose cell has next to nothing: a small file
// must not need much memory.
func (t *tableData) charge(c *voColumn) error {
	if c.repeat <= 1 || c.text() || len(t.cell) >= c.repeat {
		return nil
	}
	t.empty += int64(c.repeat) * int64(c.size)
	if t.empty > maxUnit+1000*(t.taken+int64(maxUnit-t.src.left)) {
		return fmt.Errorf("its arrays of %d are empty, and would take more than %d MiB", c.repeat, maxUnit>>20)
	}
	return nil
}

// readCell reads the text of a cell that began.
func (t *tableData) readCell(began voTag) error {
	t.cell = t.cell[:0]
	if began.empty {
		return nil
	}
	tag, err := t.tag(true)
	if err == nil && (tag.name != "TD" || !tag.end) {
		err = fmt.Errorf("<%s> inside a cell", clip(tag.raw))
	}
	return err
}

// read reads a byte: inside of rows is no place to end.
func (t *tableData) read() (byte, error) {
	c, err := t.src.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// appendText appends a cell.
func (c *voColumn) appendText(b array.Builder, s []byte) error {
	if len(s) > 0 && c.nullText != "" && string(s) == c.nullText {
		s = nil
	}
	list, ok := b.(*array.FixedSizeListBuilder)
	if !ok {
		return appendText(b, s)
	}
	if len(s) == 0 {
		list.AppendNull()
		return nil
	}
	parts := bytes.Fields(s)
	if len(parts) != c.repeat {
		return fmt.Errorf("%d numbers where there should be %d", len(parts), c.repeat)
	}
	list.Append(true)
	for _, part := range parts {
		if c.nullText != "" && string(part) == c.nullText {
			part = nil
		}
		if err := appendText(list.ValueBuilder(), part); err != nil {
			return err
		}
	}
	return nil
}

// voTag is a tag of XML.
type voTag struct {
	raw, name  string // with and without the prefix
	end, empty bool
}

// tag reads up to a tag, with the text before it into cell if that is wanted.
func (t *tableData) tag(text bool) (voTag, error) {
	for {
		c, err := t.read()
		if err != nil {
			return voTag{}, err
		}
		switch {
		case c == '<':
			tag, markup, err := t.markup(text)
			if err != nil || markup {
				return tag, err
			}
		case !text:
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return voTag{}, errors.New("text between cells")
			}
		case c == '&':
			if err := t.entity(); err != nil {
				return voTag{}, err
			}
		default:
			t.cell = append(t.cell, c)
		}
	}
}

// markup reads what stands behind a <. What is no tag (a comment, an instruction,
// CDATA, which is text) is read over.
func (t *tableData) markup(text bool) (tag voTag, ok bool, err error) {
	var name [64]byte
	n := 0
	c, err := t.read()
	if err != nil {
		return tag, false, err
	}
	switch c {
	case '!':
		return tag, false, t.declaration(text)
	case '?':
		return tag, false, t.until("?>", nil)
	case '/':
		tag.end = true
		if c, err = t.read(); err != nil {
			return tag, false, err
		}
	}
	for ; c != '>' && c != '/' && c > ' '; n++ {
		if n == len(name) {
			return tag, false, fmt.Errorf("<%s… is no tag of a row", clip(string(name[:])))
		}
		name[n] = c
		if c, err = t.read(); err != nil {
			return tag, false, err
		}
	}
	if err = t.attributes(c); err != nil {
		return tag, false, err
	}
	tag.raw = known(name[:n])
	tag.name = tag.raw
	if i := bytes.IndexByte(name[:n], ':'); i >= 0 {
		tag.name = known(name[i+1 : n])
	}
	tag.empty = !tag.end && t.src.closed()
	return tag, true, nil
}

// known makes a string of a name without allocating it for each cell.
func known(name []byte) string {
	switch string(name) {
	case "TD":
		return "TD"
	case "TR":
		return "TR"
	}
	return string(name)
}

// attributes reads to the end of a tag, of which c was read.
func (t *tableData) attributes(c byte) error {
	quote := byte(0)
	for c != '>' || quote != 0 {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
		var err error
		if c, err = t.read(); err != nil {
			return err
		}
	}
	return nil
}

func (t *tableData) declaration(text bool) error {
	c, err := t.read()
	if err != nil {
		return err
	}
	if c == '-' {
		return t.until("-->", nil)
	}
	for i, want := range []byte("[CDATA[") {
		if i > 0 {
			if c, err = t.read(); err != nil {
				return err
			}
		}
		if c != want || !text {
			return errors.New("<! where no declaration can be")
		}
	}
	return t.until("]]>", &t.cell)
}

// until reads to an end mark, what is before it into a buffer if there is one.
func (t *tableData) until(end string, into *[]byte) error {
	var last []byte
	for {
		c, err := t.read()
		if err != nil {
			return err
		}
		last = append(last, c)
		if bytes.HasSuffix(last, []byte(end)) {
			if into != nil {
				*into = append(*into, last[:len(last)-len(end)]...)
			}
			return nil
		}
		if into == nil && len(last) > 4096 {
			last = append(last[:0], last[len(last)-len(end):]...)
		}
	}
}

// entity reads what stands behind an &.
func (t *tableData) entity() error {
	var name []byte
	for {
		c, err := t.read()
		if err != nil {
			return err
		}
		if c == ';' {
			break
		}
		if name = append(name, c); len(name) > 16 {
			return fmt.Errorf("&%s… is no entity", clip(string(name)))
		}
	}
	if s, ok := entities[string(name)]; ok {
		t.cell = append(t.cell, s...)
		return nil
	}
	if s, ok := xml.HTMLEntity[string(name)]; ok {
		t.cell = append(t.cell, s...)
		return nil
	}
	if digits, ok := bytes.CutPrefix(name, []byte("#")); ok {
		base := 10
		if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
			digits, base = hex, 16
		}
		if v, err := strconv.ParseUint(string(digits), base, 21); err == nil && utf8.ValidRune(rune(v)) {
			t.cell = utf8.AppendRune(t.cell, rune(v))
			return nil
		}
	}
	return fmt.Errorf("&%s; is no entity", clip(string(name)))
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}
