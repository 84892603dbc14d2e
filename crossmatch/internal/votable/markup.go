package votable

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// markup reads the XML of rows in place of the slow decoder.
type markup struct{ src *source }

// tag is an XML tag.
type tag struct {
	raw, name  string // with and without the namespace prefix
	end, empty bool
}

// tag reads the next tag and appends the text before it to into. If into is nil,
// text is an error.
func (m *markup) tag(into *[]byte) (tag, error) {
	for {
		c, err := m.src.inside()
		if err != nil {
			return tag{}, err
		}
		switch {
		case c == '<':
			if t, ok := m.src.plainTag(); ok {
				return t, nil
			}
			if t, ok, err := m.afterBracket(into); err != nil || ok {
				return t, err
			}
		case into == nil:
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return tag{}, errors.New("text between cells")
			}
		case c == '&':
			if err := m.entity(into); err != nil {
				return tag{}, err
			}
		default:
			*into = m.src.chars(append(*into, c))
		}
	}
}

// afterBracket reads a tag after its <. If it is a comment, an instruction or CDATA,
// whose text it appends to into, ok is false.
func (m *markup) afterBracket(into *[]byte) (t tag, ok bool, err error) {
	var name [64]byte
	n := 0
	c, err := m.src.inside()
	if err != nil {
		return t, false, err
	}
	switch c {
	case '!':
		return t, false, m.declaration(into)
	case '?':
		return t, false, m.until("?>", nil)
	case '/':
		t.end = true
		if c, err = m.src.inside(); err != nil {
			return t, false, err
		}
	}
	for ; c != '>' && c != '/' && c > ' '; n++ {
		if n == len(name) {
			return t, false, fmt.Errorf("<%.60s… is not a tag of a row", name)
		}
		name[n] = c
		if c, err = m.src.inside(); err != nil {
			return t, false, err
		}
	}
	if err = m.attributes(c); err != nil {
		return t, false, err
	}
	t.raw = known(name[:n])
	t.name = t.raw
	if i := bytes.IndexByte(name[:n], ':'); i >= 0 {
		t.name = known(name[i+1 : n])
	}
	t.empty = !t.end && m.src.closed()
	return t, true, nil
}

// known returns a name as a string, without an allocation for each cell.
func known(name []byte) string {
	switch string(name) {
	case "TD":
		return "TD"
	case "TR":
		return "TR"
	}
	return string(name)
}

// attributes reads to the end of a tag, whose byte c was read last.
func (m *markup) attributes(c byte) error {
	quote := byte(0)
	for c != '>' || quote != 0 {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
		var err error
		if c, err = m.src.inside(); err != nil {
			return err
		}
	}
	return nil
}

// declaration reads a comment after its <!, or CDATA if text is allowed.
func (m *markup) declaration(into *[]byte) error {
	c, err := m.src.inside()
	if err != nil {
		return err
	}
	if c == '-' {
		return m.until("-->", nil)
	}
	for i, want := range []byte("[CDATA[") {
		if i > 0 {
			if c, err = m.src.inside(); err != nil {
				return err
			}
		}
		if c != want || into == nil {
			return errors.New("unexpected markup <! here")
		}
	}
	return m.until("]]>", into)
}

// until reads to an end mark and appends the text before it, unless into is nil.
func (m *markup) until(end string, into *[]byte) error {
	var last []byte
	for {
		c, err := m.src.inside()
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

// entity reads an entity after its & and appends its text.
func (m *markup) entity(into *[]byte) error {
	var name []byte
	for {
		c, err := m.src.inside()
		if err != nil {
			return err
		}
		if c == ';' {
			break
		}
		if name = append(name, c); len(name) > 16 {
			return fmt.Errorf("&%s… is not an entity", string(name))
		}
	}
	if s, ok := entities[string(name)]; ok {
		*into = append(*into, s...)
		return nil
	}
	if s, ok := xml.HTMLEntity[string(name)]; ok {
		*into = append(*into, s...)
		return nil
	}
	if digits, ok := bytes.CutPrefix(name, []byte("#")); ok {
		base := 10
		if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
			digits, base = hex, 16
		}
		if v, err := strconv.ParseUint(string(digits), base, 21); err == nil && utf8.ValidRune(rune(v)) {
			*into = utf8.AppendRune(*into, rune(v))
			return nil
		}
	}
	return fmt.Errorf("&%s; is not an entity", string(name))
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}
